// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "codecs/planes.h"

namespace millrace::codecs {

// Half of a kernel that is the same on both sides: weights[0] is the middle's, weights[k] that of
// each of the two samples k away. Their whole sum counts as 1. Not empty, none negative, and not
// all 0; at most 1 + kKernelRadiusMax of them.
inline constexpr std::size_t kKernelRadiusMax = 1000;

// Convolves interleaved 8-bit pixels with the kernel, across and down; beyond the edges the last
// pixel goes on. `from` has `bands` samples a pixel, its width counts samples; `to` has room for
// as many, `to_stride_bytes` from row to row, and is other memory.
//
// Off by less than one step of 255 from what exact numbers would give, for kernels of up to 60
// weights; a picture of one colour stays as it is. O(samples x weights); allocates a row.
void convolve(PlaneView from, int bands, std::span<const double> weights, std::uint8_t* to,
              std::ptrdiff_t to_stride_bytes);

}  // namespace millrace::codecs
