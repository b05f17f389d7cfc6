// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include <vips/vips8>

namespace millrace::workers::image {

// The smallest rectangle with all that differs.
struct InkBox {
  int left = 0;  // px
  int top = 0;
  int right = 0;  // the first column behind it
  int bottom = 0;
  [[nodiscard]] int width() const { return right - left; }
  [[nodiscard]] int height() const { return bottom - top; }
};

// Where two pictures of one size differ by more than `level_min` in some band; nullopt: nowhere.
std::optional<InkBox> ink_box(const vips::VImage& a, const vips::VImage& b, int level_min = 40);

// Of the first band of an 8-bit picture in memory; quicker than getpoint().
int level_at(const vips::VImage& image, int x, int y);

// A picture of one grey, 3 bands.
vips::VImage plain_grey(int width, int height, int level);

// base64url, as a value in a pipeline.
std::string coded(const std::string& text);

}  // namespace millrace::workers::image
