// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/scenario.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::bench {
namespace {

using testing::HasSubstr;

constexpr const char* kFull = R"(
name: promise
summary: paid users do not notice
seed: 7
arrivals: uniform
server:
  workers: 2
  config: |
    gateway:
      tier: free
  buckets:
    photos:
      sources:
        "small-{n}.jpg": {copies: 20, width_px: 800}
    far: {origin: healthy}
mixes:
  paid: {keys: ["small-{n}.jpg"], keys_count: 20, pipeline: "imageView2/2/w/200", tier: paid}
  free: {weight: 3, keys: ["a.jpg"], user: "u{u}", users_count: 50, parameters: ["width=200"]}
steps:
  alone: {duration_ms: 4000, mixes: [paid=0.5x]}
  flood: {duration_ms: 8000, mixes: [paid=0.5x, free=120/s]}
  ramp: {rate: 1x, rate_to: 20x, spike: {at_ms: 100, duration_ms: 50, rate: 30x}}
attackers:
  dawdlers: {kind: slow_writer, count: 5000, steps: [flood]}
events:
  freeze: {at_ms: 1000, signal: STOP, duration_ms: 10000}
  lost: {action: origin, bucket: far, state: refuse, at_ms: 500}
expect:
  unhurt: {of: good_p99_ms, tier: paid, step: flood, against: alone, at_most: 1.3}
  served: {of: goodput_per_s, against: peak, at_least: 0.95}
)";

constexpr const char* kSmall = R"(
name: small
mixes: {one: {keys: [a.jpg]}}
steps: {only: {rate: 10/s}}
)";

std::string refusal_of(const std::string& yaml_text, const std::vector<Setting>& settings = {}) {
  const auto scenario = load_scenario(yaml_text, settings);
  return scenario ? "accepted" : scenario.error().public_message;
}

TEST(ScenarioTest, ReadsEveryPartInTheOrderOfTheFile) {
  const auto scenario = load_scenario(kFull);
  ASSERT_TRUE(scenario) << scenario.error().public_message;
  EXPECT_EQ(scenario->seed, 7U);
  EXPECT_EQ(scenario->server.config, "gateway:\n  tier: free\n");
  ASSERT_EQ(scenario->server.buckets.size(), 2U);
  EXPECT_EQ(scenario->server.buckets[0].sources.at(0).key, "small-{n}.jpg");
  EXPECT_EQ(scenario->server.buckets[0].sources.at(0).width_px, 800);
  ASSERT_EQ(scenario->mixes.size(), 2U);
  EXPECT_EQ(scenario->mixes[0].name, "paid");
  EXPECT_EQ(scenario->mixes[1].users_count, 50U);
  EXPECT_EQ(scenario->mixes[1].parameters.at("width"), "200");
  ASSERT_EQ(scenario->steps.size(), 3U);
  EXPECT_EQ(scenario->steps[1].name, "flood");
  EXPECT_TRUE(scenario->steps[1].mix_rates.at("paid").of_capacity);
  EXPECT_DOUBLE_EQ(scenario->steps[1].mix_rates.at("free").per_s(999), 120);
  EXPECT_DOUBLE_EQ(scenario->steps[2].rate_end.per_s(10), 200);
  EXPECT_EQ(scenario->steps[2].spike_duration, Milliseconds(50));
  EXPECT_EQ(scenario->attackers.at(0).kind, "slow_writer");
  EXPECT_EQ(scenario->events.at(1).state, "refuse");
  EXPECT_EQ(scenario->expect.at(0).against, "alone");
  EXPECT_DOUBLE_EQ(scenario->expect.at(1).at_least, 0.95);
  EXPECT_TRUE(scenario->needs_capacity());
}

TEST(ScenarioTest, AStepWithoutARampEndsAsItBegan) {
  const auto scenario = load_scenario(kSmall);
  ASSERT_TRUE(scenario) << scenario.error().public_message;
  EXPECT_DOUBLE_EQ(scenario->steps[0].rate_end.value, 10);
  EXPECT_FALSE(scenario->needs_capacity());
}

