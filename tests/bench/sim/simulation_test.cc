// SPDX-License-Identifier: Apache-2.0
// What a simulated overload must show, whatever the figures are. All of it is decided by the
// product's own classes, so a change of theirs that breaks a promise breaks it here in a second.
#include "bench/sim/simulation.h"

#include <algorithm>
#include <cstdint>

#include <gtest/gtest.h>

#include "bench/lab/report.h"

namespace millrace::bench::sim {
namespace {

constexpr const char* kHead = R"(
warm_up_ms: 500
drain_ms: 6000
calibration: {in_flight_per_worker: 3, duration_ms: 4000}
)";
constexpr const char* kServer = R"(
server:
  workers: 2
  config: |
    gateway:
      tiers: {free: {rate_per_s: 0, burst: 0, concurrency_max: 0}}
      trusted_proxies: ["127.0.0.1/32"]
      users: {shop: {tier: paid}}
      deadlines: {image_ms_max: 5000}
    agent: {cache: {results: false}}
  buckets: {photos: {sources: {"p-{n}.jpg": {copies: 40}}}}
)";

constexpr double kServiceUs = 60'000;

std::string mix(const std::string& name, const std::string& more = "") {
  return "  " + name +
         ": {keys: [\"p-{n}.jpg\"], keys_count: 40, service_ms: 60, service_spread: 0.2, "
         "deadline_ms: 5100, pipeline: \"imageView2/1/w/{unique}\"" +
         (more.empty() ? "" : ", " + more) + "}\n";
}

Scenario scenario_of(const std::string& yaml) {
  auto scenario = load_scenario(yaml);
  EXPECT_TRUE(scenario) << scenario.error().public_message;
  return *scenario;
}

RunResult run(const std::string& yaml, const SimOptions& options = {}) {
  auto result = simulate(scenario_of(yaml), options);
  EXPECT_TRUE(result) << result.error().public_message;
  return result ? *std::move(result) : RunResult{};
}

double goodput_x(const RunResult& result, const StepResult& step) {
  return static_cast<double>(step.total().good) / step.seconds() / result.capacity_per_s;
}

std::string overload(const std::string& steps) {
  return std::string("name: a\n") + kHead + kServer + "mixes:\n" + mix("free") + "steps:\n" + steps;
}

