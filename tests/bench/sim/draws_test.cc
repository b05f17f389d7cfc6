// SPDX-License-Identifier: Apache-2.0
#include "bench/sim/draws.h"

#include <cstdint>

#include <gtest/gtest.h>

namespace millrace::bench::sim {
namespace {

TEST(DrawsTest, LogNormalHasItsMeanAndSpread) {
  Draws draws(7, 1);
  double sum = 0;
  double squares = 0;
  constexpr int kCount = 20'000;
  for (int i = 0; i < kCount; ++i) {
    const double value = draws.lognormal(12, 0.25);
    ASSERT_GT(value, 0);
    sum += value;
    squares += value * value;
  }
  const double mean = sum / kCount;
  EXPECT_NEAR(mean, 12, 0.1);
  EXPECT_NEAR(std::sqrt(squares / kCount - mean * mean) / mean, 0.25, 0.01);
  EXPECT_EQ(draws.lognormal(12, 0), 12);
}

TEST(DrawsTest, TheSameSeedAndPurposeGiveTheSame) {
  Draws a(1, 2);
  Draws b(1, 2);
  Draws other(1, 3);
  const std::uint64_t first = a.below(1'000'000);
  EXPECT_EQ(first, b.below(1'000'000));
  EXPECT_NE(first, other.below(1'000'000));
}

}  // namespace
}  // namespace millrace::bench::sim