TEST(ScenarioTest, SettingsOverrideTheFileAndAreCheckedLikeIt) {
  const auto scenario = load_scenario(kSmall, {{"server.workers", "3"}, {"duration_scale", "0.5"}});
  ASSERT_TRUE(scenario) << scenario.error().public_message;
  EXPECT_EQ(scenario->server.workers, 3U);
  EXPECT_EQ(scenario->steps[0].duration, Milliseconds(5'000));
  EXPECT_THAT(refusal_of(kSmall, {{"server.worker", "3"}}), HasSubstr("MILLRACE_SERVER_WORKERS"));
  EXPECT_THAT(refusal_of(kSmall, {{"seed", "x"}}), HasSubstr("an integer of at least 0"));
}

TEST(ScenarioTest, RefusesWithThePathAndWhatIsAllowed) {
  const std::string mixes = "name: a\nmixes: {one: {keys: [a]}}\n";
  EXPECT_THAT(refusal_of(mixes + "steps: {s: {rate: 10}}"),
              testing::AllOf(HasSubstr("steps.s"), HasSubstr("120/s"), HasSubstr("2.5x")));
  EXPECT_THAT(refusal_of(mixes + "steps: {s: {rate: 10/s, durations_ms: 5}}"),
              testing::AllOf(HasSubstr("steps.s.durations_ms"), HasSubstr("duration_ms")));
  EXPECT_THAT(refusal_of(mixes + "steps: {s: {mixes: [two=1x]}}"),
              testing::AllOf(HasSubstr("\"two\""), HasSubstr("one")));
  EXPECT_THAT(refusal_of(mixes + "steps: {s: {duration_ms: 5}}"), HasSubstr("needs rate or mixes"));
  EXPECT_THAT(refusal_of(mixes + "steps: {s: {rate: 1x, rate_to: 5/s}}"), HasSubstr("one unit"));
  EXPECT_THAT(refusal_of(mixes + "arrivals: poison\nsteps: {s: {rate: 1/s}}"),
              HasSubstr("one of poisson, uniform"));
  EXPECT_THAT(refusal_of(mixes), HasSubstr("steps is empty"));
  EXPECT_THAT(refusal_of("name: a\nsteps: {s: {rate: 1/s}}"), HasSubstr("mixes is empty"));
  EXPECT_THAT(refusal_of("name: a\nmixes: {one: {}}\nsteps: {s: {rate: 1/s}}"),
              HasSubstr("mixes.one needs keys or a path"));
  EXPECT_THAT(refusal_of(mixes + "steps: {s: {rate: 1/s}}\n"
                                 "events: {e: {action: origin, bucket: photos}}"),
              HasSubstr("a bucket with an origin"));
  const std::string step = mixes + "steps: {s: {rate: 1/s}}\nexpect: {e: {";
  EXPECT_THAT(refusal_of(step + "at_most: 1}}"), HasSubstr("an expectation needs `of`"));
  EXPECT_THAT(refusal_of(step + "of: late}}"), HasSubstr("needs at_least or at_most"));
  EXPECT_THAT(refusal_of(step + "of: lateness, at_most: 1}}"), HasSubstr("goodput_per_s"));
  EXPECT_THAT(refusal_of(step + "of: late, step: t, at_most: 1}}"), HasSubstr("step \"t\""));
  EXPECT_THAT(refusal_of(step + "of: late, against: t, at_most: 1}}"), HasSubstr("step \"t\""));
  EXPECT_THAT(refusal_of(step + "of: late, mix: two, at_most: 1}}"), HasSubstr("\"two\""));
  EXPECT_THAT(refusal_of(step + "of: late, tier: paid, at_most: 1}}"), HasSubstr("no mix has"));
  EXPECT_THAT(refusal_of(step + "of: late, against: service_time, at_most: 1}}"),
              HasSubstr("only a figure in _ms"));
}

TEST(ScenarioTest, TheDocumentedScenarioIsRight) {
  std::ifstream file(std::filesystem::path(MILLRACE_SOURCE_DIR) / "docs/load-lab.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  const std::size_t begin = page.find("```yaml\n");
  ASSERT_NE(begin, std::string::npos);
  const auto scenario =
      load_scenario(page.substr(begin + 8, page.find("```", begin + 8) - begin - 8));
  ASSERT_TRUE(scenario) << scenario.error().public_message;
  EXPECT_EQ(scenario->steps.size(), 4U);
  EXPECT_FALSE(scenario->events.empty());
  EXPECT_FALSE(scenario->expect.empty());
}

TEST(ScenarioTest, EveryScenarioOfTheFolderIsRightAndNamedAsItsFile) {
  std::size_t found = 0;
  const std::filesystem::path folder(MILLRACE_SOURCE_DIR);
  for (const auto& entry : std::filesystem::directory_iterator(folder / "bench/scenarios")) {
    std::ifstream file(entry.path());
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto scenario = load_scenario(text);
    ASSERT_TRUE(scenario) << entry.path() << scenario.error().public_message;
    EXPECT_EQ(scenario->name, entry.path().stem());
    ++found;
  }
  EXPECT_GT(found, 0U);
}

TEST(ScenarioTest, PrintsWhatItReads) {
  auto first = load_scenario(kFull);
  ASSERT_TRUE(first);
  const std::string text = base::print_config([&](base::ConfigBinder& b) { first->bind(b); }, true);
  auto second = load_scenario(text);
  ASSERT_TRUE(second) << second.error().public_message << text;
  EXPECT_EQ(base::print_config([&](base::ConfigBinder& b) { second->bind(b); }, true), text);
}

}  // namespace
}  // namespace millrace::bench
