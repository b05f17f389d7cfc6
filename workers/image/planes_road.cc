// SPDX-License-Identifier: Apache-2.0
#include "workers/image/planes_road.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "codecs/arrange/orientation.h"
#include "codecs/encode/jpeg_encoder.h"
#include "codecs/encode/webp_encoder.h"
#include "codecs/jpeg/decoder.h"
#include "codecs/resample/picture_resampler.h"
#include "codecs/rgb/rgb.h"
#include "workers/image/exif.h"
#include "workers/image/icc_profile.h"

namespace millrace::workers::image {
namespace {

using codecs::OutputChroma;
using codecs::Planes;
using vips::VImage;

// From here on colour is worth its full resolution; libvips draws the line at the same place.
constexpr int kFullColorQualityPct = 90;
// What stands before the EXIF of a JPEG alone.
constexpr std::string_view kExifName("Exif\0\0", 6);

// As coarse as leaves the resampler a factor of two, which libvips leaves too. Where the file will
// be a small one, 1.4, and 1.75 for the means of whole blocks: what that costs is little beside
// what the file loses (docs/decisions/0080-the-road-of-planes.md).
int eighths_for(double shrink, OutputChroma chroma) {
  const bool fine = chroma == OutputChroma::Full;
  if (shrink >= (fine ? 16 : 14)) return 1;
  if (shrink >= (fine ? 8 : 5.6)) return 2;
  if (shrink >= (fine ? 4 : 2.8)) return 4;
  return 8;
}

// What the resamplers of all components read, in pixels of the picture.
codecs::JpegRegion region_of(const codecs::PictureResampler& resampler,
                             const codecs::SourcePicture& source) {
  double left = source.width_px;
  double top = source.height_px;
  double right = 0;
  double bottom = 0;
  for (std::size_t i = 0; i < resampler.components(); ++i) {
    const codecs::Region& needs = resampler.needs(i);
    const codecs::SourceComponent& component = source.components[i];
    left = std::min(left, needs.columns.first * component.px_across);
    top = std::min(top, needs.rows.first * component.px_down);
    right = std::max(right, needs.columns.end() * component.px_across);
    bottom = std::max(bottom, needs.rows.end() * component.px_down);
  }
  const auto first_column = static_cast<std::int32_t>(left);
  const auto first_row = static_cast<std::int32_t>(top);
  return {first_column, first_row, static_cast<std::int32_t>(std::ceil(right)) - first_column,
          static_cast<std::int32_t>(std::ceil(bottom)) - first_row};
}

// The smallest region that holds both.
codecs::JpegRegion around(const codecs::JpegRegion& a, const codecs::JpegRegion& b) {
  const std::int32_t left = std::min(a.left, b.left);
  const std::int32_t top = std::min(a.top, b.top);
  return {left, top, std::max(a.left + a.width, b.left + b.width) - left,
          std::max(a.top + a.height, b.top + b.height) - top};
}

// What a decode takes, in pixels at full scale: as measured (bench/results/jpeg_decode.json), and
// what lies before and beside the region is read over.
double decode_cost(const codecs::JpegHeader& header, int eighths,
                   const codecs::JpegRegion& region) {
  constexpr double kReadOver = 0.35;
  const double each = eighths == 8 ? 1.0 : eighths == 4 ? 0.72 : eighths == 2 ? 0.52 : 0.42;
  const double inside = static_cast<double>(region.width) * region.height;
  const double rows = std::min(region.top + region.height, header.height_px);
  return each * inside + kReadOver * (static_cast<double>(header.width_px) * rows - inside);
}

}  // namespace

std::optional<PlanesRoad> PlanesRoad::open(const Source& source) {
  if (source.format != SourceFormat::Jpeg) return std::nullopt;
  std::shared_ptr<const codecs::RgbToSrgb> to_srgb;
  if (!source.is_plain_srgb) {
    const auto device = device_rgb(source.jpeg_icc);
    if (!device) return std::nullopt;
    to_srgb = std::make_shared<const codecs::RgbToSrgb>(*device);
  }
  auto header = codecs::read_jpeg_header(source.bytes);
  if (!header || !codecs::layout_of(*header, {})) return std::nullopt;
  if (to_srgb && header->components.size() != 3) return std::nullopt;
  return PlanesRoad(source, *std::move(header), std::move(to_srgb));
}

// A request's way from the decoder's bands to its planes.
struct PlanesRoad::Rendering {
  int eighths;
  int orientation;
  codecs::JpegRegion region;
  codecs::PictureResampler resampler;
};

base::Result<PlanesRoad::Rendering> PlanesRoad::plan(const PlanesRequest& request) const {
  // From here on as stored.
  const Placement& placement = request.placement;
  const Size whole = upright(PictureShape{placement.whole, request.orientation}).size;
  const Area kept = stored_area(placement.kept, placement.whole, request.orientation);
  const double across = static_cast<double>(header_.width_px) / static_cast<double>(whole.width);
  const double down = static_cast<double>(header_.height_px) / static_cast<double>(whole.height);

  const int eighths = eighths_for(std::min(across, down), request.chroma);
  const auto stored = codecs::layout_of(header_, {eighths, {}});
  if (!stored) return base::fail(base::Reason::Internal, "The JPEG is not made of planes.");
  const codecs::SourcePicture source =
      codecs::scaled_jpeg(header_.width_px, header_.height_px, stored->components.size() == 1,
                          stored->chroma_across, stored->chroma_down, eighths);
  const codecs::Area area{static_cast<double>(kept.left) * across,
                          static_cast<double>(kept.top) * down,
                          static_cast<double>(kept.left + kept.width) * across,
                          static_cast<double>(kept.top + kept.height) * down};
  const codecs::OutputPicture output{.width_px = static_cast<std::int32_t>(kept.width),
                                     .height_px = static_cast<std::int32_t>(kept.height),
                                     .chroma = to_srgb_ ? OutputChroma::Full : request.chroma,
                                     .mirrored_across = codecs::mirrors_across(request.orientation),
                                     .mirrored_down = codecs::mirrors_down(request.orientation)};
  codecs::PictureResampler resampler(codecs::plan_picture(source, area, output));
  const codecs::JpegRegion region = region_of(resampler, source);
  return Rendering{eighths, request.orientation, region, std::move(resampler)};
}

base::Result<Planes> PlanesRoad::render(const PlanesRequest& request,
                                        const TaskWatch& watch) const {
  auto planes = render_all({&request, 1}, watch);
  if (!planes) return base::fail(std::move(planes.error()));
  return std::move(planes->front());
}

base::Result<std::vector<Planes>> PlanesRoad::render_all(std::span<const PlanesRequest> requests,
                                                         const TaskWatch& watch) const {
  std::vector<Rendering> renderings;
  codecs::JpegScales scales;
  for (const PlanesRequest& request : requests) {
    auto planned = plan(request);
    if (!planned) return base::fail(std::move(planned.error()));
    scales.region = scales.region ? around(*scales.region, planned->region) : planned->region;
    scales.eighths.push_back(planned->eighths);
    renderings.push_back(*std::move(planned));
  }
  std::ranges::sort(scales.eighths, std::greater<>());
  const auto same = std::ranges::unique(scales.eighths);
  scales.eighths.erase(same.begin(), same.end());

  const auto check = [&watch] { return watch.check(); };
  const auto push = [&](std::size_t scale, const codecs::JpegBand& band) -> base::Result<void> {
    for (Rendering& rendering : renderings) {
      if (rendering.eighths != scales.eighths[scale]) continue;
      rendering.resampler.push(static_cast<std::size_t>(band.component), band.first_row,
                               band.first_column, band.samples);
    }
    return band.component == 0 ? check() : base::Result<void>();
  };
  auto decoded = codecs::decode_jpeg_at_scales(source_->bytes, header_, scales, push, check);
  if (!decoded) return base::fail(std::move(decoded.error()));
  std::vector<Planes> all;
  for (Rendering& rendering : renderings) {
    if (!rendering.resampler.done()) {
      return base::fail(base::Reason::Internal, "The decoder left rows out.");
    }
    const OutputChroma chroma = requests[all.size()].chroma;
    all.push_back(codecs::oriented(rendering.resampler.take(), rendering.orientation));
    if (to_srgb_) all.back() = in_srgb(all.back(), chroma);
  }
  return all;
}

Planes PlanesRoad::in_srgb(const Planes& planes, OutputChroma chroma) const {
  const auto width = static_cast<std::size_t>(planes.width());
  const auto height = static_cast<std::size_t>(planes.height());
  const auto stride_bytes = static_cast<std::ptrdiff_t>(3 * width);
  std::vector<std::uint8_t> pixels(3 * width * height);
  codecs::to_rgb(planes, pixels.data(), stride_bytes);
  to_srgb_->convert(pixels.data(), width * height);
  const int factor = chroma == OutputChroma::Full ? 1 : 2;
  return codecs::from_rgb({pixels.data(), planes.width(), planes.height(), stride_bytes}, factor,
                          factor);
}

std::vector<std::size_t> PlanesRoad::worth_sharing(const PlanesRequest& first,
                                                   std::span<const PlanesRequest> others) const {
  std::vector<std::size_t> chosen;
  const auto leader = plan(first);
  if (!leader) return chosen;
  int eighths = leader->eighths;
  codecs::JpegRegion region = leader->region;
  for (std::size_t i = 0; i < others.size(); ++i) {
    const auto other = plan(others[i]);
    if (!other) continue;
    const int finest = std::max(eighths, other->eighths);
    const codecs::JpegRegion both = around(region, other->region);
    const double together = decode_cost(header_, finest, both);
    const double apart =
        decode_cost(header_, eighths, region) + decode_cost(header_, other->eighths, other->region);
    if (together > apart) continue;
    eighths = finest;
    region = both;
    chosen.push_back(i);
  }
  return chosen;
}

bool takes_planes(const Encoding& encoding) {
  return encoding.format == OutputFormat::Jpeg ||
         (encoding.format == OutputFormat::Webp && !encoding.lossless);
}

OutputChroma chroma_for(const Encoding& encoding) {
  const bool full =
      encoding.format == OutputFormat::Jpeg && encoding.quality_pct >= kFullColorQualityPct;
  return full ? OutputChroma::Full : OutputChroma::Quarter;
}

base::Result<std::vector<std::byte>> encode_planes(Planes& planes, const Encoding& encoding,
                                                   const FileNotes& notes, const TaskWatch& watch) {
  const std::vector<std::uint8_t> block = exif_with(encoding.orientation, notes.copyright);
  if (encoding.format == OutputFormat::Webp) {
    codecs::WebpSettings settings;
    settings.quality_pct = encoding.quality_pct;
    settings.effort = encoding.webp_effort > 0 ? encoding.webp_effort
                                               : webp_effort_for({planes.width(), planes.height()});
    if (!block.empty()) settings.exif = std::span(block).subspan(kExifName.size());
    settings.profile = notes.icc;
    settings.check = [&watch] { return watch.check(); };
    return codecs::encode_webp(planes, settings);
  }
  const codecs::JpegSegment exif{1, block};
  codecs::JpegSettings settings;
  settings.quality_pct = encoding.quality_pct;
  settings.optimised_tables =
      static_cast<std::int64_t>(planes.width()) * planes.height() <= kOwnTablesPxMax;
  settings.progressive = encoding.interlace;
  settings.density_dpi = encoding.density_dpi;
  settings.profile = notes.icc;
  if (!block.empty()) settings.segments = {&exif, 1};
  return codecs::encode_jpeg(planes, settings);
}

VImage picture_of(const Planes& planes) {
  const int bands = planes.grey() ? 1 : 3;
  VipsImage* memory = vips_image_new_memory();
  const VImage picture(memory);  // owns it
  vips_image_init_fields(
      memory, planes.width(), planes.height(), bands, VIPS_FORMAT_UCHAR, VIPS_CODING_NONE,
      planes.grey() ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB, 1.0, 1.0);
  if (vips_image_write_prepare(memory) != 0) throw vips::VError();
  if (!planes.grey()) {
    codecs::to_rgb(planes, VIPS_IMAGE_ADDR(memory, 0, 0),
                   static_cast<std::ptrdiff_t>(VIPS_IMAGE_SIZEOF_LINE(memory)));
    return picture;
  }
  for (std::int32_t y = 0; y < planes.height(); ++y) {
    std::memcpy(VIPS_IMAGE_ADDR(memory, 0, y), planes.components.front().row(y),
                static_cast<std::size_t>(planes.width()));
  }
  return picture;
}

Planes planes_of(const VImage& picture) {
  VipsImage* memory = picture.get_image();
  if (picture.bands() == 3) {
    return codecs::from_rgb({VIPS_IMAGE_ADDR(memory, 0, 0), picture.width(), picture.height(),
                             static_cast<std::ptrdiff_t>(VIPS_IMAGE_SIZEOF_LINE(memory))},
                            2, 2);
  }
  Planes planes;
  planes.components.emplace_back(picture.width(), picture.height());
  for (int y = 0; y < picture.height(); ++y) {
    std::memcpy(planes.components.front().row(y), VIPS_IMAGE_ADDR(memory, 0, y),
                static_cast<std::size_t>(picture.width()));
  }
  return planes;
}

}  // namespace millrace::workers::image
