// SPDX-License-Identifier: Apache-2.0
#include "codecs/jpeg/inverse_dct.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace millrace::codecs {
namespace {

constexpr std::ptrdiff_t kStride = kGroupBlocksMax * 8 + 64;

struct Group {
  explicit Group(int side)
      : side(side), shape(block_shape(side)), samples(static_cast<std::size_t>(kStride) * 8, 77) {}
  std::int16_t& at(int block, int u, int v) {
    return coefficients[static_cast<std::size_t>(block * shape.block + v * shape.row + u)];
  }
  [[nodiscard]] double exact(int block, int x, int y) {
    double sum = 0;
    for (int v = 0; v < side; ++v) {
      for (int u = 0; u < side; ++u) {
        sum += (u == 0 ? std::sqrt(0.5) : 1) * (v == 0 ? std::sqrt(0.5) : 1) * at(block, u, v) *
               std::cos((2 * x + 1) * u * std::numbers::pi / (2 * side)) *
               std::cos((2 * y + 1) * v * std::numbers::pi / (2 * side));
      }
    }
    return std::clamp(128 + sum / 4, 0.0, 255.0);
  }
  void transform(int blocks) {
    inverse_dct(side, coefficients.data(), blocks, samples.data(), kStride);
  }
  [[nodiscard]] int sample(int block, int x, int y) const {
    return samples[static_cast<std::size_t>(y * kStride + std::ptrdiff_t{block} * side + x)];
  }

  int side;
  BlockShape shape;
  alignas(64) std::array<std::int16_t, std::size_t{kGroupBlocksMax} * 64> coefficients{};
  std::vector<std::uint8_t> samples;
};

class InverseDctTest : public testing::TestWithParam<int> {};

// Coefficients that pixels can have, few and many of them.
TEST_P(InverseDctTest, IsTheTransformOfTheLowFrequencies) {
  std::minstd_rand random(7);
  for (int round = 0; round < 200; ++round) {
    Group group(GetParam());
    const int side = group.side;
    std::uniform_int_distribution<int> value(-900 / (1 + round % 8), 900 / (1 + round % 8));
    for (int block = 0; block < kGroupBlocksMax; ++block) {
      for (int k = 0; k < side * side; ++k) {
        if (random() % 4 == 0) {
          group.at(block, k % side, k / side) = static_cast<std::int16_t>(value(random));
        }
      }
    }
    group.transform(kGroupBlocksMax);
    for (int block = 0; block < kGroupBlocksMax; ++block) {
      for (int k = 0; k < side * side; ++k) {
        const double exact = group.exact(block, k % side, k / side);
        ASSERT_NEAR(group.sample(block, k % side, k / side), exact, 0.75);
      }
    }
  }
}

TEST_P(InverseDctTest, OfAConstantIsThatConstant) {
  Group group(GetParam());
  for (int block = 0; block < kGroupBlocksMax; ++block) {
    group.at(block, 0, 0) = static_cast<std::int16_t>((block * 8 - 100) * 8);
  }
  group.transform(kGroupBlocksMax);
  for (int block = 0; block < kGroupBlocksMax; ++block) {
    for (int k = 0; k < group.side * group.side; ++k) {
      const int sample = group.sample(block, k % group.side, k / group.side);
      EXPECT_EQ(sample, std::clamp(block * 8 + 28, 0, 255));
    }
  }
}

TEST_P(InverseDctTest, ClampsTheGreatestCoefficients) {
  for (const int sign : {-1, 1}) {
    Group group(GetParam());
    group.coefficients.fill(0);
    group.at(0, 0, 0) = static_cast<std::int16_t>(sign * kCoefficientMax);
    group.at(1, 0, 0) = static_cast<std::int16_t>(-sign * kCoefficientMax);
    group.transform(2);
    EXPECT_EQ(group.sample(0, 0, 0), sign > 0 ? 255 : 0);
    EXPECT_EQ(group.sample(1, 0, 0), sign > 0 ? 0 : 255);
  }
}

TEST_P(InverseDctTest, WritesNoFurtherThanTheSlack) {
  for (int blocks = 1; blocks <= kGroupBlocksMax; ++blocks) {
    Group group(GetParam());
    group.transform(blocks);
    for (int y = 0; y < 8; ++y) {
      const auto row = static_cast<std::size_t>(y * kStride);
      const auto end = static_cast<std::size_t>(blocks * group.side) + (y < group.side ? 64 : 0);
      for (std::size_t x = y < group.side ? end : 0; x < static_cast<std::size_t>(kStride); ++x) {
        ASSERT_EQ(group.samples[row + x], 77) << blocks;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sides, InverseDctTest, testing::Values(1, 2, 4, 8),
                         [](const auto& tested) { return std::to_string(tested.param); });

}  // namespace
}  // namespace millrace::codecs
