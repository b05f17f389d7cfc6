// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "workers/image/text/font_book.h"

namespace millrace::workers::image {

struct PlacedGlyph {
  const FontFace* face = nullptr;
  std::uint32_t glyph = 0;
  double x = 0;  // px from the left of the box
  double y = 0;  // px from its top, of the baseline
};

// A text, shaped and put into lines. Its box is as wide as the widest line and as high as all
// lines: the height of a line is what its fonts ask for, whatever letters are in it. Ink may reach
// out of the box.
struct TextLayout {
  double size_px = 0;
  std::int64_t width = 0;   // px
  std::int64_t height = 0;  // px
  std::vector<PlacedGlyph> glyphs;
};

// Which end of the lines is even.
enum class LineEnds { Left, Middle, Right };

// `faces` is not empty. BadParameter as text_lines(), and where the text has more than
// kTextGlyphsMax glyphs. O(characters).
inline constexpr std::size_t kTextGlyphsMax = 20'000;
base::Result<TextLayout> lay_out(std::string_view text, const FontBook::Faces& faces,
                                 double size_px, LineEnds even);

}  // namespace millrace::workers::image
