// SPDX-License-Identifier: Apache-2.0
#include "workers/image/saver.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "codecs/png/encoder.h"
#include "workers/image/color.h"
#include "workers/image/exif.h"
#include "workers/image/palette.h"
#include "workers/image/pixels.h"
#include "workers/image/planes_road.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;
using vips::VOption;

// Of 0..9, by what a WebP of the same picture costs: at most six times that, where 3 costs up to
// ten times it (docs/decisions/0079). x265, which writes HEIC, does not listen to it.
constexpr int kAvifEffort = 2;
// At most seven times that; 3 and 4 cost less, in files that are a fifth larger.
constexpr int kJxlEffort = 5;
// Below it libvips 8.14 asks libjxl for a distance that there is not, and is given the default's.
constexpr int kJxlQualityMin = 5;
constexpr int kGifColorsDefault = 256;

struct BlobRelease {
  void operator()(VipsBlob* blob) const { vips_area_unref(VIPS_AREA(blob)); }
};
using Blob = std::unique_ptr<VipsBlob, BlobRelease>;

constexpr double kMmPerInch = 25.4;

// GIF has no place for it, and readers of AVIF do not look for it in the EXIF.
bool holds_orientation(OutputFormat format) {
  return format == OutputFormat::Png || format == OutputFormat::Webp;
}

VImage on_white(const VImage& image) {
  const std::vector<double> white(static_cast<std::size_t>(image.bands()) - 1, 255.0);
  return image.flatten(VImage::option()->set("background", white));
}

// libvips writes whatever metadata the picture carries, and makes up EXIF of its own.
void drop_metadata(VImage& image) {
  gchar** fields = vips_image_get_fields(image.get_image());
  for (gchar** field = fields; *field != nullptr; ++field) {
    // What has come so far is to be kept.
    if (std::string_view(*field) != VIPS_META_ICC_NAME) image.remove(*field);
  }
  g_strfreev(fields);
}

ByteSpan profile_of(const VImage& image) {
  if (!has_profile(image)) return {};
  std::size_t bytes = 0;
  const void* profile = image.get_blob(VIPS_META_ICC_NAME, &bytes);
  return {static_cast<const std::uint8_t*>(profile), bytes};
}

// libvips turns a notice that is set as text into ASCII, and writes no EXIF into a PNG that had
// none. What it has loaded itself it writes back byte for byte: so it loads the notice, and the
// orientation, from a JPEG of one block.
base::Result<void> attach_exif(VImage& image, const std::string& copyright, int orientation,
                               const TaskWatch& watch) {
  std::vector<std::byte> file;
  Encoding encoding;
  encoding.orientation = orientation;
  auto saved = save_jpeg(VImage::black(8, 8), encoding, copyright, watch,
                         [&file](std::span<const std::byte> bytes) -> base::Result<void> {
                           file.assign(bytes.begin(), bytes.end());
                           return {};
                         });
  if (!saved) return saved;
  const Blob blob(vips_blob_new(nullptr, file.data(), file.size()));
  const VImage carrier = VImage::jpegload_buffer(blob.get());
  gchar** fields = vips_image_get_fields(carrier.get_image());
  for (gchar** field = fields; *field != nullptr; ++field) {
    const bool is_orientation = std::string_view(*field) == VIPS_META_ORIENTATION;
    if (!is_orientation && !g_str_has_prefix(*field, "exif-")) continue;
    GValue value = G_VALUE_INIT;
    if (vips_image_get(carrier.get_image(), *field, &value) != 0) continue;
    vips_image_set(image.get_image(), *field, &value);
    g_value_unset(&value);
  }
  g_strfreev(fields);
  return {};
}