TEST(SimulationTest, GoodputStaysWhereItWasUnderTwentyTimesTheCapacity) {
  const RunResult result = run(overload(R"(
  x1: {rate: 1x, duration_ms: 10000}
  x3: {rate: 3x, duration_ms: 10000, pause_before_ms: 1000}
  x20: {rate: 20x, duration_ms: 10000, pause_before_ms: 1000}
)"));
  double peak = 0;
  for (const StepResult& step : result.steps) peak = std::max(peak, goodput_x(result, step));
  EXPECT_GT(peak, 0.9);
  EXPECT_GE(goodput_x(result, result.steps[2]), 0.95 * peak);
}

TEST(SimulationTest, EveryRequestEndsOnceAndNoneGoodAfterItsDeadline) {
  const RunResult result = run(overload("  x5: {rate: 5x, duration_ms: 10000}\n"));
  Schedule schedule(result.scenario, result.capacity_per_s);
  std::uint64_t left = 0;
  while (schedule.next()) ++left;
  const Tally total = result.steps[0].total();
  EXPECT_EQ(total.offered, left);
  EXPECT_EQ(total.answered, left) << "nothing is lost";
  std::uint64_t by_status = 0;
  for (const auto& [status, count] : total.by_status) by_status += count;
  EXPECT_EQ(by_status, left);
  EXPECT_EQ(total.by_status.at("200"), total.good) << "none of 200 is late";
  EXPECT_LE(total.good_latency.max_us(), 5'100'000);
  EXPECT_EQ(total.refused_silently, 0U) << "every refusal has Retry-After";
}

TEST(SimulationTest, RefusalsAreQuick) {
  const RunResult result = run(overload("  x10: {rate: 10x, duration_ms: 5000}\n"));
  const Tally total = result.steps[0].total();
  EXPECT_GT(total.refused, total.offered / 2);
  EXPECT_LT(total.refused_latency.quantile_us(0.99), 5'000);
}

TEST(SimulationTest, TheSameScenarioGivesTheSameResult) {
  const std::string yaml = overload("  x3: {rate: 3x, duration_ms: 3000}\n");
  const std::string once = report_json(run(yaml));
  EXPECT_EQ(once, report_json(run(yaml)));
  EXPECT_NE(once, report_json(run("seed: 2\n" + yaml)));
}

TEST(SimulationTest, AGivenCapacityIsMet) {
  SimOptions options;
  options.capacity_per_s = 200;
  const RunResult result = run(overload("  x3: {rate: 3x, duration_ms: 10000}\n"), options);
  EXPECT_EQ(result.capacity_per_s, 200);
  EXPECT_NEAR(goodput_x(result, result.steps[0]), 1, 0.05);
}

// Weights are 8 to 1 by default.
TEST(SimulationTest, TiersHaveTheirWeightsShareOfTheProcessors) {
  const RunResult result = run(std::string("name: a\n") + kHead + kServer + "mixes:\n" +
                               mix("paid", "tier: paid, user: shop") + mix("free") +
                               "steps: {both: {mixes: [paid=5x, free=5x], duration_ms: 20000}}\n");
  const auto rows = result.rows(result.steps[0], "tier");
  const double ratio =
      static_cast<double>(rows.at("paid").good) / static_cast<double>(rows.at("free").good);
  EXPECT_NEAR(ratio, 8, 1);
}

TEST(SimulationTest, FreeUsersFloodAndPaidOnesDoNotNotice) {
  const RunResult result = run(std::string("name: a\n") + kHead + kServer + "mixes:\n" +
                               mix("paid", "tier: paid, user: shop") + mix("free") + R"(steps:
  alone: {mixes: [paid=0.5x], duration_ms: 20000}
  flood: {mixes: [paid=0.5x, free=10x], duration_ms: 20000, pause_before_ms: 1000}
)");
  const Tally& alone = result.steps[0].by_mix[0];
  const Tally& flooded = result.steps[1].by_mix[0];
  EXPECT_EQ(flooded.good, flooded.offered) << "no refusal, no failure";
  // A free task that runs already is waited for, and both workers always run one; what else is
  // ahead is paid.
  EXPECT_LT(flooded.good_latency.quantile_us(0.99),
            alone.good_latency.quantile_us(0.99) + 2 * kServiceUs);
  const double free_x = static_cast<double>(result.steps[1].by_mix[1].good) /
                        result.steps[1].seconds() / result.capacity_per_s;
  EXPECT_GT(free_x, 0.4) << "half of the capacity is left";
}

TEST(SimulationTest, OneAtAHundredTimesAmongFiftyHurtsNobody) {
  std::string users;
  for (int i = 0; i < 50; ++i)
    users += (i == 0 ? "u" : ", u") + std::to_string(i) + ": {tier: free}";
  const RunResult result =
      run(std::string("name: a\n") + kHead + R"(
server:
  workers: 2
  config: |
    gateway:
      trusted_proxies: ["127.0.0.1/32"]
      users: {)" +
          users + R"(, greedy: {tier: free}}
    agent: {cache: {results: false}}
  buckets: {photos: {sources: {"p-{n}.jpg": {copies: 40}}}}
)" + "mixes:\n" +
          mix("fifty", "user: \"u{u}\", users_count: 50") + mix("greedy", "user: greedy") +
          "steps: {greed: {mixes: [fifty=0.5x, greedy=100x], duration_ms: 5000}}\n");
  const Tally& fifty = result.steps[0].by_mix[0];
  const Tally& greedy = result.steps[0].by_mix[1];
  EXPECT_EQ(fifty.refused, 0U);
  EXPECT_EQ(fifty.good, fifty.offered);
  EXPECT_GT(greedy.refused, 0.95 * static_cast<double>(greedy.offered));
  EXPECT_GT(greedy.good, 0U) << "what is left is the greedy one's";
}

TEST(SimulationTest, ADeadOriginTakesNothingFromTheOthers) {
  const RunResult result = run(std::string("name: a\n") + kHead + R"(
server:
  workers: 2
  config: |
    gateway: {tiers: {free: {rate_per_s: 0, burst: 0, concurrency_max: 0}}}
    agent: {cache: {results: false, source_fresh_ms: 0}}
  buckets:
    well: {origin: healthy, sources: {"p-{n}.jpg": {copies: 40}}}
    dead: {origin: healthy, sources: {"p-{n}.jpg": {copies: 40}}}
mixes:
)" + mix("well", "bucket: well") +
                               mix("dead", "bucket: dead, tier: other") +
                               R"(steps:
  before: {mixes: [well=0.7x, dead=0.08x], duration_ms: 10000}
  dead: {mixes: [well=0.7x, dead=0.08x], duration_ms: 20000}
events: {dies: {action: origin, bucket: dead, state: hang, at_ms: 10000}}
)");
  const Tally& well = result.steps[1].by_mix[0];
  EXPECT_EQ(well.good, well.offered);
  EXPECT_LT(well.good_latency.quantile_us(0.99),
            1.3 * result.steps[0].by_mix[0].good_latency.quantile_us(0.99));
  EXPECT_EQ(result.steps[1].by_mix[1].good, 0U) << "nothing comes from an origin that hangs";
}

