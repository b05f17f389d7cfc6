// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace millrace::workers::image {

inline constexpr int kThumbhashSidePxMax = 100;

// The ThumbHash of a picture: average colour, shape, alpha and the lowest cosine terms in 4 bits
// each, about 25 bytes. `rgba` is width x height px of 8-bit sRGB with straight alpha, rows without
// gaps, no side above kThumbhashSidePxMax. O(pixels x 40). Source: ThumbHash (evanw/thumbhash),
// whose format is what its encoders write.
std::vector<std::uint8_t> thumbhash_of(std::span<const std::uint8_t> rgba, int width, int height);

}  // namespace millrace::workers::image
