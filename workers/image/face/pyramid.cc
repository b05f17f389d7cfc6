// SPDX-License-Identifier: Apache-2.0
#include "workers/image/face/pyramid.h"

#include <algorithm>
#include <cmath>

#include "workers/image/face/dnn_net.h"

namespace millrace::workers::face {
namespace {

constexpr int kStridePx = 32;

int scaled(int side, double scale) {
  return std::max(1, static_cast<int>(std::lround(side * scale)));
}

}  // namespace

Level level_of(const RgbView& picture, int long_side_px, std::uint8_t fill) {
  const int long_side = std::max(picture.width, picture.height);
  const double scale = std::min(1.0, static_cast<double>(long_side_px) / long_side);
  const int width = scaled(picture.width, scale);
  const int height = scaled(picture.height, scale);
  const int short_side_px = (long_side_px / 4 * 3 + kStridePx - 1) / kStridePx * kStridePx;
  const int canvas_width =
      height > short_side_px && width <= short_side_px ? short_side_px : long_side_px;
  const int canvas_height = height <= short_side_px ? short_side_px : long_side_px;
  Level level{RgbPicture(canvas_width, canvas_height, fill),
              static_cast<double>(width) / picture.width,
              static_cast<double>(height) / picture.height};
  scale_onto(picture, {0, 0, picture.width, picture.height}, level.canvas, {0, 0, width, height});
  return level;
}

}  // namespace millrace::workers::face