TEST(SimulationTest, AFrozenWorkerHarmsItsOwnTaskOnly) {
  const RunResult result =
      run(std::string("name: a\n") + kHead + kServer + "mixes:\n" + mix("free") + R"(steps:
  before: {rate: 0.33x, duration_ms: 5000}
  frozen: {rate: 0.33x, duration_ms: 10000}
  after: {rate: 0.33x, duration_ms: 5000}
events: {freeze: {at_ms: 5000, signal: STOP, duration_ms: 10000}}
)");
  std::uint64_t failed = 0;
  for (const StepResult& step : result.steps) failed += step.total().offered - step.total().good;
  EXPECT_EQ(failed, 1U);
}

TEST(SimulationTest, AKilledWorkerIsReplaced) {
  const RunResult result = run(std::string("name: a\n") + kHead + kServer + "mixes:\n" +
                               mix("free") + R"(steps: {one: {rate: 0.6x, duration_ms: 10000}}
events: {dies: {at_ms: 5000, signal: KILL}}
)");
  const Tally total = result.steps[0].total();
  EXPECT_LE(total.offered - total.good, 1U);
}

TEST(SimulationTest, AttackersHoldConnectionsAndTheLoadIsServed) {
  const RunResult result = run(std::string("name: a\n") + kHead + R"(
server:
  workers: 2
  config: |
    gateway:
      tiers: {free: {rate_per_s: 0, burst: 0, concurrency_max: 0}}
      connections_max: 300
    agent: {cache: {results: false}}
  buckets: {photos: {sources: {"p-{n}.jpg": {copies: 40}}}}
mixes:
)" + mix("free") + R"(steps: {one: {rate: 0.5x, duration_ms: 15000}}
attackers:
  idlers: {kind: idle, count: 1000, rate_per_s: 500}
  dawdlers: {kind: slow_writer, count: 50, bytes_per_s: 10}
  drips: {kind: slow_reader, count: 5, bytes_per_s: 10000}
  dead: {kind: dead_client, count: 50, rate_per_s: 10}
  burst: {kind: syn_burst, count: 500, rate_per_s: 500}
)");
  const Tally total = result.steps[0].total();
  EXPECT_EQ(total.good, total.offered);
  const std::string idlers = *std::ranges::find_if(
      result.notes, [](const std::string& note) { return note.starts_with("idlers"); });
  EXPECT_EQ(idlers.find(" 0 closed by the server"), std::string::npos)
      << "only 300 may stay: " << idlers;
}

}  // namespace
}  // namespace millrace::bench::sim
