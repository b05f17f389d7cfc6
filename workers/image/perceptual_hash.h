// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

namespace millrace::workers::image {

inline constexpr int kHashedSidePx = 32;

// 64 bits that stay nearly the same when a picture is scaled, recompressed or lightly retouched:
// compare two by the number of bits that differ. The picture is `luma`, kHashedSidePx squared
// samples of it. A bit says whether one of the 8 x 8 lowest cosine terms without those that are
// constant in a direction is above their median; the first bit is the highest. Thousands of
// multiplications. Source: Zauner, "Implementation and Benchmarking of Perceptual Image Hash
// Functions" (2010), section 3.2.1 (DCT based hash).
std::uint64_t perceptual_hash(std::span<const std::uint8_t> luma);

// The number of bits that differ, 0..64.
int hash_distance(std::uint64_t a, std::uint64_t b);

}  // namespace millrace::workers::image
