// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "workers/image/geometry.h"

namespace millrace::workers::image {

// Cmyk: 0 is no ink. Lab: L of 0..full scale, a and b around the middle of the scale.
enum class RasterColor { Grey, Rgb, Cmyk, Lab };

// How a reader of this folder lays out what it decodes: bands side by side, alpha last and
// straight, lines from top to bottom without padding, 16-bit samples in the machine's order.
struct RasterLayout {
  Size size;
  RasterColor color = RasterColor::Rgb;
  bool alpha = false;
  bool deep = false;  // 16 bits a sample, not 8

  [[nodiscard]] std::size_t color_bands() const {
    if (color == RasterColor::Grey) return 1;
    return color == RasterColor::Cmyk ? 4 : 3;
  }
  [[nodiscard]] std::size_t bands() const { return color_bands() + (alpha ? 1 : 0); }
  [[nodiscard]] std::size_t sample_bytes() const { return deep ? 2 : 1; }
  [[nodiscard]] std::size_t line_bytes() const {
    return static_cast<std::size_t>(size.width) * bands() * sample_bytes();
  }
  // Only for sizes within the limits of a source: nothing here can overflow then.
  [[nodiscard]] std::size_t bytes() const {
    return static_cast<std::size_t>(size.height) * line_bytes();
  }
};

// Where the pixels go: RasterLayout::bytes() long.
using PixelSpan = std::span<std::uint8_t>;

}  // namespace millrace::workers::image
