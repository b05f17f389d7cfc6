// SPDX-License-Identifier: Apache-2.0
#include "base/deadline.h"

#include <chrono>

#include <gtest/gtest.h>

namespace millrace::base {
namespace {

using std::chrono::seconds;

const TimePoint kNow{seconds(1'000)};

TEST(DeadlineTest, ExpiresAtItsMomentAndNotBefore) {
  const Deadline deadline = Deadline::after(kNow, seconds(30));
  EXPECT_FALSE(deadline.expired(kNow + seconds(29)));
  EXPECT_TRUE(deadline.expired(kNow + seconds(30)));
  EXPECT_TRUE(deadline.expired(kNow + seconds(31)));
}

TEST(DeadlineTest, RemainingFallsToZeroAndStaysThere) {
  const Deadline deadline = Deadline::after(kNow, seconds(30));
  EXPECT_EQ(deadline.remaining(kNow), seconds(30));
  EXPECT_EQ(deadline.remaining(kNow + seconds(30)), Duration::zero());
  EXPECT_EQ(deadline.remaining(kNow + seconds(90)), Duration::zero());
}

TEST(DeadlineTest, NeverDoesNotExpire) {
  EXPECT_TRUE(Deadline::never().is_never());
  EXPECT_FALSE(Deadline::never().expired(kNow + std::chrono::hours(100'000)));
  EXPECT_FALSE(Deadline::after(kNow, seconds(1)).is_never());
}

TEST(DeadlineTest, TheEarlierOfTwoWins) {
  const Deadline early = Deadline::after(kNow, seconds(1));
  const Deadline late = Deadline::after(kNow, seconds(2));
  EXPECT_EQ(early.earlier_of(late).at(), early.at());
  EXPECT_EQ(late.earlier_of(early).at(), early.at());
  EXPECT_EQ(Deadline::never().earlier_of(late).at(), late.at());
}

}  // namespace
}  // namespace millrace::base
