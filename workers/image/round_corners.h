// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vips/vips8>

#include "workers/image/geometry.h"

namespace millrace::workers::image {

// Half axes of the ellipse that rounds each corner, px.
struct CornerRadii {
  double across = 0;
  double down = 0;
};

// How much of each pixel of a picture of `size` lies inside its rounded corners, 0..255: 8 bits,
// one band, in memory. Radii are at most half of the sides. Each row is cut into sixteen lines, on
// which the share is exact. O(pixels).
vips::VImage corner_mask(Size size, CornerRadii radii);

// The frame with that mask for its shape: an alpha band joins it, or the one it has gets weaker.
// Lazy.
vips::VImage with_mask(const vips::VImage& frame, const vips::VImage& mask);

}  // namespace millrace::workers::image
