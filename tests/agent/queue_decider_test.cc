// SPDX-License-Identifier: Apache-2.0
// Who may prepare, and the facade over all that is decided in front of the workers.
#include "agent/policy/queue_decider.h"

#include <string>

#include <gtest/gtest.h>

namespace millrace::agent {
namespace {

using namespace std::chrono_literals;

constexpr base::TimePoint kStart = base::TimePoint(1h);

class QueueDeciderTest : public testing::Test {
 protected:
  static QueueDecider::Options options() {
    QueueDecider::Options options;
    options.tiers["free"] = {.depth_max = 20, .weight = 1};
    options.tiers["paid"] = {.depth_max = 8, .weight = 8};
    return options;
  }
  bool prepare(const std::string& origin, const std::string& user = "u",
               const std::string& tier = "free") {
    return decider_.prepare(++id_, tier, user, origin, now_);
  }
  bool offer(TicketId id, const std::string& user = "u", const std::string& tier = "free") {
    return decider_.offer(tier, {id, user, base::Deadline::never(), {10ms, {}}, now_}, now_)
               .verdict == TierQueue::Verdict::Queued;
  }
  int prepare_many(const std::string& origin, int count) {
    int admitted = 0;
    for (int i = 0; i < count; ++i) admitted += prepare(origin) ? 1 : 0;
    return admitted;
  }

  base::TimePoint now_ = kStart;
  QueueDecider decider_{options()};
  TicketId id_ = 0;
};

TEST_F(QueueDeciderTest, ABurstOfUnknownFilesFetchesNoMoreThanCouldWait) {
  EXPECT_EQ(prepare_many("origin", 5'000), 16) << "of one user: four fifths of the queue";
  EXPECT_EQ(decider_.preparing(), 16U);
}

TEST_F(QueueDeciderTest, AFullQueueRefusesBeforeAnythingIsFetched) {
  for (TicketId id = 1'000; id < 1'016; ++id) ASSERT_TRUE(offer(id));
  EXPECT_TRUE(decider_.full("free"));
  EXPECT_FALSE(prepare("origin"));
  EXPECT_TRUE(prepare("origin", "u", "paid")) << "another tier's queue";
  EXPECT_FALSE(decider_.prepare(1, "gold", "u", "origin", now_));
}

TEST_F(QueueDeciderTest, ADeadOriginHoldsNoPlaceOfTheOthers) {
  EXPECT_EQ(prepare_many("dead", 1'000), 16);
  for (int origin = 1; origin <= 9; ++origin) {
    EXPECT_TRUE(prepare("origin" + std::to_string(origin)));
    decider_.prepared(id_, now_);
    EXPECT_TRUE(offer(id_));
  }
  EXPECT_FALSE(prepare("dead"));
}

TEST_F(QueueDeciderTest, WhatNeverArrivesEarnsItsOriginNothing) {
  for (int i = 0; i < 100; ++i) {  // drains well, elsewhere
    ASSERT_TRUE(prepare("near"));
    decider_.prepared(id_, now_);
    ASSERT_TRUE(offer(id_));
    const auto taken = decider_.take(now_);
    now_ += 10ms;
    decider_.finished(taken.next->id, 10ms, now_);
  }
  EXPECT_EQ(prepare_many("dead", 1'000), 16);
  now_ += 30s;
  for (TicketId id = id_ - 999; id <= id_; ++id) decider_.abandon(id);
  EXPECT_EQ(decider_.preparing(), 0U);
  EXPECT_EQ(prepare_many("dead", 1'000), 16);
}

TEST_F(QueueDeciderTest, ADistantOriginMayPrepareWhatDrainsMeanwhile) {
  // 200 ms away, 100 tasks a second: 20 more may be on their way.
  for (int i = 0; i < 1'000; ++i) {
    const bool admitted = prepare("distant");
    ASSERT_TRUE(admitted);
    const TicketId id = id_;
    now_ += 200ms;
    decider_.prepared(id, now_);
    now_ -= 190ms;
    ASSERT_TRUE(offer(id));
    const auto taken = decider_.take(now_);
    decider_.finished(taken.next->id, 10ms, now_);
  }
  EXPECT_NEAR(prepare_many("distant", 1'000), 36, 2);
  EXPECT_EQ(prepare_many("near", 1'000), 16);
}

TEST_F(QueueDeciderTest, AUserWithLessIsLetInBesideOneThatPreparesAllItMay) {
  for (int i = 0; i < 1'000; ++i) (void)prepare("origin", "greedy");
  EXPECT_EQ(decider_.preparing(), 16U);
  EXPECT_TRUE(prepare("origin", "modest"));
  for (int user = 0; user < 1'000; ++user) (void)prepare("origin", std::to_string(user));
  EXPECT_EQ(decider_.preparing(), 40U) << "and no more of those than would fill it once";
}

TEST_F(QueueDeciderTest, TellsWhatWaitsAndWhatRuns) {
  ASSERT_TRUE(offer(1));
  ASSERT_TRUE(offer(2));
  ASSERT_TRUE(offer(3));
  const auto first = decider_.take(now_);
  ASSERT_TRUE(first.next);
  EXPECT_EQ(decider_.queued_cpu(), 20ms);
  EXPECT_EQ(decider_.running_cpu(), 10ms);
  decider_.finished(first.next->id, 12ms, now_ + 12ms);
  EXPECT_EQ(decider_.running_cpu(), 0ms);
  const auto second = decider_.take(now_);
  decider_.failed(second.next->id);
  EXPECT_EQ(decider_.running_cpu(), 0ms);
  EXPECT_EQ(decider_.depth("free"), 1U);
}

TEST_F(QueueDeciderTest, SaysWhenToComeBackFromWhatTheTierDrains) {
  for (int i = 0; i < 40; ++i) {  // four a second of free
    ASSERT_TRUE(offer(++id_));
    const auto taken = decider_.take(now_);
    now_ += 250ms;
    decider_.finished(taken.next->id, 250ms, now_);
  }
  for (int i = 0; i < 16; ++i) ASSERT_TRUE(offer(++id_));
  EXPECT_NEAR(static_cast<double>(decider_.retry_after_s("free", now_)), 4, 1);
  EXPECT_EQ(decider_.retry_after_s("paid", now_), 1U);
}

}  // namespace
}  // namespace millrace::agent
