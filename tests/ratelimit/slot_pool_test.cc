// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/slot_pool.h"

#include <gtest/gtest.h>

namespace millrace::ratelimit {
namespace {

using base::Duration;
using base::TimePoint;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TimePoint at(Duration since_start) { return TimePoint(std::chrono::hours(1)) + since_start; }
constexpr Duration kUnmeasured = seconds(1);

TEST(SlotPoolTest, ARequestWeighsItsPredictedCostAndAtLeastOneSlot) {
  EXPECT_EQ(weight_of(Duration::zero(), milliseconds(50)), whole_slots(1));
  EXPECT_EQ(weight_of(milliseconds(10), milliseconds(50)), whole_slots(1));
  EXPECT_EQ(weight_of(milliseconds(50), milliseconds(50)), whole_slots(1));
  EXPECT_EQ(weight_of(milliseconds(75), milliseconds(50)), 1'500U);
  EXPECT_EQ(weight_of(milliseconds(1'000), milliseconds(50)), whole_slots(20));
  EXPECT_EQ(weight_of(nanoseconds(50'000'001), milliseconds(50)), 1'001U);
  EXPECT_EQ(weight_of(Duration::max(), nanoseconds(1)), whole_slots(1'000'000));
}

TEST(SlotPoolTest, HoldsUpToTheLimit) {
  SlotPool pool;
  EXPECT_TRUE(pool.fits(whole_slots(2), whole_slots(2)));
  pool.take(1'500, at(seconds(0)));
  EXPECT_FALSE(pool.fits(whole_slots(1), whole_slots(2)));
  EXPECT_TRUE(pool.fits(whole_slots(1), 2'500));
  pool.give_back(1'500, at(seconds(0)), at(seconds(1)));
  EXPECT_EQ(pool.held(), 0U);
  EXPECT_TRUE(pool.fits(whole_slots(1), whole_slots(2)));
}

TEST(SlotPoolTest, WhatIsHeavierThanTheLimitRunsAlone) {
  SlotPool pool;
  EXPECT_TRUE(pool.fits(whole_slots(20), whole_slots(4)));
  pool.take(whole_slots(20), at(seconds(0)));
  EXPECT_FALSE(pool.fits(whole_slots(1), whole_slots(4)));
  pool.give_back_untimed(whole_slots(20));
  pool.take(whole_slots(1), at(seconds(0)));
  EXPECT_FALSE(pool.fits(whole_slots(20), whole_slots(4)));
}

TEST(SlotPoolTest, ExpectsTheWaitFromMeasuredHoldingTimes) {
  SlotPool pool;
  const MilliSlots one = whole_slots(1);
  for (int i = 0; i < 100; ++i) {
    pool.take(one, at(seconds(i)));
    pool.give_back(one, at(seconds(i)), at(seconds(i) + milliseconds(400)));
  }
  const TimePoint now = at(seconds(200));
  for (int i = 0; i < 4; ++i) pool.take(one, now);
  // Four held for 400 ms each come back one every 100 ms.
  EXPECT_EQ(pool.expected_wait(one, whole_slots(4), kUnmeasured, now), milliseconds(100));
  EXPECT_EQ(pool.expected_wait(whole_slots(2), whole_slots(4), kUnmeasured, now),
            milliseconds(200));
  EXPECT_EQ(pool.expected_wait(whole_slots(9), whole_slots(4), kUnmeasured, now),
            milliseconds(400));
  EXPECT_EQ(pool.expected_wait(one, whole_slots(5), kUnmeasured, now), Duration::zero());
  // A limit that was lowered meanwhile: two must come back.
  EXPECT_EQ(pool.expected_wait(one, whole_slots(3), kUnmeasured, now), milliseconds(200));
}

TEST(SlotPoolTest, WhoeverHoldsForLongerThanOthersDidIsExpectedToHoldOn) {
  SlotPool pool;
  const MilliSlots one = whole_slots(1);
  pool.take(one, at(seconds(0)));
  pool.give_back(one, at(seconds(0)), at(milliseconds(10)));
  pool.take(one, at(seconds(1)));
  EXPECT_EQ(pool.expected_wait(one, one, kUnmeasured, at(seconds(1))), milliseconds(10));
  EXPECT_EQ(pool.expected_wait(one, one, kUnmeasured, at(seconds(9))), seconds(8));
}

TEST(SlotPoolTest, WithoutAMeasurementItSaysWhatItIsTold) {
  SlotPool pool;
  const MilliSlots one = whole_slots(1);
  pool.take(one, at(seconds(0)));
  EXPECT_EQ(pool.expected_wait(one, one, milliseconds(300), at(seconds(0))), milliseconds(300));
}

TEST(SlotPoolTest, FollowsHoldingTimesThatChange) {
  SlotPool pool;
  const MilliSlots one = whole_slots(1);
  for (int i = 0; i < 50; ++i) {
    pool.take(one, at(seconds(i)));
    pool.give_back(one, at(seconds(i)), at(seconds(i) + milliseconds(i < 10 ? 900 : 100)));
  }
  pool.take(one, at(seconds(60)));
  const Duration wait = pool.expected_wait(one, one, kUnmeasured, at(seconds(60)));
  EXPECT_GT(wait, milliseconds(99));
  EXPECT_LT(wait, milliseconds(105));
}

}  // namespace
}  // namespace millrace::ratelimit
