// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/schedule.h"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace millrace::bench {
namespace {

using std::chrono::milliseconds;

Scenario scenario_of(const std::string& steps, const std::string& more = "") {
  auto scenario =
      load_scenario("name: a\nmixes: {paid: {keys: [a]}, free: {weight: 3, keys: [a]}}\n" + more +
                    "\nsteps:\n" + steps);
  EXPECT_TRUE(scenario) << scenario.error().public_message;
  return *scenario;
}

std::vector<Arrival> all_of(const Scenario& scenario, double capacity_per_s) {
  Schedule schedule(scenario, capacity_per_s);
  std::vector<Arrival> arrivals;
  while (const auto arrival = schedule.next()) arrivals.push_back(*arrival);
  return arrivals;
}

std::size_t count_between(const std::vector<Arrival>& arrivals, milliseconds from,
                          milliseconds to) {
  std::size_t count = 0;
  for (const Arrival& arrival : arrivals) count += arrival.at >= from && arrival.at < to ? 1 : 0;
  return count;
}

TEST(ScheduleTest, PoissonHasTheRateTheSpreadAndTheWeights) {
  const Scenario scenario = scenario_of("  s: {rate: 10x, duration_ms: 20000}");
  const auto arrivals = all_of(scenario, 100);
  EXPECT_NEAR(double(arrivals.size()), 20'000, 600);
  std::size_t of_free = 0;
  std::size_t short_gaps = 0;  // below the mean: 63 % of an exponential's, all or none of others'
  for (std::size_t i = 1; i < arrivals.size(); ++i) {
    ASSERT_GE(arrivals[i].at, arrivals[i - 1].at);
    of_free += arrivals[i].mix;
    short_gaps += arrivals[i].at - arrivals[i - 1].at < milliseconds(1) ? 1 : 0;
  }
  EXPECT_NEAR(double(of_free) / double(arrivals.size()), 0.75, 0.02);
  EXPECT_NEAR(double(short_gaps) / double(arrivals.size()), 0.632, 0.02);
}

TEST(ScheduleTest, UniformKeepsEqualDistances) {
  const Scenario scenario =
      scenario_of("  s: {mixes: [paid=100/s], duration_ms: 1000}", "arrivals: uniform");
  const auto arrivals = all_of(scenario, 0);
  ASSERT_NEAR(double(arrivals.size()), 100, 1);
  for (std::size_t i = 1; i < arrivals.size(); ++i) {
    EXPECT_NEAR(double((arrivals[i].at - arrivals[i - 1].at).count()), 10e6, 1e3);
  }
}

TEST(ScheduleTest, RampsAndSpikesChangeTheRateWithinAStep) {
  for (const std::string process : {"poisson", "uniform"}) {
    const Scenario scenario = scenario_of(
        "  up: {rate: 0/s, rate_to: 2000/s, duration_ms: 10000}\n"
        "  spiky: {rate: 100/s, duration_ms: 10000,"
        " spike: {at_ms: 4000, duration_ms: 2000, rate: 1000/s}}",
        "arrivals: " + process);
    const auto arrivals = all_of(scenario, 0);
    EXPECT_NEAR(double(count_between(arrivals, milliseconds(0), milliseconds(5'000))), 2'500, 200);
    EXPECT_NEAR(double(count_between(arrivals, milliseconds(5'000), milliseconds(10'000))), 7'500,
                350);
    EXPECT_NEAR(double(count_between(arrivals, milliseconds(10'000), milliseconds(14'000))), 400,
                80);
    EXPECT_NEAR(double(count_between(arrivals, milliseconds(14'000), milliseconds(16'000))), 2'000,
                180);
  }
}

TEST(ScheduleTest, StepsFollowEachOtherWithTheirPauses) {
  const Scenario scenario = scenario_of(
      "  one: {mixes: [paid=100/s], duration_ms: 1000}\n"
      "  silent: {rate: 0/s, duration_ms: 500}\n"
      "  two: {mixes: [free=100/s], duration_ms: 1000, pause_before_ms: 300}");
  Schedule schedule(scenario, 0);
  ASSERT_EQ(schedule.windows().size(), 3U);
  EXPECT_EQ(schedule.windows()[2].begin, milliseconds(1'800));
  EXPECT_EQ(schedule.end(), milliseconds(2'800));
  std::map<std::size_t, std::size_t> by_step;
  while (const auto arrival = schedule.next()) {
    EXPECT_EQ(arrival->mix, arrival->step == 0 ? 0U : 1U);
    EXPECT_GE(arrival->at, schedule.windows()[arrival->step].begin);
    EXPECT_LT(arrival->at, schedule.windows()[arrival->step].end);
    ++by_step[arrival->step];
  }
  EXPECT_FALSE(by_step.contains(1));
  EXPECT_NEAR(double(by_step[2]), 100, 40);
}

TEST(ScheduleTest, TheSameSeedGivesTheSameArrivals) {
  Scenario scenario = scenario_of("  s: {rate: 500/s, duration_ms: 1000}");
  const auto first = all_of(scenario, 0);
  const auto again = all_of(scenario, 0);
  scenario.seed = 2;
  const auto other = all_of(scenario, 0);
  ASSERT_EQ(first.size(), again.size());
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_EQ(first[i].at, again[i].at);
  EXPECT_NE(first[0].at, other[0].at);
}

}  // namespace
}  // namespace millrace::bench
