// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "workers/image/face/picture.h"

namespace millrace::workers::face {

// The picture at a long side of at most `long_side_px`, a multiple of 32, at the top left of a
// canvas; the rest is `fill`. For a long side L there are only three canvases, L x 3L/4, 3L/4 x L
// and L x L px, the first that the picture fits on, so that a network meets few sizes; their sides
// are multiples of 32 px (3L/4 rounded up), as its strides want.
struct Level {
  RgbPicture canvas;
  double scale_x = 1;  // canvas px per picture px
  double scale_y = 1;
};
Level level_of(const RgbView& picture, int long_side_px, std::uint8_t fill);

}  // namespace millrace::workers::face
