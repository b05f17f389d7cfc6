// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include <vips/vips8>

#include "pipeline/color.h"
#include "workers/image/geometry.h"

namespace millrace::workers::image {

// What is left of a picture when its border is taken off: the smallest rectangle outside of which
// every pixel is `border` within `threshold` of 255 in every band. A border that is transparent is
// what has hardly any alpha; without a colour the border is what the pixel in the upper left corner
// is. Specks of a pixel or two are not seen (what counts is the median of nine pixels, as in
// libvips' find_trim). A picture less than three pixels wide or high is all content. nullopt: all
// of it is border. `frame` is in memory. O(pixels).
std::optional<Area> content_area(const vips::VImage& frame,
                                 const std::optional<pipeline::Color>& border, int threshold);

}  // namespace millrace::workers::image
