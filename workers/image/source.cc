// SPDX-License-Identifier: Apache-2.0
#include "workers/image/source.h"

#include <string_view>

#include <fmt/format.h>
#include <vips/vips8>

#include "workers/image/exif.h"
#include "workers/image/jpeg_header.h"
#include "workers/image/loader.h"
#include "workers/image/sniff.h"
#include "workers/image/vips_runtime.h"

namespace millrace::workers::image {
namespace {

using base::Reason;
using vips::VImage;

constexpr std::int64_t kSourceSidePxMax = 30'000;

ByteSpan bytes_of(InputBytes input) {
  return {reinterpret_cast<const std::uint8_t*>(input.data()), input.size()};
}

std::string allowed_formats() {
  std::string words;
  for (const SourceFormat format :
       {SourceFormat::Jpeg, SourceFormat::Png, SourceFormat::Webp, SourceFormat::Gif,
        SourceFormat::Tiff, SourceFormat::Avif, SourceFormat::Heic}) {
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
    const std::size_t length = bytes[at + 4] | (static_cast<std::size_t>(bytes[at + 5]) << 8) |
                               (static_cast<std::size_t>(bytes[at + 6]) << 16) |
                               (static_cast<std::size_t>(bytes[at + 7]) << 24);
    at += 8 + length + length % 2;
  }
  return false;
}

std::string gif_color_model(ByteSpan bytes) {
  const bool global = bytes.size() > 10 && (bytes[10] & 0x80) != 0;
  return global ? "palette" + std::to_string(2 << (bytes[10] & 7)) : "palette";
}

std::string tiff_color_model(const VImage& image) {
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
    case SourceFormat::Tiff:
      return tiff_color_model(image);
    case SourceFormat::Webp:
      if (is_lossless_webp(bytes)) return "nrgba";
      return source.has_alpha ? "nycbcra" : "ycbcr";
    case SourceFormat::Jpeg:
    case SourceFormat::Avif:
    case SourceFormat::Heic:
      break;
  }
  return source.has_alpha ? "nycbcra" : "ycbcr";
}

base::Result<void> read_jpeg(Source& source) {
  auto header = read_jpeg_header(bytes_of(source.bytes));
  if (!header) return base::fail(std::move(header.error()));
  source.stored = header->size;
  source.orientation = header->orientation;
  source.says_orientation = header->says_orientation;
  source.copyright = std::move(header->copyright);
  source.jpeg_quality_pct = header->quality_pct;
  source.color_model = header->components == 1   ? "gray"
                       : header->components == 4 ? "cmyk"
                                                 : "ycbcr";
  return {};
}

std::int64_t frames_of(const VImage& image) {
  // In heic and avif these are the pictures of a collection, of which the primary one is meant.
  return image.get_typeof(VIPS_META_N_PAGES) != 0 ? image.get_int(VIPS_META_N_PAGES) : 1;
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

base::Result<void> read_by_vips(Source& source) {
  try {
    const VImage image = open_picture(source.bytes, source.format);
    source.stored = {image.width(), image.height()};
    source.frames = frames_of(image);
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
  } catch (const vips::VError& error) {
    const std::string text = error.what();
    vips_error_clear();
    return base::fail(error_of_header(source.format, text));
  }
  return {};
}

base::Result<void> check_limits(const Source& source, const ipc::RunLimits& limits) {
  const auto [width, height] = source.stored;
  const std::uint64_t pixels =
      static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height);
  if (width > kSourceSidePxMax || height > kSourceSidePxMax || pixels > limits.source_max.count) {
    return base::fail(
        Reason::TooManyPixels,
        fmt::format("The source is {}x{} px; at most {} px a side and {} px in all are allowed.",
                    width, height, kSourceSidePxMax, limits.source_max.count));
  }
  if (source.frames > limits.frames_max) {
    return base::fail(Reason::TooManyFrames,
                      fmt::format("The source has {} frames; at most {} are allowed.",
                                  source.frames, limits.frames_max));
  }
  return {};
}

}  // namespace

base::Result<Source> read_source(InputBytes bytes, const ipc::RunLimits& limits) {
  const Sniffed sniffed = sniff(bytes_of(bytes));
  if (!sniffed.format || !can_read(*sniffed.format)) {
    return base::fail(Reason::UnsupportedMedia, fmt::format("The source is {}; allowed are {}.",
                                                            sniffed.seen, allowed_formats()));
  }
  Source source;
  source.bytes = bytes;
  source.format = *sniffed.format;
  auto read = source.format == SourceFormat::Jpeg ? read_jpeg(source) : read_by_vips(source);
  if (!read) return base::fail(std::move(read.error()));
  if (auto allowed = check_limits(source, limits); !allowed)
    return base::fail(std::move(allowed.error()));
  return source;
}

}  // namespace millrace::workers::image
