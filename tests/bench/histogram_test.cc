// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/histogram.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace millrace::bench {
namespace {

std::int64_t exact_quantile(const std::vector<std::int64_t>& sorted, double fraction) {
  const auto rank = static_cast<std::size_t>(std::ceil(fraction * double(sorted.size())));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

TEST(HistogramTest, QuantilesAreRightToHalfAPercent) {
  std::mt19937_64 random(5);
  std::lognormal_distribution<double> spread(9, 2.5);
  Histogram histogram;
  std::vector<std::int64_t> values;
  for (int i = 0; i < 200'000; ++i) {
    values.push_back(static_cast<std::int64_t>(spread(random)));
    histogram.add(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double fraction : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
    const auto exact = static_cast<double>(exact_quantile(values, fraction));
    EXPECT_NEAR(histogram.quantile_us(fraction), exact, std::max(exact * 0.005, 0.5)) << fraction;
  }
  EXPECT_EQ(histogram.max_us(), values.back());
  EXPECT_EQ(histogram.count(), values.size());
}

TEST(HistogramTest, SmallValuesAreExact) {
  Histogram histogram;
  for (const std::int64_t value : {-5, 0, 7, 255, 256}) histogram.add(value);
  EXPECT_EQ(histogram.quantile_us(0.4), 0);
  EXPECT_EQ(histogram.quantile_us(0.6), 7);
  EXPECT_EQ(histogram.quantile_us(0.8), 255);
  EXPECT_EQ(histogram.quantile_us(1), 256);
}

TEST(HistogramTest, IsNeverAboveItsLargestValue) {
  Histogram histogram;
  histogram.add(1'000'000);
  EXPECT_LE(histogram.quantile_us(0.5), 1'000'000);
  EXPECT_EQ(histogram.quantile_us(1), histogram.quantile_us(0.5));
}

TEST(HistogramTest, MergingIsAddingAll) {
  Histogram one;
  Histogram other;
  Histogram both;
  for (std::int64_t value = 1; value < 3'000'000; value = value * 5 / 4 + 1) {
    (value % 2 == 0 ? one : other).add(value);
    both.add(value);
  }
  one.merge(other);
  EXPECT_EQ(one.count(), both.count());
  EXPECT_EQ(one.max_us(), both.max_us());
  EXPECT_DOUBLE_EQ(one.mean_us(), both.mean_us());
  for (const double fraction : {0.1, 0.5, 0.9}) {
    EXPECT_EQ(one.quantile_us(fraction), both.quantile_us(fraction));
  }
}

TEST(HistogramTest, NothingAddedIsZero) {
  const Histogram histogram;
  EXPECT_EQ(histogram.quantile_us(0.99), 0);
  EXPECT_EQ(histogram.mean_us(), 0);
}

}  // namespace
}  // namespace millrace::bench
