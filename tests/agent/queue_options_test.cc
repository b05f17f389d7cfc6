// SPDX-License-Identifier: Apache-2.0
// From the text of a configuration to who gets the next worker.
#include "agent/queue_options.h"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace millrace::agent {
namespace {

using namespace std::chrono_literals;

constexpr base::TimePoint kStart = base::TimePoint(1h);

AgentConfig config_of(const std::string& yaml) {
  AgentConfig config;
  const auto loaded = base::load_config(
      yaml, {}, [&config](base::ConfigBinder& b) { b.part("agent", config, ""); });
  EXPECT_TRUE(loaded.has_value()) << loaded.error().public_message;
  return config;
}

class ConfiguredQueueTest : public testing::Test {
 protected:
  ConfiguredQueueTest()
      : decider_(work_queue_options(config_of(R"(
agent:
  tiers:
    gold:  {queue_per_worker: 6, weight: 20}
    free:  {queue_per_worker: 50, order: adaptive_lifo, target_delay_ms: 200}
    trial: {queue_per_worker: 50, weight: 4, order: fifo, target_delay_ms: 200}
)"),
                                    2)) {}
  bool offer(const std::string& tier) {
    ++id_;
    const auto offered = decider_.offer(
        tier, {id_, "u", base::Deadline::never(), {.cpu = 10ms, .at_least = {}}, now_}, now_);
    return offered.verdict == TierQueue::Verdict::Queued;
  }
  TicketId take() {
    const auto taken = decider_.take(now_);
    return taken.next ? taken.next->id : 0;
  }

  base::TimePoint now_ = kStart;
  TicketId id_ = 0;
  QueueDecider decider_;
};

TEST_F(ConfiguredQueueTest, AnyNumberOfTiersShareByTheirWeights) {
  std::map<std::string, int> served;
  for (int i = 0; i < 2'900; ++i) {
    for (const std::string tier : {"gold", "free", "trial"}) {
      while (decider_.depth(tier) < 5) ASSERT_TRUE(offer(tier));
    }
    const auto taken = decider_.take(now_);
    ASSERT_TRUE(taken.next);
    ++served[taken.next->tier];
  }
  EXPECT_NEAR(served["gold"], 2'320, 10) << "20 of 25";
  EXPECT_NEAR(served["trial"], 464, 10) << "4 of 25";
  EXPECT_NEAR(served["free"], 116, 10) << "1 of 25, and never none";
}

TEST_F(ConfiguredQueueTest, EachTierHasItsOwnLength) {
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(offer("gold"));
  EXPECT_FALSE(offer("gold"))
      << "seven in the time of twelve beside lighter tiers; one is for who comes next";
  EXPECT_TRUE(decider_.full("gold"));
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(offer("trial"));
  EXPECT_FALSE(offer("trial"));
  EXPECT_TRUE(offer("paid")) << "the defaults are there too";
  EXPECT_FALSE(decider_.knows("platinum"));
}

TEST_F(ConfiguredQueueTest, OnlyATierThatSaysSoIsServedNewestFirstAndOnlyAboveItsDelay) {
  const auto order_of = [this](const std::string& tier) {
    std::vector<TicketId> order;
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(offer(tier));
    const TicketId oldest = id_ - 3;
    now_ += 199ms;
    order.push_back(take() - oldest);  // below the delay
    now_ += 2ms;
    order.push_back(take() - oldest);  // above, for the first time
    now_ += 200ms;
    while (decider_.depth(tier) > 0) order.push_back(take() - oldest);
    return order;
  };
  EXPECT_EQ(order_of("trial"), (std::vector<TicketId>{0, 1, 2, 3}));
  EXPECT_EQ(order_of("free"), (std::vector<TicketId>{0, 1, 3, 2})) << "it stood above 200 ms";
  EXPECT_EQ(decider_.lifo_switches("free"), 1U);
  EXPECT_EQ(decider_.lifo_switches("trial"), 0U);
}

// What queue_per_worker promises: with lighter tiers beside it a full line is gone in that many
// service times.
TEST(WorkQueueOptionsTest, AFullLineLastsNoLongerForTheLighterTiersBesideIt) {
  const QueueDecider::Options options = work_queue_options(config_of("agent: {}"), 18);
  EXPECT_EQ(options.tiers.at("paid").depth_max, 64U) << "eight of nine turns, of 72";
  EXPECT_EQ(options.tiers.at("free").depth_max, 180U) << "nobody is lighter";
  const QueueDecider::Options small = work_queue_options(
      config_of("agent: {tiers: {paid: {queue_per_worker: 1, weight: 1}, free: {weight: 100}}}"),
      1);
  EXPECT_EQ(small.tiers.at("paid").depth_max, 1U) << "never none";
  EXPECT_EQ(small.tiers.at("free").depth_max, 9U);
}

TEST(ProbeQueueOptionsTest, ProbesWaitByTheSameWeightsAndNobodyIsRefusedEarly) {
  const AgentConfig config = config_of("agent: {limits: {probes_waiting_max: 30}}");
  QueueDecider decider(probe_queue_options(config));
  TicketId id = 0;
  const auto offer = [&](const std::string& tier) {
    return decider.offer(tier, {++id, "u", base::Deadline::never(), {}, kStart}, kStart).verdict;
  };
  for (int i = 0; i < 24; ++i) ASSERT_EQ(offer("free"), TierQueue::Verdict::Queued);
  EXPECT_EQ(offer("free"), TierQueue::Verdict::Full);
  for (int i = 0; i < 8; ++i) ASSERT_EQ(offer("paid"), TierQueue::Verdict::Queued);
  int free = 0;
  for (int i = 0; i < 9; ++i) free += decider.take(kStart).next->tier == "free" ? 1 : 0;
  EXPECT_EQ(free, 1);
}

}  // namespace
}  // namespace millrace::agent
