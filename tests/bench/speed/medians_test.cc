// SPDX-License-Identifier: Apache-2.0
#include "bench/speed/medians.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::bench::speed {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(MediansTest, TakesTheMiddleAndOfAnEvenNumberTheMeanOfTwo) {
  EXPECT_THAT(median({3, 100, 1}), DoubleEq(3));
  EXPECT_THAT(median({4, 1, 100, 2}), DoubleEq(3));
  EXPECT_THAT(median({7}), DoubleEq(7));
  EXPECT_THAT(median({}), DoubleEq(0));
}

TEST(MediansTest, MeanOfNoneIsZero) {
  EXPECT_THAT(mean({1, 2, 6}), DoubleEq(3));
  EXPECT_THAT(mean({}), DoubleEq(0));
}

TEST(MediansTest, RatiosAreOfTheSameRound) {
  EXPECT_THAT(ratios({10, 30, 9}, {5, 10}), ElementsAre(2, 3));
  EXPECT_THAT(ratios({10, 30}, {0, 10}), ElementsAre(3));
  EXPECT_THAT(ratios({}, {1}), IsEmpty());
}

}  // namespace
}  // namespace millrace::bench::speed