// libvips 8.14 forgets "strip" when it writes WebP. Takes the EXIF chunk out (RIFF: name, length,
// body, padding to even).
std::vector<std::byte> webp_without_exif(std::span<const std::byte> file) {
  constexpr std::size_t kHeaderBytes = 12;
  constexpr std::byte kExifFlag{0x08};  // in the first byte of VP8X
  std::vector<std::byte> kept(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                               file.size(), kHeaderBytes)));
  for (std::size_t at = kHeaderBytes; at + 8 <= file.size();) {
    const auto name = std::string_view(reinterpret_cast<const char*>(&file[at]), 4);
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i)
      length |= std::to_integer<std::size_t>(file[at + 4 + i]) << (8 * i);
    const std::size_t end = std::min(file.size(), at + 8 + length + length % 2);
    if (name != "EXIF") {
      const std::size_t begins = kept.size();
      kept.insert(kept.end(), file.begin() + static_cast<std::ptrdiff_t>(at),
                  file.begin() + static_cast<std::ptrdiff_t>(end));
      if (name == "VP8X") kept[begins + 8] &= ~kExifFlag;
    }
    at = end;
  }
  for (std::size_t i = 0; i < 4; ++i)
    kept[4 + i] = static_cast<std::byte>((kept.size() - 8) >> (8 * i));
  return kept;
}

int palette_bits(int colors) {
  int bits = 1;
  while ((1 << bits) < colors) ++bits;
  return bits;
}

Blob encoded(const VImage& image, const Encoding& encoding, VOption* options) {
  switch (encoding.format) {
    case OutputFormat::Png:
      return Blob(image.pngsave_buffer(options->set("interlace", encoding.interlace)));
    case OutputFormat::Webp:
      return Blob(image.webpsave_buffer(
          options->set("Q", encoding.quality_pct)->set("lossless", encoding.lossless)));
    case OutputFormat::Gif:
      return Blob(image.gifsave_buffer(
          options->set("interlace", encoding.interlace)
              ->set("bitdepth",
                    palette_bits(encoding.colors > 0 ? encoding.colors : kGifColorsDefault))));
    case OutputFormat::Jxl:
      return Blob(
          image.jxlsave_buffer(options->set("Q", std::max(encoding.quality_pct, kJxlQualityMin))
                                   ->set("lossless", encoding.lossless)
                                   ->set("effort", kJxlEffort)));
    case OutputFormat::Tiff:
      return Blob(
          image.tiffsave_buffer(options->set("compression", VIPS_FOREIGN_TIFF_COMPRESSION_DEFLATE)
                                    ->set("predictor", VIPS_FOREIGN_TIFF_PREDICTOR_HORIZONTAL)));
    case OutputFormat::Avif:
    case OutputFormat::Heic:
    case OutputFormat::Jpeg:  // these two have savers of their own
    case OutputFormat::Bmp:
      break;
  }
  const bool avif = encoding.format == OutputFormat::Avif;
  return Blob(
      image.heifsave_buffer(options->set("Q", encoding.quality_pct)
                                ->set("compression", avif ? VIPS_FOREIGN_HEIF_COMPRESSION_AV1
                                                          : VIPS_FOREIGN_HEIF_COMPRESSION_HEVC)
                                ->set("bitdepth", 8)
                                ->set("effort", kAvifEffort)));
}

// Lossy WebP without alpha, by the encoder of the road of planes: what it gives for a quality must
// not depend on the road.
base::Result<void> save_webp(const VImage& pixels, const Encoding& encoding,
                             const std::string& copyright, const TaskWatch& watch,
                             const TakeFile& take) {
  codecs::Planes planes = planes_of(pixels);
  auto file = encode_planes(planes, encoding, {copyright, profile_of(pixels)}, watch);
  if (!file) return base::fail(std::move(file.error()));
  return take(*file);
}

constexpr std::size_t kExifNameBytes = 6;  // what stands before the EXIF of a JPEG alone

// What is deflated of a larger one would take too much memory; libvips does it strip by strip.
constexpr std::int64_t kPngBytesMax = std::int64_t{64} << 20;

