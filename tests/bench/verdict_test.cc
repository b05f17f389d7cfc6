// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/verdict.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "bench/lab/report.h"

namespace millrace::bench {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr const char* kLoad = R"(
name: made
server: {workers: 2}
mixes:
  gold: {keys: [a], tier: paid}
  iron: {keys: [a], tier: free}
steps: {calm: {rate: 1x, duration_ms: 2000}, storm: {rate: 20x, duration_ms: 2000}}
)";

// Calm: two good of gold in 5 and 10 ms. Storm: gold once good in 30 ms, once 500; of iron one
// good, two refused in 2 ms, one of them without Retry-After, and one without an answer.
RunResult made_result(const std::string& expect) {
  RunResult result;
  auto scenario = load_scenario(kLoad + ("expect: {it: {" + expect + "}}\n"));
  EXPECT_TRUE(scenario) << scenario.error().public_message;
  result.scenario = *scenario;
  result.capacity_per_s = 40;
  const Schedule schedule(result.scenario, 40);
  Recorder recorder(result, schedule.windows());
  recorder.add(0, 0, milliseconds(100), {.status = 200, .latency_us = 5'000});
  recorder.add(0, 0, milliseconds(200), {.status = 200, .latency_us = 10'000});
  recorder.add(1, 0, milliseconds(2'100), {.status = 200, .latency_us = 30'000});
  recorder.add(1, 0, milliseconds(2'200), {.status = 500, .latency_us = 1'000, .late = true});
  recorder.add(1, 1, milliseconds(2'300), {.status = 200, .latency_us = 40'000});
  for (const bool says : {true, false}) {
    recorder.add(
        1, 1, milliseconds(2'400),
        {.status = 503, .reason = "queue_full", .latency_us = 2'000, .asks_to_wait = says});
  }
  recorder.add(1, 1, milliseconds(2'500), {.reason = "unanswered"});
  result.idle["millrace-gateway"] = {.rss_mib_max = 10};
  result.idle["millrace-agent"] = {.rss_mib_max = 20};
  result.steps[0].processes["millrace-gateway"] = {.cpu_user_ms = 1, .rss_mib_max = 12};
  result.steps[1].processes["millrace-gateway"] = {
      .cpu_user_ms = 3, .cpu_system_ms = 1, .rss_mib_max = 40};
  result.steps[1].processes["millrace-agent"] = {.cpu_user_ms = 100, .rss_mib_max = 25};
  return result;
}

Verdict verdict_of(const std::string& expect) { return verdicts(made_result(expect)).at(0); }

struct Case {
  std::string expect;
  double measured;
  Judgement judgement;
};

TEST(VerdictTest, EveryFigureIsThatOfItsStepAndRow) {
  using enum Judgement;
  const std::vector<Case> cases = {
      {"of: goodput_per_s, step: calm, at_least: 1", 1, Held},
      {"of: goodput_x, step: calm, at_least: 0.02", 0.025, Held},
      {"of: good_share, step: storm, tier: paid, at_least: 0.6", 0.5, Missed},
      {"of: share_of_good, step: storm, mix: iron, at_least: 0.5", 0.5, Held},
      {"of: good_max_ms, step: storm, at_most: 39", 40, Missed},
      {"of: refused_p99_ms, step: storm, at_most: 5", 2, Held},
      {"of: answer_max_ms, step: storm, tier: paid, at_most: 30", 30, Held},
      {"of: late, step: storm, at_most: 0", 1, Missed},
      {"of: late, step: storm, tier: free, at_most: 0", 0, Held},
      {"of: refused, step: storm, at_most: 1", 2, Missed},
      {"of: refused_without_retry_after, step: storm, at_most: 0", 1, Missed},
      {"of: lost, step: storm, at_most: 0", 1, Missed},
      {"of: errors, step: storm, at_most: 2", 2, Held},
      {"of: errors, step: storm, tier: free, at_most: 0", 1, Missed},
      {"of: failed, step: storm, at_most: 3", 4, Missed},
      {"of: cpu_us_per_request, step: storm, process: millrace-gateway, at_most: 600", 4e3 / 6,
       Missed},
      {"of: cpu_us_per_refusal, step: storm, process: millrace-gateway, at_most: 2000", 2e3, Held},
      {"of: cpu_us_per_refusal, step: storm, beyond: calm, process: millrace-gateway, at_most: "
       "1000",
       1.5e3, Missed},
      {"of: rss_growth_mib, step: storm, at_most: 30", 35, Missed},
      {"of: rss_growth_mib, step: storm, process: millrace-agent, at_most: 5", 5, Held},
  };
  for (const Case& one : cases) {
    const Verdict verdict = verdict_of(one.expect);
    ASSERT_TRUE(verdict.value) << one.expect;
    EXPECT_NEAR(*verdict.value, one.measured, one.measured * 0.005) << one.expect;
    EXPECT_EQ(verdict.judgement, one.judgement) << one.expect;
  }
}

TEST(VerdictTest, AFigureCanBeComparedWithAStepThePeakOrTheServiceTime) {
  EXPECT_NEAR(
      *verdict_of("of: good_max_ms, step: storm, tier: paid, against: calm, at_most: 3").value, 3,
      0.02);
  EXPECT_NEAR(*verdict_of("of: goodput_per_s, step: calm, against: peak, at_least: 1").value, 1,
              1e-9);
  EXPECT_NEAR(
      *verdict_of("of: goodput_per_s, step: storm, tier: free, against: peak, at_least: 1").value,
      1, 1e-9);
  // Two workers at 40 a second: 50 ms each.
  EXPECT_NEAR(*verdict_of("of: good_max_ms, step: storm, against: service_time, at_most: 6").value,
              0.8, 1e-9);
}

TEST(VerdictTest, WithoutAStepTheWorstOneCounts) {
  const Verdict slow = verdict_of("of: good_max_ms, at_most: 20");
  EXPECT_EQ(slow.step, "storm");
  EXPECT_EQ(slow.judgement, Judgement::Missed);
  const Verdict little = verdict_of("of: goodput_per_s, tier: paid, at_least: 1");
  EXPECT_EQ(little.step, "storm");
  EXPECT_NEAR(*little.value, 0.5, 1e-9);
  // Between two bounds, whichever is broken.
  const Verdict between = verdict_of("of: good_max_ms, at_least: 20, at_most: 50");
  EXPECT_EQ(between.judgement, Judgement::Missed);
  EXPECT_EQ(between.step, "calm");
}

TEST(VerdictTest, WhatWasNotMeasuredIsNotHeld) {
  const std::string none = "of: refused_p99_ms, step: calm, at_most: 5";
  EXPECT_EQ(verdict_of(none).judgement, Judgement::Unmeasured);
  EXPECT_EQ(verdict_of("of: rss_growth_mib, process: nobody, at_most: 5").judgement,
            Judgement::Unmeasured);
  EXPECT_EQ(verdict_of("of: late, step: calm, tier: free, at_most: 0").judgement,
            Judgement::Unmeasured);
  EXPECT_EQ(
      verdict_of("of: good_p99_ms, step: storm, tier: free, against: calm, at_most: 2").judgement,
      Judgement::Unmeasured);
  RunResult result = made_result(none);
  EXPECT_FALSE(all_held(result));
  result.kind = "simulated";
  EXPECT_TRUE(all_held(result));
  EXPECT_TRUE(all_held(made_result("of: late, step: calm, at_most: 0")));
  EXPECT_FALSE(all_held(made_result("of: late, at_most: 0")));
}

TEST(VerdictTest, EveryFigureOfTheListIsKnown) {
  for (const std::string_view figure : expectation_figures()) {
    const std::string expect = "of: " + std::string(figure) + ", step: storm, at_most: 1e6";
    EXPECT_EQ(verdict_of(expect).judgement, Judgement::Held) << figure;
  }
}

TEST(VerdictTest, StandsInEveryReport) {
  const RunResult result = made_result("of: late, step: storm, tier: paid, at_most: 0");
  EXPECT_THAT(report_table(result), HasSubstr("late of tier paid in storm: at most 0"));
  EXPECT_THAT(report_table(result), HasSubstr("1 in storm"));
  EXPECT_THAT(report_table(result), HasSubstr("missed"));
  EXPECT_THAT(report_html(result), HasSubstr("<td class=\"missed\">missed</td>"));
  const auto json = nlohmann::json::parse(report_json(result));
  const auto& entry = json.at("expect").at(0);
  EXPECT_EQ(entry.at("name"), "it");
  EXPECT_EQ(entry.at("measured"), 1);
  EXPECT_EQ(entry.at("step"), "storm");
  EXPECT_EQ(entry.at("verdict"), "missed");
  const auto none =
      nlohmann::json::parse(report_json(made_result("of: refused_p99_ms, step: calm, at_most: 5")));
  EXPECT_TRUE(none.at("expect").at(0).at("measured").is_null());
}

// Rounds of ten, two and four good answers to gold in the calm step; one late in the first.
RunResult three_rounds(const std::string& expect) {
  std::vector<RunResult> rounds;
  for (const int more : {8, 0, 2}) {
    rounds.push_back(made_result(expect));
    Tally& gold = rounds.back().steps[0].by_mix[0];
    gold.good += static_cast<std::uint64_t>(more);
    gold.late = more == 8 ? 1 : 0;
  }
  return middle_of(std::move(rounds));
}

TEST(VerdictTest, OfSeveralRoundsTheMedianCounts) {
  const RunResult result = three_rounds("of: goodput_per_s, step: calm, at_least: 1.9, mix: gold");
  EXPECT_EQ(result.steps[0].by_mix[0].good, 4U);
  EXPECT_EQ(result.other_rounds.size(), 2U);
  const Verdict verdict = verdicts(result).at(0);
  EXPECT_EQ(verdict.value, 2);
  EXPECT_THAT(verdict.rounds, testing::ElementsAre(1, 2, 5));
  EXPECT_EQ(verdict.judgement, Judgement::Held);
  const auto json = nlohmann::json::parse(report_json(result));
  EXPECT_EQ(json.at("rounds"), 3);
  EXPECT_EQ(json.at("expect").at(0).at("rounds"), nlohmann::json({1, 2, 5}));
}

TEST(VerdictTest, OfCountsTheWorstRoundCounts) {
  const Verdict verdict = verdicts(three_rounds("of: late, step: calm, at_most: 0")).at(0);
  EXPECT_EQ(verdict.value, 1);
  EXPECT_EQ(verdict.judgement, Judgement::Missed);
}

}  // namespace
}  // namespace millrace::bench
