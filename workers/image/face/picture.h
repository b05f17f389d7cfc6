// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace millrace::workers::face {

// A picture of somebody else's: width x height px, three bytes a pixel (R, G, B; 8-bit sRGB),
// `stride_bytes` from one row to the next.
struct RgbView {
  const std::uint8_t* pixels = nullptr;
  int width = 0;   // px
  int height = 0;  // px
  std::size_t stride_bytes = 0;
};

// The same with its own memory, rows without padding.
class RgbPicture {
 public:
  RgbPicture(int width, int height, std::uint8_t fill);

  [[nodiscard]] RgbView view() const;
  [[nodiscard]] std::uint8_t* pixels() { return pixels_.data(); }
  [[nodiscard]] int width() const { return width_; }
  [[nodiscard]] int height() const { return height_; }

 private:
  int width_;
  int height_;
  std::vector<std::uint8_t> pixels_;
};

// Integer rectangle in px; the right and bottom edges are not part of it.
struct PixelRect {
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
  friend bool operator==(const PixelRect&, const PixelRect&) = default;
};

}  // namespace millrace::workers::face
