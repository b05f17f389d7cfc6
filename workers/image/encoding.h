// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "pipeline/pipeline.h"
#include "workers/image/geometry.h"

namespace millrace::workers::image {

// The kinds of file that can be read. The loader is chosen by magic bytes alone.
enum class SourceFormat {
  Jpeg,
  Png,
  Webp,
  Gif,
  Tiff,
  Avif,
  Heic,
  Jxl,
  Jp2,
  Bmp,
  Ico,
  Psd,
  Svg,
  Pdf
};
inline constexpr std::array kSourceFormats = {
    SourceFormat::Jpeg, SourceFormat::Png,  SourceFormat::Webp, SourceFormat::Gif,
    SourceFormat::Tiff, SourceFormat::Avif, SourceFormat::Heic, SourceFormat::Jxl,
    SourceFormat::Jp2,  SourceFormat::Bmp,  SourceFormat::Ico,  SourceFormat::Psd,
    SourceFormat::Svg,  SourceFormat::Pdf};

// The kinds of file that can be written.
enum class OutputFormat { Jpeg, Png, Webp, Gif, Avif, Heic, Jxl, Tiff, Bmp };
inline constexpr std::array kOutputFormats = {
    OutputFormat::Jpeg, OutputFormat::Png,  OutputFormat::Webp,
    OutputFormat::Gif,  OutputFormat::Avif, OutputFormat::Heic,
    OutputFormat::Jxl,  OutputFormat::Tiff, OutputFormat::Bmp};

std::string_view word_of(SourceFormat format);  // "jpeg", …
std::string_view word_of(OutputFormat format);
std::string_view media_type_of(SourceFormat format);  // "image/jpeg", …
std::string_view media_type_of(OutputFormat format);
// "jpg" and "jpeg" are the same; nullopt for what is not a value of format/.
std::optional<OutputFormat> output_format_from_word(std::string_view word);

// What a picture is written as when nobody says: the source's own format where every browser shows
// it, else jpeg, or png for what has transparency or is drawn (svg, ico).
OutputFormat format_that_stands_for(SourceFormat format, bool has_alpha);
// The format of the same name; nullopt: it cannot be written.
std::optional<OutputFormat> same_format(SourceFormat format);

// Drawn at whatever size is asked for; a dpi counts.
bool is_document(SourceFormat format);
bool holds_alpha(OutputFormat format);
// all but gif
bool holds_profile(OutputFormat format);
// gif and webp
bool holds_animation(OutputFormat format);
// jpeg, webp, avif, heic and jxl
bool has_quality(OutputFormat format);
// webp and jxl; not avif, where libvips before 8.16 calls what it loses a little lossless
bool may_be_lossless(OutputFormat format);

inline constexpr std::int64_t kWebpSidePxMax = 16'383;  // the format's own
inline constexpr std::int64_t kHeifPxMax = 7'680'000;   // what one core encodes within a request
// Whether the format may be written in that size, px.
bool holds_size(OutputFormat format, Size size);

// Effort 2 of 6 costs two thirds of 4; what it takes from likeness shows in small pictures most,
// whose encoding costs little beside the rest.
int webp_effort_for(Size size);

// How a picture is, or is to be, written.
struct Encoding {
  OutputFormat format = OutputFormat::Jpeg;
  int quality_pct = 75;    // jpeg, webp, avif, heic, jxl
  bool interlace = false;  // progressive jpeg, Adam7 png, interlaced gif
  int colors = 0;          // entries of the palette, png and gif; 0: true colour (png), 256 (gif)
  int density_dpi = 0;     // what the file says of its resolution, jpeg and png; 0: nothing
  int orientation = 1;     // what the file asks its reader to do (EXIF 1..8): jpeg, png, webp
  bool lossless = false;   // webp, jxl: every pixel as it is; the quality does not count then
  int webp_effort = 0;     // lossy webp, libwebp's method 1..6; 0: webp_effort_for() its size
  friend bool operator==(const Encoding&, const Encoding&) = default;
};

// What the quality of a variant depends on besides the URL.
struct QualityFacts {
  std::optional<int> source_jpeg_quality_pct;  // of the JPEG that the command was given
  Size source;                                 // px, of what the command was given
  Size result;                                 // px
};

// The quality to encode with: `requested`, or the default of the format (avif 50, heic 35, others
// 75). From a JPEG, and without "!", no more than min(90, q0·√(W·H / w·h)), without the 90 where q0
// itself is above it: to spend bytes on what the source has lost already helps nobody. At least 1,
// at most 100.
int effective_quality(OutputFormat format, std::optional<pipeline::QualityValue> requested,
                      const QualityFacts& facts);

}  // namespace millrace::workers::image
