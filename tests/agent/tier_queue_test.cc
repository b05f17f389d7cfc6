// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/tier_queue.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace millrace::agent {
namespace {

using namespace std::chrono_literals;
using Lift = TierQueue::Lift;
using Verdict = TierQueue::Verdict;

class TierQueueTest : public testing::Test {
 protected:
  TierQueue::Offered try_offer(TicketId id, const std::string& tier, const std::string& user = "u",
                               base::Duration cpu = 10ms) {
    return queue_.offer(tier, {id, user, base::Deadline::never(), {cpu, {}}, now_}, now_);
  }
  Verdict offer(TicketId id, const std::string& tier, const std::string& user = "u",
                base::Duration cpu = 10ms) {
    return try_offer(id, tier, user, cpu).verdict;
  }
  TicketId next() {
    const auto taken = queue_.take(now_);
    return taken.next ? taken.next->id : 0;
  }
  std::size_t depth(const std::string& tier) { return queue_.line(tier)->depth(); }

  base::TimePoint now_{};
  // One user alone may have 40 and 100 of these.
  TierQueue queue_{
      {{"paid", {.depth_max = 50, .weight = 8}}, {"free", {.depth_max = 125, .weight = 1}}}};
};

TEST_F(TierQueueTest, ServesOneUserInOrder) {
  for (TicketId id = 1; id <= 3; ++id) ASSERT_EQ(offer(id, "free"), Verdict::Queued);
  EXPECT_EQ(next(), 1U);
  EXPECT_EQ(next(), 2U);
  EXPECT_EQ(next(), 3U);
  EXPECT_EQ(next(), 0U);
}

TEST_F(TierQueueTest, RefusesWhenItsTierIsFull) {
  for (TicketId id = 1; id <= 40; ++id) ASSERT_EQ(offer(id, "paid"), Verdict::Queued);
  EXPECT_EQ(offer(41, "paid"), Verdict::Full);
  EXPECT_EQ(offer(42, "free"), Verdict::Queued);
  EXPECT_EQ(depth("paid"), 40U);
  EXPECT_EQ(queue_.depth(), 41U);
}

TEST_F(TierQueueTest, DoesNotKnowEveryTier) {
  EXPECT_EQ(offer(1, "platinum"), Verdict::UnknownTier);
  EXPECT_EQ(queue_.line("platinum"), nullptr);
}

TEST_F(TierQueueTest, SharesBetweenTiersByWeight) {
  for (TicketId id = 1; id <= 40; ++id) ASSERT_EQ(offer(id, "paid"), Verdict::Queued);
  for (TicketId id = 101; id <= 140; ++id) ASSERT_EQ(offer(id, "free"), Verdict::Queued);
  int paid = 0;
  for (int i = 0; i < 36; ++i) paid += next() <= 40 ? 1 : 0;
  EXPECT_EQ(paid, 32);
}

TEST_F(TierQueueTest, SharesProcessorTimeAndNotTasks) {
  // Free tasks cost eight of the paid ones: by weight 8:1 there is one for every 64.
  constexpr TicketId kFree = 1'000;
  for (TicketId id = kFree; id < kFree + 10; ++id) {
    ASSERT_EQ(offer(id, "free", "f", 80ms), Verdict::Queued);
  }
  int free = 0;
  for (TicketId id = 1; id <= 192; ++id) {
    ASSERT_EQ(offer(id, "paid"), Verdict::Queued);
    while (depth("paid") > 0) free += next() >= kFree ? 1 : 0;
  }
  EXPECT_GE(free, 2);
  EXPECT_LE(free, 4);
}

TEST_F(TierQueueTest, ALightTierIsSlowAndNeverStarved) {
  for (TicketId id = 1; id <= 20; ++id) ASSERT_EQ(offer(id, "free"), Verdict::Queued);
  TicketId paid = 1'000;
  int since_free = 0;
  for (int i = 0; i < 180; ++i) {
    while (depth("paid") < 40) ASSERT_EQ(offer(++paid, "paid"), Verdict::Queued);
    since_free = next() < 1'000 ? 0 : since_free + 1;
    ASSERT_LE(since_free, 9);
  }
}

TEST_F(TierQueueTest, IdleTimeIsNoCredit) {
  for (TicketId id = 1; id <= 40; ++id) ASSERT_EQ(offer(id, "paid"), Verdict::Queued);
  for (int i = 0; i < 30; ++i) (void)next();
  for (TicketId id = 101; id <= 120; ++id) ASSERT_EQ(offer(id, "free"), Verdict::Queued);
  int free = 0;
  for (int i = 0; i < 9; ++i) free += next() > 100 ? 1 : 0;
  EXPECT_LE(free, 2) << "the free tier must not be served for the time it was away";
}

TEST_F(TierQueueTest, ATierBelowItsShareHasItsLineServedFirst) {
  for (TicketId id = 1; id <= 100; ++id) ASSERT_EQ(offer(id, "free"), Verdict::Queued);
  ASSERT_EQ(offer(1'000, "paid"), Verdict::Queued);  // its cost becomes known
  for (int i = 0; i < 20; ++i) (void)next();
  for (TicketId id = 1'001; id <= 1'020; ++id) ASSERT_EQ(offer(id, "paid"), Verdict::Queued);
  for (TicketId id = 1'001; id <= 1'020; ++id) EXPECT_EQ(next(), id) << "no turn of the free";
  for (TicketId id = 1'021; id <= 1'100; ++id) {
    while (try_offer(id, "paid").verdict == Verdict::Full) EXPECT_NE(next(), 0U);
  }
  int free = 0;
  for (int i = 0; i < 40; ++i) free += next() < 1'000 ? 1 : 0;
  EXPECT_GE(free, 1) << "what was saved up is spent: the free have their share again";
}

// Whoever was given two tasks more waits for the others; within that the order is that of arrival.
TEST_F(TierQueueTest, TakesTurnsBetweenUsers) {
  for (TicketId id = 1; id <= 10; ++id) ASSERT_EQ(offer(id, "free", "greedy"), Verdict::Queued);
  for (TicketId id = 50; id <= 55; ++id) ASSERT_EQ(offer(id, "free", "modest"), Verdict::Queued);
  std::vector<TicketId> order;
  for (int i = 0; i < 12; ++i) order.push_back(next());
  EXPECT_EQ(order, (std::vector<TicketId>{1, 2, 3, 50, 4, 51, 5, 52, 6, 53, 7, 54}));
}

TEST_F(TierQueueTest, DropsWhoCannotMeetTheDeadlineWithItsOwnWork) {
  const auto offer_until = [this](TicketId id, base::Duration left, base::Duration at_least) {
    return queue_
        .offer("free", {id, "u", base::Deadline(now_ + left), {at_least, at_least}, now_}, now_)
        .verdict;
  };
  ASSERT_EQ(offer_until(1, 100ms, 1ms), Verdict::Queued);  // passed
  ASSERT_EQ(offer_until(2, 900ms, 1s), Verdict::Queued);   // too much for it
  ASSERT_EQ(offer_until(3, 900ms, 300ms), Verdict::Queued);
  now_ += 500ms;
  const TierQueue::Taken taken = queue_.take(now_);
  ASSERT_EQ(taken.dropped.size(), 2U);
  EXPECT_EQ(taken.dropped[0].id, 1U);
  EXPECT_EQ(taken.dropped[1].id, 2U);
  ASSERT_TRUE(taken.next);
  EXPECT_EQ(taken.next->id, 3U);
  EXPECT_EQ(taken.next->waited, 500ms);
  EXPECT_EQ(queue_.depth(), 0U);
}

TEST_F(TierQueueTest, AWithdrawnTicketIsNeverServed) {
  for (TicketId id = 1; id <= 3; ++id) ASSERT_EQ(offer(id, "free"), Verdict::Queued);
  queue_.withdraw(2);
  queue_.withdraw(2);
  EXPECT_EQ(depth("free"), 2U);
  EXPECT_EQ(next(), 1U);
  EXPECT_EQ(next(), 3U);
}

TEST_F(TierQueueTest, WithdrawingTheLastTicketOfAUserLeavesTheOthers) {
  ASSERT_EQ(offer(1, "free", "a"), Verdict::Queued);
  ASSERT_EQ(offer(2, "free", "b"), Verdict::Queued);
  queue_.withdraw(1);
  EXPECT_EQ(next(), 2U);
  ASSERT_EQ(offer(3, "free", "a"), Verdict::Queued);
  EXPECT_EQ(next(), 3U);
}

TEST_F(TierQueueTest, ABetterTierLiftsATicketOutOfAWorseOne) {
  for (TicketId id = 1; id <= 50; ++id) ASSERT_EQ(offer(id, "free", "f"), Verdict::Queued);
  EXPECT_EQ(queue_.promote(50, "paid", "p", now_).lift, Lift::Lifted);
  EXPECT_EQ(depth("free"), 49U);
  EXPECT_EQ(depth("paid"), 1U);
  EXPECT_EQ(next(), 50U) << "last of the free ones, first of the paid ones";
}

TEST_F(TierQueueTest, LiftsOnlyWhatWaitsAndOnlyUp) {
  ASSERT_EQ(offer(1, "paid"), Verdict::Queued);
  EXPECT_EQ(queue_.promote(1, "free", "u", now_).lift, Lift::NotBetter);
  EXPECT_EQ(queue_.promote(1, "paid", "u", now_).lift, Lift::NotBetter);
  EXPECT_EQ(queue_.promote(9, "paid", "u", now_).lift, Lift::NotWaiting);
  for (TicketId id = 2; id <= 40; ++id) ASSERT_EQ(offer(id, "paid"), Verdict::Queued);
  ASSERT_EQ(offer(41, "free"), Verdict::Queued);
  EXPECT_EQ(queue_.promote(41, "paid", "u", now_).lift, Lift::Full);
  EXPECT_EQ(depth("free"), 1U) << "and keeps its place";
}

// The promise to paid users, in the worst case: their queue is kept full, so is the free one, all
// workers have just begun. Service times of 1; the answer's time counts from the offer.
struct PaidPromise {
  std::size_t workers = 1;
  std::size_t users = 1;
};
class PaidPromiseTest : public testing::TestWithParam<PaidPromise> {};

TEST_P(PaidPromiseTest, IsKeptBesideFreeTrafficAtTenTimesCapacity) {
  const std::size_t workers = GetParam().workers;
  const std::size_t paid_max = 4 * workers;
  TierQueue queue({{"paid", {.depth_max = paid_max, .weight = 8}},
                   {"free",
                    {.depth_max = 10 * workers,
                     .weight = 1,
                     .order = TierOrder::AdaptiveLifo,
                     .target_delay = 5s}}});
  constexpr auto kService = 1s;
  base::TimePoint now{};
  TicketId id = 0;
  std::unordered_map<TicketId, base::TimePoint> paid_since;
  const auto fill = [&](const std::string& tier, std::size_t offers) {
    for (std::size_t i = 0; i < offers; ++i) {
      ++id;
      const std::string user = "user" + std::to_string(id * 7 % GetParam().users);
      const auto offered =
          queue.offer(tier, {id, user, base::Deadline::never(), {kService, {}}, now}, now);
      if (offered.displaced) paid_since.erase(*offered.displaced);
      if (offered.verdict == Verdict::Queued && tier == "paid") paid_since[id] = now;
    }
  };
  std::vector<double> answered;
  std::size_t free_served = 0;
  std::size_t served = 0;
  for (int round = 0; round < 3'000; ++round) {  // all workers in step: the worst case
    for (std::size_t worker = 0; worker < workers; ++worker) {
      fill("paid", 3);
      fill("free", 10);
      const auto taken = queue.take(now);
      ASSERT_TRUE(taken.next);
      ++served;
      if (taken.next->tier == "free") {
        ++free_served;
      } else {
        const base::Duration took = now + kService - paid_since.at(taken.next->id);
        answered.push_back(std::chrono::duration<double>(took).count());
      }
    }
    now += kService;
  }
  std::ranges::sort(answered);
  const double p99 = answered[answered.size() * 99 / 100];
  // Offers come when a worker has just been given something, so the residual second counts too.
  EXPECT_LE(p99, 4 + 2) << "of " << answered.size() << ", worst " << answered.back();
  EXPECT_NEAR(static_cast<double>(free_served) / static_cast<double>(served), 1.0 / 9, 0.01);
}

INSTANTIATE_TEST_SUITE_P(Fleets, PaidPromiseTest,
                         testing::Values(PaidPromise{1, 1}, PaidPromise{2, 1}, PaidPromise{8, 1},
                                         PaidPromise{2, 3}, PaidPromise{2, 5}, PaidPromise{2, 50},
                                         PaidPromise{8, 10}, PaidPromise{16, 7}));

TEST_F(TierQueueTest, GivesTheBatchOfATaskWithIt) {
  const auto offer_of = [this](TicketId id, const std::string& user, const std::string& batch,
                               base::Deadline deadline = base::Deadline::never()) {
    const auto offered = queue_.offer("free", {id, user, deadline, {10ms, 5ms}, now_, batch}, now_);
    ASSERT_EQ(offered.verdict, Verdict::Queued);
  };
  offer_of(1, "u", "lin");
  offer_of(2, "v", "lin");
  offer_of(3, "u", "");
  offer_of(4, "u", "lin");
  offer_of(5, "u", "lin", base::Deadline::after(now_, 1ms));
  offer_of(6, "u", "mei");
  offer_of(7, "u", "lin");
  const auto taken = queue_.take(now_);
  ASSERT_TRUE(taken.next);
  EXPECT_EQ(taken.next->id, 1U);
  std::vector<TicketId> companions;
  for (const auto& companion : taken.companions) companions.push_back(companion.id);
  EXPECT_EQ(companions, (std::vector<TicketId>{4, 7})) << "of the same user and batch";
  ASSERT_EQ(taken.dropped.size(), 1U);
  EXPECT_EQ(taken.dropped.front().id, 5U) << "too late for it";
  EXPECT_EQ(depth("free"), 3U);
  EXPECT_EQ(queue_.cpu(), base::Duration(30ms));
  // What was done out of turn was the user's own: the other is next.
  EXPECT_EQ(next(), 2U);
}

TEST_F(TierQueueTest, CountsABatchAsItsTiersWork) {
  for (TicketId id = 1; id <= 8; ++id) {
    ASSERT_EQ(
        queue_.offer("free", {id, "u", base::Deadline::never(), {10ms, {}}, now_, "lin"}, now_)
            .verdict,
        Verdict::Queued);
  }
  ASSERT_EQ(offer(20, "free", "v"), Verdict::Queued);
  ASSERT_EQ(next(), 1U);
  // Eight tasks of weight 1 are as much as 64 of weight 8.
  for (TicketId id = 100; id < 140; ++id) ASSERT_EQ(offer(id, "paid"), Verdict::Queued);
  for (int i = 0; i < 40; ++i) EXPECT_GE(next(), 100U) << i;
  EXPECT_EQ(next(), 20U);
}

}  // namespace
}  // namespace millrace::agent