// True colour, by the encoder of codecs/.
base::Result<void> save_png(const VImage& pixels, const Encoding& encoding,
                            const std::string& copyright, const TaskWatch& watch,
                            const TakeFile& take) {
  VipsImage* memory = pixels.get_image();
  const std::vector<std::uint8_t> exif = exif_with(encoding.orientation, copyright);
  codecs::PngSettings settings;
  settings.density_dpi = encoding.density_dpi;
  settings.profile = profile_of(pixels);
  if (!exif.empty()) settings.exif = std::span(exif).subspan(kExifNameBytes);
  settings.check = [&watch] { return watch.check(); };
  auto file = codecs::encode_png(
      {VIPS_IMAGE_ADDR(memory, 0, 0), pixels.width(), pixels.height(), pixels.bands(),
       static_cast<std::ptrdiff_t>(VIPS_IMAGE_SIZEOF_LINE(memory))},
      settings);
  if (!file) return base::fail(std::move(file.error()));
  return take(*file);
}

// `pixels` is in memory and carries nothing but what is to be written.
base::Result<void> save_pixels(VImage pixels, const Encoding& encoding,
                               const std::string& copyright, const TaskWatch& watch,
                               const TakeFile& take) {
  const int orientation = holds_orientation(encoding.format) ? encoding.orientation : 1;
  const bool has_exif = !copyright.empty() || orientation != 1;
  if (has_exif) {
    auto attached = attach_exif(pixels, copyright, orientation, watch);
    if (!attached) return attached;
  }
  if (encoding.density_dpi > 0) {
    const double per_mm = encoding.density_dpi / kMmPerInch;
    pixels = pixels.copy(VImage::option()->set("xres", per_mm)->set("yres", per_mm));
  }
  const bool has_metadata = has_exif || has_profile(pixels);
  if (encoding.format == OutputFormat::Png && encoding.colors > 0) {
    return save_palette_png(pixels, encoding, has_metadata, take);
  }
  const Blob blob = encoded(pixels, encoding, VImage::option()->set("strip", !has_metadata));
  std::size_t bytes = 0;
  const auto* first = static_cast<const std::byte*>(vips_blob_get(blob.get(), &bytes));
  const std::span<const std::byte> file(first, bytes);
  if (encoding.format == OutputFormat::Webp && !has_exif) return take(webp_without_exif(file));
  return take(file);
}

}  // namespace

base::Result<void> save_picture(VImage image, const Encoding& encoding,
                                const std::string& copyright, const TaskWatch& watch,
                                const TakeFile& take) {
  if (image.has_alpha() && !holds_alpha(encoding.format)) image = on_white(image);
  if (encoding.format == OutputFormat::Jpeg) {
    return save_jpeg(image, encoding, copyright, watch, take);
  }
  if (encoding.format == OutputFormat::Bmp) {
    return save_bmp(image, profile_of(image), watch, take);
  }
  // The decoding and the scaling happen here, under the watch's eye.
  auto pixels = in_memory(image, watch);
  if (!pixels) return base::fail(std::move(pixels.error()));
  drop_metadata(*pixels);
  if (takes_planes(encoding) && !pixels->has_alpha()) {
    return save_webp(*pixels, encoding, copyright, watch, take);
  }
  const Size size{pixels->width(), pixels->height()};
  if (encoding.format == OutputFormat::Png &&
      is_written_here(encoding, size, pixels->has_alpha())) {
    return save_png(*pixels, encoding, copyright, watch, take);
  }
  return save_pixels(*pixels, encoding, copyright, watch, take);
}

bool is_written_here(const Encoding& encoding, Size size, bool has_alpha) {
  switch (encoding.format) {
    case OutputFormat::Jpeg:
      return true;
    case OutputFormat::Webp:
      return takes_planes(encoding) && !has_alpha;
    case OutputFormat::Png: {
      constexpr std::int64_t kBandsMax = 4;
      return encoding.colors == 0 && !encoding.interlace &&
             size.height * (1 + size.width * kBandsMax) <= kPngBytesMax;
    }
    case OutputFormat::Gif:
    case OutputFormat::Avif:
    case OutputFormat::Heic:
    case OutputFormat::Jxl:
    case OutputFormat::Tiff:
    case OutputFormat::Bmp:
      break;
  }
  return false;
}

base::Result<void> save_animation(VImage roll, const Encoding& encoding,
                                  const std::string& copyright, const TaskWatch& watch,
                                  const TakeFile& take) {
  return save_pixels(std::move(roll), encoding, copyright, watch, take);
}

}  // namespace millrace::workers::image
