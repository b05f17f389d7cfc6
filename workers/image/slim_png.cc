// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <vips/vips8>

#include "workers/image/bytes.h"
#include "workers/image/exif.h"
#include "workers/image/loader.h"
#include "workers/image/operations.h"
#include "workers/image/pixels.h"
#include "workers/image/slim.h"
#include "workers/image/ssim.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;
using vips::VOption;

constexpr std::size_t kSignatureBytes = 8;
constexpr std::size_t kChunkFrameBytes = 12;  // length, name, check sum
constexpr int kLevelOfMostWays = 10;
constexpr int kDeflateLevelMax = 9;
// Choosing a palette costs about half a microsecond for each pixel.
constexpr std::int64_t kPalettePxMax = 6'000'000;
constexpr int kPaletteBits = 8;

// How colours and pixels are meant (PNG, third edition, 11.3.2 and 11.3.4).
constexpr std::array<std::string_view, 6> kKept = {"cHRM", "cICP", "gAMA", "iCCP", "pHYs", "sRGB"};
// What makes a picture of an encoded file (11.2, and 11.3.1.1).
constexpr std::array<std::string_view, 5> kPicture = {"IHDR", "PLTE", "tRNS", "IDAT", "IEND"};

struct BlobRelease {
  void operator()(VipsBlob* blob) const { vips_area_unref(VIPS_AREA(blob)); }
};
using Blob = std::unique_ptr<VipsBlob, BlobRelease>;

base::Result<VImage> open_png(InputBytes file) {
  Source source;
  source.bytes = file;
  source.format = SourceFormat::Png;
  return open_picture(source);
}

