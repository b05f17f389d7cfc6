// SPDX-License-Identifier: Apache-2.0
#include "workers/image/perceptual_hash.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace millrace::workers::image {
namespace {

constexpr std::size_t kSide = kHashedSidePx;
constexpr std::size_t kTerms = 8;

// Terms 1..8 of a cosine transform (DCT-II) for each place. Term 0 is the brightness, which a
// retouch changes.
std::array<std::array<double, kSide>, kTerms> make_waves() {
  std::array<std::array<double, kSide>, kTerms> waves{};
  for (std::size_t term = 0; term < kTerms; ++term) {
    for (std::size_t x = 0; x < kSide; ++x) {
      waves[term][x] = std::cos(std::numbers::pi * static_cast<double>(term + 1) *
                                (static_cast<double>(x) + 0.5) / kSide);
    }
  }
  return waves;
}

}  // namespace

std::uint64_t perceptual_hash(std::span<const std::uint8_t> luma) {
  static const auto waves = make_waves();
  std::array<double, kTerms * kTerms> terms{};
  for (std::size_t y = 0; y < kSide; ++y) {
    const auto line = luma.subspan(y * kSide, kSide);
    for (std::size_t across = 0; across < kTerms; ++across) {
      double sum = 0;
      for (std::size_t x = 0; x < kSide; ++x) sum += waves[across][x] * line[x];
      for (std::size_t down = 0; down < kTerms; ++down) {
        terms[down * kTerms + across] += sum * waves[down][y];
      }
    }
  }
  auto sorted = terms;
  std::ranges::sort(sorted);
  const double median = (sorted[kTerms * kTerms / 2 - 1] + sorted[kTerms * kTerms / 2]) / 2;
  std::uint64_t hash = 0;
  for (const double term : terms) hash = (hash << 1) | (term > median ? 1U : 0U);
  return hash;
}

int hash_distance(std::uint64_t a, std::uint64_t b) { return std::popcount(a ^ b); }

}  // namespace millrace::workers::image
