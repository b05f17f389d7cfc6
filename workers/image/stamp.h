// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <vips/vips8>

#include "pipeline/color.h"
#include "workers/image/geometry.h"
#include "workers/image/gravity.h"

namespace millrace::workers::image {

// What is put onto pictures: pixels of its own, or one colour and how much of each pixel it covers.
struct Stamp {
  enum class Kind { Coverage, Rgba };  // a byte a pixel; four, straight alpha
  Kind kind = Kind::Coverage;
  Size size;                         // px, at least 1 x 1
  std::vector<std::uint8_t> pixels;  // rows without gaps
  pipeline::Color color;             // of Coverage; its alpha counts for all pixels
  Offset at;  // px: its upper left corner in the picture, which may be outside
  // It comes back at that distance, over the whole picture; not below `size`.
  std::optional<Size> pitch;
};

// Whether it has no colours, only greys.
bool is_grey(const Stamp& stamp);

// The frame (8 bits, sRGB or grey, straight alpha or none) with the stamp over it, at the same
// size: the usual "over" of straight alpha, in whole numbers, rounded to the nearest. A stamp with
// colours makes a grey frame coloured; whether there is alpha stays. What the stamp does not touch
// stays to the bit. Lazy, reads from top to bottom; O(pixels of the stamp), a copy elsewhere.
// Throws vips::VError.
vips::VImage stamped(const vips::VImage& frame, const std::shared_ptr<const Stamp>& stamp);

}  // namespace millrace::workers::image
