// SPDX-License-Identifier: Apache-2.0
#include "bench/sim/sim_costs.h"

#include <gtest/gtest.h>

namespace millrace::bench::sim {
namespace {

// Two steps: everybody is served in the first; the generator is busiest in the second.
constexpr const char* kResult = R"({"capacity_per_s": 100, "steps": [
  {"name": "quiet", "total": {"offered": 50, "good": 50, "offered_per_s": 50},
   "processes": {"millrace-gateway": {"cpu_ms_per_request": 0.9},
                 "millrace-agent": {"cpu_ms_per_request": 1.5}},
   "generator": {"cpu_us_per_request": 90}},
  {"name": "loud", "total": {"offered": 900, "good": 100, "refused": 800, "offered_per_s": 900},
   "processes": {"millrace-gateway": {"cpu_ms_per_request": 0.15},
                 "millrace-agent": {"cpu_ms_per_request": 0.1}},
   "generator": {"cpu_us_per_request": 40}}]})";

TEST(SimCostsTest, LearnsWhatAnAdmittedRequestTakesFromTheQuietStep) {
  SimCosts costs;
  ASSERT_TRUE(costs.learn(kResult));
  const auto gateway = costs.gateway_read + costs.gateway_send + costs.gateway_relay;
  EXPECT_NEAR(double(gateway.count()), 900, 2);
  const auto agent = costs.agent_read + costs.agent_prepare + costs.agent_dispatch +
                     costs.agent_finish + costs.agent_answer;
  EXPECT_NEAR(double(agent.count()), 1'500, 3);
}

TEST(SimCostsTest, LearnsWhatARefusalTakesFromTheLoudestStep) {
  SimCosts costs;
  ASSERT_TRUE(costs.learn(kResult));
  // 135 ms in all, 100 served at 0.9 ms: 45 ms for 800.
  EXPECT_NEAR(double((costs.gateway_read + costs.gateway_refuse).count()), 56, 1);
}

TEST(SimCostsTest, KeepsWhatAResultSaysNothingOf) {
  SimCosts costs;
  ASSERT_TRUE(costs.learn(R"({"steps": [{"total": {"offered": 9, "good": 1, "refused": 8}}]})"));
  EXPECT_EQ(costs.gateway_refuse, SimCosts{}.gateway_refuse);
  EXPECT_EQ(costs.agent_finish, SimCosts{}.agent_finish);
  EXPECT_EQ(costs.generator_send, SimCosts{}.generator_send);
}

TEST(SimCostsTest, LearnsTheGeneratorWhereItIsBusiest) {
  SimCosts costs;
  ASSERT_TRUE(costs.learn(kResult));
  EXPECT_NEAR(double((costs.generator_send + costs.generator_receive).count()), 40, 1);
}

TEST(SimCostsTest, RefusesWhatIsNoResult) {
  SimCosts costs;
  EXPECT_FALSE(costs.learn("[]"));
  EXPECT_FALSE(costs.learn("not json"));
}

}  // namespace
}  // namespace millrace::bench::sim
