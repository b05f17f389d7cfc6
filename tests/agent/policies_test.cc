// SPDX-License-Identifier: Apache-2.0
// The small deciders of the agent, one suite each.
#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "agent/policy/drain_meter.h"
#include "agent/policy/fetch_gate.h"
#include "agent/policy/quarantine.h"
#include "agent/policy/worker_rules.h"

namespace millrace::agent {
namespace {

using namespace std::chrono_literals;

constexpr base::TimePoint kStart = base::TimePoint(1h);

CacheKey plan(int number) { return cache_key_of({"plan", std::to_string(number)}); }

TEST(QuarantineTest, HoldsWhatKilledTwice) {
  Quarantine quarantine({.deaths_max = 2, .ttl = 60s, .entries_max = 10});
  quarantine.died(plan(1), kStart);
  EXPECT_FALSE(quarantine.holds(plan(1), kStart));
  quarantine.died(plan(1), kStart + 1s);
  EXPECT_TRUE(quarantine.holds(plan(1), kStart + 1s));
  EXPECT_FALSE(quarantine.holds(plan(2), kStart + 1s));
}

TEST(QuarantineTest, LetsGoAfterItsTime) {
  Quarantine quarantine({.deaths_max = 2, .ttl = 60s, .entries_max = 10});
  quarantine.died(plan(1), kStart);
  quarantine.died(plan(1), kStart + 30s);
  EXPECT_TRUE(quarantine.holds(plan(1), kStart + 89s));
  EXPECT_FALSE(quarantine.holds(plan(1), kStart + 90s));
  quarantine.died(plan(1), kStart + 91s);
  EXPECT_FALSE(quarantine.holds(plan(1), kStart + 91s)) << "the count begins anew";
}

TEST(QuarantineTest, ForgetsTheOneThatDiedLongestAgoWhenFull) {
  Quarantine quarantine({.deaths_max = 1, .ttl = 60s, .entries_max = 3});
  for (int i = 0; i < 3; ++i) quarantine.died(plan(i), kStart + std::chrono::seconds(i));
  quarantine.died(plan(0), kStart + 3s);
  quarantine.died(plan(9), kStart + 4s);
  EXPECT_EQ(quarantine.size(), 3U);
  EXPECT_FALSE(quarantine.holds(plan(1), kStart + 4s));
  EXPECT_TRUE(quarantine.holds(plan(0), kStart + 4s));
  EXPECT_TRUE(quarantine.holds(plan(9), kStart + 4s));
}

TEST(RecycleTest, ReplacesTheOldAndTheBig) {
  const RecycleRules rules{.tasks_max = 100, .rss_max = base::mebibytes(512)};
  EXPECT_EQ(recycle_decision(rules, 99, base::mebibytes(511)), Recycle::Keep);
  EXPECT_EQ(recycle_decision(rules, 100, base::mebibytes(1)), Recycle::Tasks);
  EXPECT_EQ(recycle_decision(rules, 1, base::mebibytes(512)), Recycle::Memory);
  EXPECT_EQ(recycle_decision({}, 1'000'000, base::mebibytes(4096)), Recycle::Keep);
}

TEST(RestartBackoffTest, DoublesUpToItsBoundAndForgetsOnSuccess) {
  RestartBackoff backoff(100ms, 1s);
  EXPECT_TRUE(backoff.may_start(kStart));
  backoff.failed_to_start(kStart);
  EXPECT_FALSE(backoff.may_start(kStart + 99ms));
  EXPECT_TRUE(backoff.may_start(kStart + 100ms));
  backoff.failed_to_start(kStart);
  EXPECT_EQ(backoff.next_start(), kStart + 200ms);
  for (int i = 0; i < 10; ++i) backoff.failed_to_start(kStart);
  EXPECT_EQ(backoff.next_start(), kStart + 1s);
  backoff.started();
  EXPECT_TRUE(backoff.may_start(kStart));
  backoff.failed_to_start(kStart);
  EXPECT_EQ(backoff.next_start(), kStart + 100ms);
}

TEST(FetchGateTest, BoundsDownloadsOfOneOriginAndNotOfAnother) {
  FetchGate gate({.downloads_per_origin_max = 2, .waiting_per_origin_max = 2});
  EXPECT_EQ(gate.enter("a", 1), FetchGate::Entry::Go);
  EXPECT_EQ(gate.enter("a", 2), FetchGate::Entry::Go);
  EXPECT_EQ(gate.enter("a", 3), FetchGate::Entry::Wait);
  EXPECT_EQ(gate.enter("a", 4), FetchGate::Entry::Wait);
  EXPECT_EQ(gate.enter("a", 5), FetchGate::Entry::Full);
  EXPECT_EQ(gate.enter("b", 6), FetchGate::Entry::Go);
  EXPECT_EQ(gate.waiting("a"), 2U);
}

TEST(FetchGateTest, HandsThePlaceToWhoWaitsLongest) {
  FetchGate gate({.downloads_per_origin_max = 1, .waiting_per_origin_max = 5});
  ASSERT_EQ(gate.enter("a", 1), FetchGate::Entry::Go);
  for (std::uint64_t id = 2; id <= 4; ++id) ASSERT_EQ(gate.enter("a", id), FetchGate::Entry::Wait);
  gate.abandon(2);
  EXPECT_EQ(gate.leave("a"), 3U);
  EXPECT_EQ(gate.downloads("a"), 1U);
  EXPECT_EQ(gate.leave("a"), 4U);
  EXPECT_EQ(gate.leave("a"), std::nullopt);
  EXPECT_EQ(gate.downloads("a"), 0U);
}

TEST(DrainMeterTest, FindsASteadyRate) {
  DrainMeter meter(5s);
  base::TimePoint now = kStart;
  for (int i = 0; i < 2'000; ++i) {
    now += 20ms;
    meter.finished(now, 15ms);
  }
  EXPECT_NEAR(meter.rate_per_s(now), 50, 1);
  EXPECT_NEAR(meter.rate_per_s(now + 5s), 25, 1);
}

TEST(DrainMeterTest, SaysWhenToComeBack) {
  DrainMeter meter(5s);
  EXPECT_EQ(meter.retry_after_s(100, {}, kStart), 1U) << "nothing measured yet";
  base::TimePoint now = kStart;
  for (int i = 0; i < 2'000; ++i) {
    now += 100ms;
    meter.finished(now, 90ms);
  }
  EXPECT_EQ(meter.retry_after_s(5, {}, now), 1U);
  EXPECT_NEAR(static_cast<double>(meter.retry_after_s(100, {}, now)), 10, 1);
  EXPECT_EQ(meter.retry_after_s(100'000, {}, now), 60U);
}

TEST(DrainMeterTest, GiantsThatWaitCountForMoreThanTheThumbnailsThatWent) {
  DrainMeter meter(5s);
  base::TimePoint now = kStart;
  for (int i = 0; i < 2'000; ++i) {  // two workers, fully used by tasks of 20 ms
    now += 10ms;
    meter.finished(now, 20ms, 20ms);
  }
  EXPECT_EQ(meter.retry_after_s(20, 400ms, now), 1U);
  EXPECT_NEAR(static_cast<double>(meter.retry_after_s(20, 40s, now)), 20, 1);
}

}  // namespace
}  // namespace millrace::agent
