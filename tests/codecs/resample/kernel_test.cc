// SPDX-License-Identifier: Apache-2.0
#include "codecs/resample/kernel.h"

#include <cmath>
#include <cstdlib>
#include <numbers>

#include <gtest/gtest.h>

namespace millrace::codecs {
namespace {

const Axis kAxes[] = {
    {.samples = 2000, .begin = 0, .step = 2.5, .outputs = 800},
    {.samples = 1001, .begin = 0, .step = 1000.25 / 301, .outputs = 301},
    {.samples = 750, .begin = 123.4, .step = 1.01, .outputs = 200},
    {.samples = 40, .begin = 0, .step = 0.125, .outputs = 320},
    {.samples = 1, .begin = 0, .step = 1.0 / 7, .outputs = 7},
    {.samples = 3, .begin = -0.5, .step = 4, .outputs = 1},
    {.samples = 5000, .begin = 0, .step = 1250, .outputs = 4},
};

TEST(TapTableTest, SumsToOneExactly) {
  for (const Kernel kernel : {Kernel::Lanczos3, Kernel::Mitchell}) {
    for (const Axis& axis : kAxes) {
      const TapTable table(kernel, axis, {});
      ASSERT_EQ(table.outputs(), axis.outputs);
      for (std::int32_t i = 0; i < axis.outputs; ++i) {
        std::int32_t sum = 0;
        for (std::int32_t k = 0; k < table.taps(); ++k) sum += table.weights(i)[k];
        ASSERT_EQ(sum, TapTable::kOneInWeights);
      }
    }
  }
}

TEST(TapTableTest, StaysWithinTheSamples) {
  for (const Axis& axis : kAxes) {
    const TapTable table(Kernel::Lanczos3, axis, {.first_multiple = 2, .taps_multiple = 8});
    EXPECT_EQ(table.taps() % 8, 0);
    for (std::int32_t i = 0; i < axis.outputs; ++i) {
      const Span span = table.span(i);
      ASSERT_EQ(span.first % 2, 0);
      ASSERT_GE(span.first, 0);
      ASSERT_GT(span.count, 0);
      ASSERT_LE(span.end(), axis.samples);
      ASSERT_LE(span.count, table.taps());
      for (std::int32_t k = span.count; k < table.taps(); ++k) ASSERT_EQ(table.weights(i)[k], 0);
    }
    EXPECT_LE(table.needs().first, table.first(0) + 1);
    EXPECT_GE(table.needs().end(), table.span(axis.outputs - 1).end());
  }
}

// The middle of the weights is the middle of the output, where no edge is near.
TEST(TapTableTest, WeighsAroundTheMiddleOfTheOutput) {
  for (const double step : {0.3, 1.0, 1.5, 2.5, 3.75, 8.0, 20.1}) {
    for (const double begin : {400.0, 400.25, 399.77}) {
      for (const Kernel kernel : {Kernel::Lanczos3, Kernel::Mitchell}) {
        const TapTable table(kernel, {.samples = 4000, .begin = begin, .step = step, .outputs = 90},
                             {});
        for (std::int32_t i = 0; i < 90; ++i) {
          double moment = 0;
          for (std::int32_t k = 0; k < table.taps(); ++k) {
            moment += (table.first(i) + k + 0.5) * table.weights(i)[k];
          }
          const double middle = begin + (i + 0.5) * step;
          // Lanczos itself is off by up to two hundredths of its width.
          ASSERT_NEAR(moment / TapTable::kOneInWeights, middle, 0.03 * std::max(1.0, step));
        }
      }
    }
  }
}

TEST(TapTableTest, IsTheKernelItself) {
  const Axis axis{.samples = 500, .begin = 7.3, .step = 2.7, .outputs = 150};
  const TapTable table(Kernel::Lanczos3, axis, {});
  for (std::int32_t i = 10; i < 140; ++i) {
    const double middle = axis.begin + (i + 0.5) * axis.step;
    double sum = 0;
    std::vector<double> exact;
    for (std::int32_t k = 0; k < table.taps(); ++k) {
      const double x = (table.first(i) + k + 0.5 - middle) / axis.step;
      const double angle = std::numbers::pi * x;
      double value = std::sin(angle) * std::sin(angle / 3) * 3 / (angle * angle);
      if (std::abs(x) >= 3) value = 0;
      if (std::abs(x) < 1e-9) value = 1;
      exact.push_back(value);
      sum += value;
    }
    for (std::int32_t k = 0; k < table.taps(); ++k) {
      const double parts = exact[static_cast<std::size_t>(k)] / sum * TapTable::kOneInWeights;
      ASSERT_NEAR(table.weights(i)[k], parts, 1.6);
    }
  }
}

TEST(TapTableTest, OneToOneIsOneSample) {
  const TapTable table(Kernel::Lanczos3, {.samples = 90, .begin = 20, .step = 1, .outputs = 30},
                       {});
  for (std::int32_t i = 0; i < 30; ++i) {
    for (std::int32_t k = 0; k < table.taps(); ++k) {
      ASSERT_EQ(table.weights(i)[k], table.first(i) + k == 20 + i ? TapTable::kOneInWeights : 0);
    }
  }
}

TEST(AxisTest, KnowsWhenNothingIsToBeComputed) {
  EXPECT_TRUE(copies({.samples = 100, .begin = 0, .step = 1, .outputs = 100}));
  EXPECT_TRUE(copies({.samples = 100, .begin = 40, .step = 1, .outputs = 60}));
  EXPECT_TRUE(copies({.samples = 100, .begin = 39.9999, .step = 1.000001, .outputs = 60}));
  EXPECT_FALSE(copies({.samples = 100, .begin = 40, .step = 1, .outputs = 61}));
  EXPECT_FALSE(copies({.samples = 100, .begin = -1, .step = 1, .outputs = 60}));
  EXPECT_FALSE(copies({.samples = 100, .begin = 0.5, .step = 1, .outputs = 60}));
  EXPECT_FALSE(copies({.samples = 4000, .begin = 0, .step = 1.0001, .outputs = 3999}));
  EXPECT_FALSE(copies({.samples = 100, .begin = 0, .step = 2, .outputs = 50}));
}

}  // namespace
}  // namespace millrace::codecs
