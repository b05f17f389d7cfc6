// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/tier_queue.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace millrace::agent {
namespace {

using namespace std::chrono_literals;
using Offer = TierQueue::Offer;

class TierQueueTest : public testing::Test {
 protected:
  Offer offer(TicketId id, const std::string& tier, const std::string& user = "u") {
    return queue_.offer(id, tier, user, base::Deadline::never());
  }
  TicketId next() { return queue_.take(now_, 0s).next.value_or(0); }

  base::TimePoint now_{};
  TierQueue queue_{
      {{"paid", {.depth_max = 40, .weight = 8}}, {"free", {.depth_max = 100, .weight = 1}}}};
};

TEST_F(TierQueueTest, ServesOneUserInOrder) {
  for (TicketId id = 1; id <= 3; ++id) ASSERT_EQ(offer(id, "free"), Offer::Queued);
  EXPECT_EQ(next(), 1U);
  EXPECT_EQ(next(), 2U);
  EXPECT_EQ(next(), 3U);
  EXPECT_EQ(next(), 0U);
}

TEST_F(TierQueueTest, RefusesWhenItsTierIsFull) {
  for (TicketId id = 1; id <= 40; ++id) ASSERT_EQ(offer(id, "paid"), Offer::Queued);
  EXPECT_EQ(offer(41, "paid"), Offer::Full);
  EXPECT_EQ(offer(42, "free"), Offer::Queued);
  EXPECT_EQ(queue_.depth("paid"), 40U);
  EXPECT_EQ(queue_.depth(), 41U);
}

TEST_F(TierQueueTest, DoesNotKnowEveryTier) {
  EXPECT_EQ(offer(1, "platinum"), Offer::UnknownTier);
  EXPECT_FALSE(queue_.knows("platinum"));
}

TEST_F(TierQueueTest, SharesBetweenTiersByWeight) {
  for (TicketId id = 1; id <= 40; ++id) ASSERT_EQ(offer(id, "paid"), Offer::Queued);
  for (TicketId id = 101; id <= 140; ++id) ASSERT_EQ(offer(id, "free"), Offer::Queued);
  int paid = 0;
  for (int i = 0; i < 36; ++i) paid += next() <= 40 ? 1 : 0;
  EXPECT_EQ(paid, 32);
}

TEST_F(TierQueueTest, IdleTimeIsNoCredit) {
  for (TicketId id = 1; id <= 40; ++id) ASSERT_EQ(offer(id, "paid"), Offer::Queued);
  for (int i = 0; i < 30; ++i) (void)next();
  for (TicketId id = 101; id <= 120; ++id) ASSERT_EQ(offer(id, "free"), Offer::Queued);
  int free = 0;
  for (int i = 0; i < 9; ++i) free += next() > 100 ? 1 : 0;
  EXPECT_LE(free, 2) << "the free tier must not be served for the time it was away";
}

TEST_F(TierQueueTest, TakesTurnsBetweenUsers) {
  for (TicketId id = 1; id <= 10; ++id) ASSERT_EQ(offer(id, "free", "greedy"), Offer::Queued);
  ASSERT_EQ(offer(50, "free", "modest"), Offer::Queued);
  ASSERT_EQ(offer(51, "free", "modest"), Offer::Queued);
  EXPECT_EQ(next(), 1U);
  EXPECT_EQ(next(), 50U);
  EXPECT_EQ(next(), 2U);
  EXPECT_EQ(next(), 51U);
  EXPECT_EQ(next(), 3U);
  EXPECT_EQ(next(), 4U);
}

TEST_F(TierQueueTest, DropsWhoCannotMeetTheDeadline) {
  ASSERT_EQ(queue_.offer(1, "free", "u", base::Deadline(now_ + 100ms)), Offer::Queued);
  ASSERT_EQ(queue_.offer(2, "free", "u", base::Deadline(now_ + 900ms)), Offer::Queued);
  ASSERT_EQ(queue_.offer(3, "free", "u", base::Deadline(now_ + 5s)), Offer::Queued);
  const TierQueue::Taken taken = queue_.take(now_ + 500ms, 1s);
  EXPECT_EQ(taken.dropped, (std::vector<TicketId>{1, 2}));
  EXPECT_EQ(taken.next, 3U);
  EXPECT_EQ(queue_.depth(), 0U);
}

TEST_F(TierQueueTest, AWithdrawnTicketIsNeverServed) {
  for (TicketId id = 1; id <= 3; ++id) ASSERT_EQ(offer(id, "free"), Offer::Queued);
  queue_.withdraw(2);
  queue_.withdraw(2);
  EXPECT_EQ(queue_.depth("free"), 2U);
  EXPECT_EQ(next(), 1U);
  EXPECT_EQ(next(), 3U);
}

TEST_F(TierQueueTest, WithdrawingTheLastTicketOfAUserLeavesTheOthers) {
  ASSERT_EQ(offer(1, "free", "a"), Offer::Queued);
  ASSERT_EQ(offer(2, "free", "b"), Offer::Queued);
  queue_.withdraw(1);
  EXPECT_EQ(next(), 2U);
  ASSERT_EQ(offer(3, "free", "a"), Offer::Queued);
  EXPECT_EQ(next(), 3U);
}

}  // namespace
}  // namespace millrace::agent
