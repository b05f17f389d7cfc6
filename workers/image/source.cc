// SPDX-License-Identifier: Apache-2.0
#include "workers/image/source.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <vips/vips8>

#include "workers/image/coded_color.h"
#include "workers/image/exif.h"
#include "workers/image/icc_profile.h"
#include "workers/image/jpeg_header.h"
#include "workers/image/loader.h"
#include "workers/image/readers/bmp_reader.h"
#include "workers/image/readers/ico_reader.h"
#include "workers/image/readers/jp2_header.h"
#include "workers/image/readers/jxl_reader.h"
#include "workers/image/readers/psd_reader.h"
#include "workers/image/readers/svg_check.h"
#include "workers/image/sniff.h"
#include "workers/image/vips_runtime.h"
#include "workers/runtime/task_budget.h"

namespace millrace::workers::image {
namespace {

using base::Reason;
using vips::VImage;

constexpr std::int64_t kSourceSidePxMax = 30'000;
// Of which one is read; the others cost their entry in a table.
constexpr std::int64_t kPagesMax = 10'000;

ByteSpan bytes_of(InputBytes input) {
  return {reinterpret_cast<const std::uint8_t*>(input.data()), input.size()};
}

std::string allowed_formats() {
  std::string words;
  for (const SourceFormat format : kSourceFormats) {
    if (can_read(format)) words += (words.empty() ? "" : ", ") + std::string(word_of(format));
  }
  return words;
}

ByteSpan blob_of(const VImage& image, const char* field) {
  if (image.get_typeof(field) == 0) return {};
  std::size_t bytes = 0;
  const void* data = image.get_blob(field, &bytes);
  return {static_cast<const std::uint8_t*>(data), bytes};
}

// Colour type and depth stand at fixed places of IHDR (PNG, 11.2.2); the palette's size is the
// length of PLTE.
std::string png_color_model(ByteSpan bytes) {
  if (bytes.size() < 33) return "";
  const bool deep = bytes[24] == 16;
  switch (bytes[25]) {
    case 0:
      return deep ? "gray16" : "gray";
    case 2:
      return deep ? "rgba64" : "rgba";
    case 3:
      break;
    default:
      return deep ? "nrgba64" : "nrgba";
  }
  for (std::size_t at = 33; at + 12 <= bytes.size();) {
    const std::size_t length = big_endian(bytes, at, 4);
    if (has_bytes(bytes, at + 4, "PLTE")) return "palette" + std::to_string(length / 3);
    if (has_bytes(bytes, at + 4, "IDAT") || length > bytes.size()) break;
    at += 12 + length;
  }
  return "palette";
}

// The first picture's chunk, which VP8X, ICCP or ANIM may stand before. Lengths are little-endian
// there.
bool is_lossless_webp(ByteSpan bytes) {
  for (std::size_t at = 12; at + 8 <= bytes.size();) {
    if (has_bytes(bytes, at, "VP8L")) return true;
    if (has_bytes(bytes, at, "VP8 ")) return false;
    const std::size_t length = little_endian(bytes, at + 4, 4);
    at += 8 + length + length % 2;
  }
  return false;
}

std::string gif_color_model(ByteSpan bytes) {
  const bool global = bytes.size() > 10 && (bytes[10] & 0x80) != 0;
  return global ? "palette" + std::to_string(2 << (bytes[10] & 7)) : "palette";
}

std::string plain_color_model(const VImage& image) {
  const bool deep = image.format() == VIPS_FORMAT_USHORT;
  if (image.interpretation() == VIPS_INTERPRETATION_CMYK) return "cmyk";
  if (image.interpretation() == VIPS_INTERPRETATION_LAB) return "lab";
  if (image.bands() == 1) return deep ? "gray16" : "gray";
  if (image.has_alpha()) return deep ? "nrgba64" : "nrgba";
  return deep ? "rgba64" : "rgba";
}

// In the words of Go's image library, which is where the reference service has them from.
std::string color_model_of(const Source& source, const VImage& image) {
  const ByteSpan bytes = bytes_of(source.bytes);
  switch (source.format) {
    case SourceFormat::Png:
      return png_color_model(bytes);
    case SourceFormat::Gif:
      return gif_color_model(bytes);
    case SourceFormat::Webp:
      if (is_lossless_webp(bytes)) return "nrgba";
      break;
    case SourceFormat::Jpeg:
    case SourceFormat::Avif:
    case SourceFormat::Heic:
      break;
    case SourceFormat::Tiff:
    case SourceFormat::Jxl:
    case SourceFormat::Jp2:
    case SourceFormat::Bmp:
    case SourceFormat::Ico:
    case SourceFormat::Psd:
    case SourceFormat::Svg:
    case SourceFormat::Pdf:
      return plain_color_model(image);
  }
  return source.has_alpha ? "nycbcra" : "ycbcr";
}

std::string color_model_of(const RasterLayout& layout) {
  if (layout.color == RasterColor::Cmyk) return "cmyk";
  if (layout.color == RasterColor::Lab) return "lab";
  if (layout.color == RasterColor::Grey && !layout.alpha) return layout.deep ? "gray16" : "gray";
  if (layout.alpha) return layout.deep ? "nrgba64" : "nrgba";
  return layout.deep ? "rgba64" : "rgba";
}

base::Failure no_such_page(std::int64_t pages, std::int64_t page) {
  return base::fail(Reason::BadParameter,
                    fmt::format("The source has {} {}; there is no page {}.", pages,
                                pages == 1 ? "page" : "pages", page + 1));
}

base::Result<void> read_jpeg(Source& source) {
  auto header = read_jpeg_header(bytes_of(source.bytes));
  if (!header) return base::fail(std::move(header.error()));
  source.stored = header->size;
  source.orientation = header->orientation;
  source.says_orientation = header->says_orientation;
  source.copyright = std::move(header->copyright);
  source.jpeg_quality_pct = header->quality_pct;
  const IccFacts profile = read_icc(header->icc);
  source.is_plain_srgb = !header->has_icc || (header->components == 3 && profile.readable &&
                                              profile.space == IccSpace::Rgb && profile.is_srgb);
  if (!source.is_plain_srgb) source.jpeg_icc = std::move(header->icc);
  source.color_model = header->components == 1   ? "gray"
                       : header->components == 4 ? "cmyk"
                                                 : "ycbcr";
  return {};
}

std::int64_t pages_of(SourceFormat format, const VImage& image) {
  // Of a JPEG 2000 file they are resolutions of one picture.
  if (format == SourceFormat::Jp2) return 1;
  return image.get_typeof(VIPS_META_N_PAGES) != 0 ? image.get_int(VIPS_META_N_PAGES) : 1;
}

// In heic and avif the pages are the pictures of a collection, of which the primary one is meant;
// in tiff and pdf they are pages.
bool is_animated_by_pages(SourceFormat format) {
  return format == SourceFormat::Gif || format == SourceFormat::Webp;
}

// A loader that knows its format but not this kind of it says so in one of these ways.
base::Error error_of_header(SourceFormat format, std::string_view text) {
  for (const std::string_view sign :
       {"not supported", "nsupported", "not a whole number of bytes"}) {
    if (text.find(sign) == std::string_view::npos) continue;
    return base::make_error(
        Reason::UnsupportedMedia,
        fmt::format("The source is a kind of {} that cannot be read.", word_of(format)),
        std::string(text));
  }
  return error_of_vips(
      text, Reason::CorruptMedia,
      fmt::format("The file begins like {} but its header cannot be read.", word_of(format)));
}

std::vector<std::uint8_t> coded_icc(const Source& source, const VImage& image) {
  if (image.get_typeof(VIPS_META_ICC_NAME) != 0) return {};
  std::optional<CodedColor> color;
  if (source.format == SourceFormat::Png) color = png_color(bytes_of(source.bytes));
  if (source.format == SourceFormat::Avif || source.format == SourceFormat::Heic) {
    color = heif_color(bytes_of(source.bytes));
  }
  if (!color) return {};
  return icc_of(*color, image.bands() < 3);
}

void read_facts(const VImage& image, Source& source) {
  source.stored = {image.width(), image.height()};
  // In packed Lab the fourth byte holds low bits, not alpha.
  source.has_alpha = image.coding() == VIPS_CODING_NONE && image.has_alpha();
  source.says_orientation = image.get_typeof(VIPS_META_ORIENTATION) != 0;
  source.orientation = vips_image_get_orientation(image.get_image());
  source.copyright = read_exif(blob_of(image, VIPS_META_EXIF_NAME)).copyright;
  if (source.copyright.empty()) {
    source.copyright = read_iptc_copyright(blob_of(image, VIPS_META_IPTC_NAME));
  }
  if (source.copyright.empty()) {
    source.copyright = read_iptc_copyright(blob_of(image, VIPS_META_PHOTOSHOP_NAME));
  }
  source.color_model = color_model_of(source, image);
  source.coded_icc = coded_icc(source, image);
}

// libvips says no by throwing.
base::Result<void> guarded(const Source& source, const std::function<base::Result<void>()>& read) {
  try {
    return read();
  } catch (const vips::VError& error) {
    const std::string text = error.what();
    vips_error_clear();
    return base::fail(error_of_header(source.format, text));
  }
}

base::Result<void> read_chosen(Source& source) {
  auto image = open_picture(source);
  if (!image) return base::fail(std::move(image.error()));
  read_facts(*image, source);
  return {};
}

base::Result<void> read_pages(Source& source) {
  // Without the choice first: a page that is not there would be an error like any other.
  const SourceChoice choice = std::exchange(source.choice, {{}, source.choice.dpi});
  auto image = open_picture(source);
  if (!image) return base::fail(std::move(image.error()));
  source.pages = pages_of(source.format, *image);
  source.choice = choice;
  if (choice.page) {
    if (*choice.page >= source.pages) return no_such_page(source.pages, *choice.page);
    return read_chosen(source);
  }
  if (is_animated_by_pages(source.format)) source.frames = source.pages;
  read_facts(*image, source);
  return {};
}

base::Result<void> read_by_vips(Source& source) {
  return guarded(source, [&source] { return read_pages(source); });
}

void read_layout(const RasterLayout& layout, Source& source) {
  source.stored = layout.size;
  source.has_alpha = layout.alpha;
  source.color_model = color_model_of(layout);
}

base::Result<void> read_bmp_source(Source& source) {
  const auto bmp = read_bmp(bytes_of(source.bytes));
  if (!bmp) return base::fail(bmp.error());
  read_layout(bmp->layout, source);
  if (bmp->bits_per_pixel <= 8) {
    source.color_model = "palette" + std::to_string(bmp->palette.size() / bmp->palette_entry_bytes);
  }
  return {};
}

base::Result<void> read_icon_source(Source& source) {
  const auto icon = read_icon(bytes_of(source.bytes), source.choice.page);
  if (!icon) return base::fail(icon.error());
  if (icon->png.empty()) {
    read_layout(icon->bitmap.layout, source);
  } else if (auto read = guarded(source, [&source] { return read_chosen(source); }); !read) {
    return read;
  }
  source.pages = icon->pages;
  return {};
}

base::Result<void> read_psd_source(Source& source) {
  const auto psd = read_psd(bytes_of(source.bytes));
  if (!psd) return base::fail(psd.error());
  read_layout(psd->layout, source);
  const ExifFacts exif = read_exif(psd->exif);
  source.copyright = exif.copyright.empty() ? read_iptc_copyright(psd->iptc) : exif.copyright;
  return {};
}

base::Result<void> read_jxl_source(Source& source, const ipc::RunLimits& limits) {
  const auto jxl = read_jxl(bytes_of(source.bytes), limits.frames_max);
  if (!jxl) return base::fail(jxl.error());
  read_layout(jxl->layout, source);
  source.pages = std::max<std::int64_t>(1, static_cast<std::int64_t>(jxl->delays_ms.size()));
  if (!source.choice.page) source.frames = source.pages;
  return {};
}

base::Result<void> read_document(Source& source) {
  const CpuTimeCap cap(kDocumentTimeMax);
  if (source.format == SourceFormat::Svg) {
    if (auto fine = check_svg(bytes_of(source.bytes)); !fine) return fine;
  }
  return read_by_vips(source);
}

base::Result<void> read_jp2(Source& source) {
  if (auto fine = read_jp2_header(bytes_of(source.bytes)); !fine) {
    return base::fail(std::move(fine.error()));
  }
  return read_by_vips(source);
}

base::Result<void> read_by_format(Source& source, const ipc::RunLimits& limits) {
  switch (source.format) {
    case SourceFormat::Jpeg:
      return read_jpeg(source);
    case SourceFormat::Bmp:
      return read_bmp_source(source);
    case SourceFormat::Ico:
      return read_icon_source(source);
    case SourceFormat::Psd:
      return read_psd_source(source);
    case SourceFormat::Jxl:
      return read_jxl_source(source, limits);
    case SourceFormat::Jp2:
      return read_jp2(source);
    case SourceFormat::Svg:
    case SourceFormat::Pdf:
      return read_document(source);
    case SourceFormat::Png:
    case SourceFormat::Webp:
    case SourceFormat::Gif:
    case SourceFormat::Tiff:
    case SourceFormat::Avif:
    case SourceFormat::Heic:
      break;
  }
  return read_by_vips(source);
}

base::Result<void> check_limits(const Source& source, const ipc::RunLimits& limits) {
  const auto [width, height] = source.stored;
  if (width < 1 || height < 1) {
    return base::fail(Reason::CorruptMedia,
                      fmt::format("The {} file has no pixels.", word_of(source.format)));
  }
  const std::uint64_t pixels =
      static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height);
  if (width > kSourceSidePxMax || height > kSourceSidePxMax || pixels > limits.source_max.count) {
    return base::fail(
        Reason::TooManyPixels,
        fmt::format("The source is {}x{} px; at most {} px a side and {} px in all are allowed.",
                    width, height, kSourceSidePxMax, limits.source_max.count));
  }
  if (source.pages > kPagesMax) {
    return base::fail(
        Reason::TooManyFrames,
        fmt::format("The source has {} pages; at most {} are allowed.", source.pages, kPagesMax));
  }
  if (source.frames > limits.frames_max) {
    return base::fail(Reason::TooManyFrames,
                      fmt::format("The source has {} frames; at most {} are allowed.",
                                  source.frames, limits.frames_max));
  }
  return {};
}

}  // namespace

base::Result<Source> read_source(InputBytes bytes, const ipc::RunLimits& limits,
                                 const SourceChoice& choice) {
  const Sniffed sniffed = sniff(bytes_of(bytes));
  if (!sniffed.format || !can_read(*sniffed.format)) {
    return base::fail(Reason::UnsupportedMedia, fmt::format("The source is {}; allowed are {}.",
                                                            sniffed.seen, allowed_formats()));
  }
  Source source;
  source.bytes = bytes;
  source.format = *sniffed.format;
  source.choice = choice;
  if (auto read = read_by_format(source, limits); !read) {
    return base::fail(std::move(read.error()));
  }
  // After the reading: the formats of several pictures have judged the page already.
  if (choice.page.value_or(0) >= source.pages) return no_such_page(source.pages, *choice.page);
  if (auto allowed = check_limits(source, limits); !allowed)
    return base::fail(std::move(allowed.error()));
  return source;
}

}  // namespace millrace::workers::image
