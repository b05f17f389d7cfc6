// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "codecs/planes.h"

namespace millrace::codecs {

// Within the plane; in its samples.
struct CropBox {
  std::int32_t left = 0;
  std::int32_t top = 0;
  std::int32_t width = 1;
  std::int32_t height = 1;
};

// Nothing is copied.
PlaneView crop(const PlaneView& plane, const CropBox& box);

// A part of a picture, `box` in luma samples. nullopt where its left or upper edge would cut a
// chroma sample: such a crop moves chroma by a part of a sample, which is the resampler's work.
std::optional<Planes> crop(const Planes& planes, const CropBox& box);

}  // namespace millrace::codecs
