// SPDX-License-Identifier: Apache-2.0
#include "workers/image/perceptual_hash.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace millrace::workers::image {
namespace {

// Patches of many sizes, as a photograph has them: no term is near nothing.
std::vector<std::uint8_t> pattern(std::uint32_t seed) {
  const auto grain = [seed](int x, int y, int patch) {
    std::uint32_t h = seed * 2'654'435'761U + static_cast<std::uint32_t>(x / patch) * 374'761'393U +
                      static_cast<std::uint32_t>(y / patch) * 668'265'263U;
    h = (h ^ (h >> 13)) * 1'274'126'177U;
    return static_cast<int>((h ^ (h >> 16)) & 63);
  };
  std::vector<std::uint8_t> luma;
  for (int y = 0; y < kHashedSidePx; ++y) {
    for (int x = 0; x < kHashedSidePx; ++x) {
      luma.push_back(static_cast<std::uint8_t>(grain(x, y, 11) + grain(x, y, 5) + grain(x, y, 3)));
    }
  }
  return luma;
}

// The definition with every cosine in its place, and the median by counting.
std::uint64_t hash_by_definition(const std::vector<std::uint8_t>& luma) {
  std::vector<double> terms;
  for (int v = 1; v <= 8; ++v) {
    for (int u = 1; u <= 8; ++u) {
      double sum = 0;
      for (int y = 0; y < 32; ++y) {
        for (int x = 0; x < 32; ++x) {
          sum += luma[static_cast<std::size_t>(y * 32 + x)] *
                 std::cos((2 * x + 1) * u * M_PI / 64) * std::cos((2 * y + 1) * v * M_PI / 64);
        }
      }
      terms.push_back(sum);
    }
  }
  std::uint64_t hash = 0;
  for (const double term : terms) {
    const auto below = std::ranges::count_if(terms, [term](double other) { return other < term; });
    hash = hash * 2 + (below >= 32 ? 1 : 0);
  }
  return hash;
}

TEST(PerceptualHashTest, IsWhatTheDefinitionSays) {
  for (std::uint32_t seed = 0; seed < 6; ++seed) {
    const std::vector<std::uint8_t> luma = pattern(seed);
    EXPECT_EQ(perceptual_hash(luma), hash_by_definition(luma)) << seed;
    EXPECT_EQ(std::popcount(perceptual_hash(luma)), 32) << "half of the terms are above the median";
  }
}

TEST(PerceptualHashTest, ABrighterPictureIsTheSame) {
  const std::vector<std::uint8_t> luma = pattern(2);
  std::vector<std::uint8_t> brighter = luma;
  for (std::uint8_t& value : brighter) value = static_cast<std::uint8_t>(value * 3 / 4 + 30);
  EXPECT_LE(hash_distance(perceptual_hash(luma), perceptual_hash(brighter)), 4);
  EXPECT_GT(hash_distance(perceptual_hash(luma), perceptual_hash(pattern(3))), 16);
}

TEST(PerceptualHashTest, DistanceIsTheNumberOfBitsThatDiffer) {
  EXPECT_EQ(hash_distance(0, 0), 0);
  EXPECT_EQ(hash_distance(0, ~std::uint64_t{0}), 64);
  EXPECT_EQ(hash_distance(0b1011, 0b0010), 2);
}

TEST(PerceptualHashTest, OfAnEvenPictureIsSomething) {
  const std::vector<std::uint8_t> even(kHashedSidePx * kHashedSidePx, 77);
  perceptual_hash(even);
}

}  // namespace
}  // namespace millrace::workers::image
