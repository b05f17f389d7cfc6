// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.h"
#include "workers/image/text/text_layout.h"

namespace millrace::workers::image {

// How much of each pixel of a canvas a text covers: 0 nothing, 255 all. Rows without gaps.
struct TextMask {
  std::size_t width = 0;  // px
  std::size_t height = 0;
  std::vector<std::uint8_t> pixels;
};

// Where a text comes to lie on its canvas.
struct TextPose {
  double x = 0;  // px: the upper left corner of its box, before it is turned
  double y = 0;
  double degrees = 0;  // clockwise, about the middle of its box
};

// px, the smallest upright box that holds the turned one; whole numbers, upwards.
struct TurnedBox {
  std::int64_t width = 0;
  std::int64_t height = 0;
};
TurnedBox turned_box(const TextLayout& layout, double degrees);

// Draws what of the text lies on a canvas of that size. `check` is asked between glyphs; its error
// ends the work. O(pixels of the glyphs).
base::Result<TextMask> draw_text(const TextLayout& layout, std::size_t width, std::size_t height,
                                 const TextPose& pose,
                                 const std::function<base::Result<void>()>& check);

}  // namespace millrace::workers::image
