// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::bench {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::Pair;

RunResult result_of_two_mixes() {
  RunResult result;
  auto scenario = load_scenario(R"(
name: a
mixes:
  gold: {keys: [a], tier: paid, user: g, pipeline: "imageView2/2/w/9|imageslim"}
  iron: {keys: [a], tier: free}
steps: {one: {rate: 1/s, duration_ms: 2000}, two: {rate: 1/s, duration_ms: 3000}}
)");
  EXPECT_TRUE(scenario);
  result.scenario = *scenario;
  return result;
}

TEST(TallyTest, GoodIsAnAnswerOf200WithinTheDeadline) {
  Tally tally;
  tally.add({.status = 200, .latency_us = 10});
  tally.add({.status = 200, .latency_us = 99, .late = true});
  tally.add({.status = 503, .reason = "queue_full", .latency_us = 2, .asks_to_wait = true});
  tally.add({.status = 429, .reason = "user_rate", .latency_us = 1});
  tally.add({.status = 0, .reason = "unanswered"});
  EXPECT_EQ(tally.offered, 5U);
  EXPECT_EQ(tally.answered, 4U);
  EXPECT_EQ(tally.good, 1U);
  EXPECT_EQ(tally.late, 1U);
  EXPECT_EQ(tally.refused, 2U);
  EXPECT_EQ(tally.refused_silently, 1U);
  EXPECT_EQ(tally.good_latency.max_us(), 10);
  EXPECT_EQ(tally.refused_latency.count(), 2U);
  EXPECT_THAT(tally.by_status, ElementsAre(Pair("0 unanswered", 1), Pair("200", 2),
                                           Pair("429 user_rate", 1), Pair("503 queue_full", 1)));
}

TEST(RecorderTest, SortsIntoStepsBinsAndRows) {
  RunResult result = result_of_two_mixes();
  const Schedule schedule(result.scenario, 0);
  Recorder recorder(result, schedule.windows());
  recorder.add(0, 0, milliseconds(10), {.status = 200, .latency_us = 5});
  recorder.add(0, 1, milliseconds(1'900), {.status = 503, .latency_us = 5});
  recorder.add(1, 1, milliseconds(2'100), {.status = 200, .latency_us = 7});
  ASSERT_EQ(result.steps.size(), 2U);
  EXPECT_EQ(result.steps[0].total().offered, 2U);
  EXPECT_DOUBLE_EQ(result.steps[0].offered_per_s(), 1);
  EXPECT_EQ(result.rows(result.steps[0], "tier").at("paid").good, 1U);
  EXPECT_EQ(result.rows(result.steps[0], "command").at("imageView2").good, 1U);
  EXPECT_EQ(result.rows(result.steps[0], "command").at("original").refused, 1U);
  EXPECT_EQ(result.rows(result.steps[1], "user").size(), 1U);
  EXPECT_EQ(result.rows(result.steps[1], "user").at("anonymous").good, 1U);
  EXPECT_DOUBLE_EQ(result.bin_s, 0.1);
  ASSERT_EQ(result.series.size(), 50U);
  EXPECT_EQ(result.series[19].by_tier.at("free").refused, 1U);
  EXPECT_EQ(recorder.bin_at(milliseconds(5'000)), nullptr);
}

}  // namespace
}  // namespace millrace::bench
