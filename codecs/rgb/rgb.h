// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "codecs/planes.h"

namespace millrace::codecs {

// Pixels of three bytes, red, green, blue, in memory of somebody else.
struct RgbView {
  const std::uint8_t* samples = nullptr;
  std::int32_t width = 0;
  std::int32_t height = 0;
  std::ptrdiff_t stride_bytes = 0;
};

// Writes height rows of width pixels to `out`, `stride_bytes` apart. Chroma, as coarse as 1, 2 or 4
// in either direction, is made finer by a triangle over its neighbours; grey gives three equal
// bytes. Up to a factor of 2 these are libjpeg's pixels to the bit ("fancy upsampling").
// O(pixels), in vectors; some rows of memory, a second chroma plane where a factor is 4.
void to_rgb(const Planes& planes, std::uint8_t* out, std::ptrdiff_t stride_bytes);

// The way back; chroma_across and chroma_down are 1 or 2, and each chroma sample is the mean of its
// pixels. To the bit what libjpeg encodes. O(pixels), in vectors.
Planes from_rgb(const RgbView& pixels, std::int32_t chroma_across, std::int32_t chroma_down);

}  // namespace millrace::codecs