bool is_one_of(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

std::string_view text_of(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Calls `take` with the name of each chunk, its body, and the whole of it; stops where the file
// makes no sense.
template <class Take>
void for_each_chunk(ByteSpan file, const Take& take) {
  for (std::size_t at = kSignatureBytes; at + kChunkFrameBytes <= file.size();) {
    const std::size_t length = big_endian(file, at, 4);
    if (length > file.size() - at - kChunkFrameBytes) return;
    take(text_of(file.subspan(at + 4, 4)), file.subspan(at + 8, length),
         file.subspan(at, length + kChunkFrameBytes));
    at += length + kChunkFrameBytes;
  }
}

// What the file says beside its pixels.
struct Facts {
  int depth = 0;
  int color_type = -1;  // 0 grey, 2 colour, 3 palette; 4 and 6 with alpha
  bool is_animation = false;
  std::string kept;  // chunks, whole, to stand after the header
};

bool says_something(ByteSpan exif) {
  const ExifFacts facts = read_exif(exif);
  return facts.orientation != 1 || !facts.copyright.empty();
}

Facts facts_of(ByteSpan file) {
  Facts facts;
  bool before_pixels = true;
  for_each_chunk(file, [&](std::string_view name, ByteSpan body, ByteSpan whole) {
    if (name == "IHDR" && body.size() >= 10) {
      facts.depth = body[8];
      facts.color_type = body[9];
    }
    if (name == "acTL") facts.is_animation = true;
    if (name == "IDAT") before_pixels = false;
    const bool is_kept = before_pixels && is_one_of(kKept, name);
    if (is_kept || (name == "eXIf" && says_something(body))) facts.kept += text_of(whole);
  });
  return facts;
}

// `encoded` without what its writer adds, and with what the source said.
std::string with_chunks(ByteSpan encoded, const std::string& kept) {
  std::string file(text_of(encoded.first(kSignatureBytes)));
  for_each_chunk(encoded, [&](std::string_view name, ByteSpan, ByteSpan whole) {
    if (!is_one_of(kPicture, name)) return;
    file += text_of(whole);
    if (name == "IHDR") file += kept;
  });
  return file;
}

std::string written(const VImage& image, const Facts& facts, VOption* options) {
  const Blob blob(image.pngsave_buffer(options->set("strip", true)));
  std::size_t bytes = 0;
  const auto* first = static_cast<const std::uint8_t*>(vips_blob_get(blob.get(), &bytes));
  return with_chunks({first, bytes}, facts.kept);
}

SsimScore worse_of(const SsimScore& a, const SsimScore& b) {
  return {std::min(a.mean, b.mean), std::min(a.lowest_tile, b.lowest_tile)};
}

// Of an opaque picture nothing is left to compare.
VImage shape_of(const VImage& image) {
  if (image.has_alpha()) return image.extract_band(image.bands() - 1);
  return (VImage::black(image.width(), image.height()) + 255).cast(VIPS_FORMAT_UCHAR);
}

base::Result<SsimScore> score_band(const VImage& a, const VImage& b, const TaskWatch& watch) {
  auto band_a = in_memory(a, watch);
  if (!band_a) return base::fail(std::move(band_a.error()));
  auto band_b = in_memory(b, watch);
  if (!band_b) return base::fail(std::move(band_b.error()));
  return ssim(luma_of(*band_a), luma_of(*band_b));
}

// The worst of red, green and blue on a white page, and of the alpha: a palette may get the luma
// right and the colours wrong.
base::Result<SsimScore> score(const VImage& a, const VImage& b, const TaskWatch& watch) {
  const VImage page_a = on_white(a);
  const VImage page_b = on_white(b);
  SsimScore worst;
  for (int band = 0; band < page_a.bands(); ++band) {
    const auto found = score_band(page_a.extract_band(band), page_b.extract_band(band), watch);
    if (!found) return found;
    worst = worse_of(worst, *found);
  }
  if (!a.has_alpha() && !b.has_alpha()) return worst;
  const auto shapes = score_band(shape_of(a), shape_of(b), watch);
  if (!shapes) return shapes;
  return worse_of(worst, *shapes);
}

// A palette cannot follow a grey profile, and two hundred and fifty-six greys are no gain.
bool may_have_palette(const Facts& facts, const VImage& image) {
  const bool has_color = facts.color_type == 2 || facts.color_type == 3 || facts.color_type == 6;
  const std::int64_t pixels = static_cast<std::int64_t>(image.width()) * image.height();
  return has_color && facts.depth <= 8 && pixels <= kPalettePxMax;
}

base::Result<std::optional<Slimmed>> with_palette(const VImage& image, const Facts& facts,
                                                  int deflate_level, const TaskWatch& watch) {
  const int bits = facts.color_type == 3 ? facts.depth : kPaletteBits;
  std::string file = written(image, facts,
                             VImage::option()
                                 ->set("palette", true)
                                 ->set("bitdepth", bits)
                                 ->set("compression", deflate_level));
  const auto shown = open_png(std::as_bytes(std::span(file)));
  if (!shown) return base::fail(shown.error());
  auto pixels = in_memory(*shown, watch);
  if (!pixels) return base::fail(std::move(pixels.error()));
  if (on_white(*pixels).bands() != on_white(image).bands()) return std::nullopt;
  const auto looks = score(image, *pixels, watch);
  if (!looks) return base::fail(looks.error());
  if (looks->mean < kSlimSsimMin || looks->lowest_tile < kSlimTileSsimMin) return std::nullopt;
  return Slimmed{std::move(file), looks->mean};
}

std::vector<int> filters_of(int level) {
  std::vector<int> filters = {VIPS_FOREIGN_PNG_FILTER_NONE, VIPS_FOREIGN_PNG_FILTER_ALL};
  if (level >= kLevelOfMostWays) {
    filters.insert(filters.end(), {VIPS_FOREIGN_PNG_FILTER_SUB, VIPS_FOREIGN_PNG_FILTER_UP,
                                   VIPS_FOREIGN_PNG_FILTER_PAETH});
  }
  return filters;
}

base::Result<std::optional<Slimmed>> slim(InputBytes file, const Facts& facts, int level,
                                          const TaskWatch& watch) {
  const int deflate_level = std::min(level, kDeflateLevelMax);
  // Sixteen bits are read anew each time: only eight have a way into memory under the watch's eye.
  std::optional<VImage> pixels;
  if (facts.depth <= 8) {
    const auto opened = open_png(file);
    if (!opened) return base::fail(opened.error());
    auto memory = in_memory(*opened, watch);
    if (!memory) return base::fail(std::move(memory.error()));
    pixels = *memory;
  }
  std::optional<Slimmed> best;
  const auto consider = [&](Slimmed made) {
    const std::size_t least = best ? best->file.size() : file.size();
    if (made.file.size() < least) best = std::move(made);
  };
  if (pixels && may_have_palette(facts, *pixels)) {
    auto made = with_palette(*pixels, facts, deflate_level, watch);
    if (!made) return made;
    if (*made) consider(**std::move(made));
  }
  for (const int filter : filters_of(level)) {
    if (auto still = watch.check(); !still) return base::fail(std::move(still.error()));
    const auto image = pixels ? base::Result<VImage>(*pixels) : open_png(file);
    if (!image) return base::fail(image.error());
    auto* options = VImage::option()->set("compression", deflate_level)->set("filter", filter);
    consider({written(*image, facts, options), 1});
  }
  return best;
}

}  // namespace

base::Result<std::optional<Slimmed>> slim_png(InputBytes file, int level, const TaskWatch& watch) {
  const Facts facts = facts_of({reinterpret_cast<const std::uint8_t*>(file.data()), file.size()});
  if (facts.is_animation || facts.depth == 0) return std::nullopt;
  try {
    return slim(file, facts, level, watch);
  } catch (const vips::VError&) {
    vips_error_clear();
    return std::nullopt;
  }
}

}  // namespace millrace::workers::image
