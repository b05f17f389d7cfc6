// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "pipeline/pipeline.h"
#include "workers/image/geometry.h"

namespace millrace::workers::image {

// The kinds of file that can be read. The loader is chosen by magic bytes alone.
enum class SourceFormat { Jpeg, Png, Webp, Gif, Tiff, Avif, Heic };
// The kinds of file that can be written.
enum class OutputFormat { Jpeg, Png, Webp, Gif, Avif };

std::string_view word_of(SourceFormat format);  // "jpeg", …
std::string_view word_of(OutputFormat format);
std::string_view media_type_of(SourceFormat format);  // "image/jpeg", …
std::string_view media_type_of(OutputFormat format);
// Whether there is a quality to choose.
bool has_quality(OutputFormat format);
// "jpg" and "jpeg" are the same; nullopt for what is not a value of format/.
std::optional<OutputFormat> output_format_from_word(std::string_view word);

// How a picture is, or is to be, written.
struct Encoding {
  OutputFormat format = OutputFormat::Jpeg;
  int quality_pct = 75;    // jpeg, webp, avif
  bool interlace = false;  // progressive jpeg, Adam7 png, interlaced gif
  int colors = 0;          // entries of the palette, png and gif; 0: true colour (png), 256 (gif)
  int density_dpi = 0;     // what the file says of its resolution, jpeg and png; 0: nothing
  int orientation = 1;     // what the file asks its reader to do (EXIF 1..8): jpeg, png, webp
  friend bool operator==(const Encoding&, const Encoding&) = default;
};

// What the quality of a variant depends on besides the URL.
struct QualityFacts {
  std::optional<int> source_jpeg_quality_pct;  // of the JPEG that the command was given
  Size source;                                 // px, of what the command was given
  Size result;                                 // px
};

// The quality to encode with: `requested`, or the default of the format (jpeg and webp 75, avif
// 50). From a JPEG, and without "!", no more than min(90, q0·√(W·H / w·h)), without the 90 where q0
// itself is above it: to spend bytes on what the source has lost already helps nobody. At least 1,
// at most 100.
int effective_quality(OutputFormat format, std::optional<pipeline::QualityValue> requested,
                      const QualityFacts& facts);

}  // namespace millrace::workers::image
