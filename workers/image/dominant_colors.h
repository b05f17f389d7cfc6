// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace millrace::workers::image {

struct DominantColor {
  std::array<std::uint8_t, 3> rgb{};  // sRGB
  double share = 0;                   // of what can be seen, 0..1
};

// At most `count_max` colours that stand for a picture, the largest share first; the shares make 1.
// Fewer where the picture has no more that differ visibly; none where all of it is transparent.
// `rgba` is 8-bit sRGB with straight alpha; a pixel counts by its alpha. The same pixels give the
// same colours on every machine. Method: a histogram of 32 steps a band; seeds, each the cell that
// is most and farthest from those before (k-means++ made greedy: Arthur, Vassilvitskii 2007); then
// k-means (Lloyd 1982) in Oklab (Ottosson 2020), in which distances are as they are seen.
// O(pixels), and at most a few milliseconds for the rest.
std::vector<DominantColor> dominant_colors(std::span<const std::uint8_t> rgba,
                                           std::size_t count_max);

}  // namespace millrace::workers::image
