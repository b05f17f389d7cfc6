// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/report.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "bench/lab/svg_plot.h"

namespace millrace::bench {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

RunResult small_result() {
  RunResult result;
  auto scenario = load_scenario(R"(
name: two
summary: one & <another>
mixes:
  gold: {keys: [a], tier: paid, user: g, pipeline: "imageView2/2/w/9"}
  iron: {keys: [a], tier: free}
steps: {calm: {rate: 1x, duration_ms: 2000}, storm: {rate: 20x, duration_ms: 1000}}
)");
  EXPECT_TRUE(scenario);
  result.scenario = *scenario;
  result.capacity_per_s = 2;
  result.machine = "a machine, 2 cores";
  result.commit = "1a2b3c4-dirty";
  result.idle["agent"] = {.rss_mib_max = 12.5, .processes = 1};
  result.notes = {"something to know"};
  const Schedule schedule(result.scenario, 2);
  Recorder recorder(result, schedule.windows());
  recorder.add(0, 0, milliseconds(100), {.status = 200, .latency_us = 5'000});
  recorder.add(0, 1, milliseconds(1'500), {.status = 200, .latency_us = 9'000});
  recorder.add(1, 1, milliseconds(2'100),
               {.status = 503, .reason = "queue_full", .latency_us = 300, .asks_to_wait = true});
  recorder.add(1, 0, milliseconds(2'200), {.status = 200, .latency_us = 8'000, .late = true});
  result.steps[1].processes["agent"] = {
      .cpu_user_ms = 30, .cpu_system_ms = 10, .rss_mib_max = 20, .processes = 1};
  result.steps[1].generator.late_start.add(2'000);
  return result;
}

TEST(ReportTest, JsonHasEveryRowAndTheRatios) {
  const auto json = nlohmann::json::parse(report_json(small_result()));
  EXPECT_EQ(json.at("schema"), 1);
  EXPECT_EQ(json.at("kind"), "measured");
  EXPECT_EQ(json.at("capacity_per_s"), 2);
  EXPECT_EQ(json.at("machine"), "a machine, 2 cores");
  EXPECT_EQ(json.at("commit"), "1a2b3c4-dirty");
  ASSERT_EQ(json.at("steps").size(), 2U);
  const auto& calm = json.at("steps").at(0);
  EXPECT_EQ(calm.at("total").at("good"), 2);
  EXPECT_DOUBLE_EQ(calm.at("total").at("offered_x"), 0.5);
  EXPECT_EQ(calm.at("by_tier").at("paid").at("good_latency_ms").at("max"), 5.0);
  EXPECT_EQ(calm.at("by_command").at("imageView2").at("good"), 1);
  const auto& storm = json.at("steps").at(1);
  EXPECT_EQ(storm.at("total").at("late"), 1);
  EXPECT_EQ(storm.at("by_mix").at("iron").at("by_status").at("503 queue_full"), 1);
  EXPECT_EQ(storm.at("by_user").at("anonymous").at("refused_without_retry_after"), 0);
  EXPECT_EQ(storm.at("processes").at("agent").at("cpu_ms_per_request"), 20.0);
  EXPECT_EQ(storm.at("generator").at("saturated"), true);
  EXPECT_EQ(json.at("idle").at("agent").at("rss_mib_max"), 12.5);
  EXPECT_EQ(json.at("series").size(), 30U);
  EXPECT_EQ(json.at("series").at(1).at("by_tier").at("paid").at("p50_ms"), 5.0);
}

TEST(ReportTest, TheTableNamesStepsTiersAndDoubts) {
  const std::string table = report_table(small_result());
  for (const char* text : {"calm", "storm", "tier paid", "mix iron", "503 queue_full",
                           "note: something to know", "agent"}) {
    EXPECT_THAT(table, HasSubstr(text));
  }
}

TEST(ReportTest, ThePageStandsAlone) {
  const std::string page = report_html(small_result());
  EXPECT_THAT(page, HasSubstr("one &amp; &lt;another&gt;"));
  EXPECT_THAT(page, Not(HasSubstr("<another>")));
  for (const char* outside : {"http://", "https://", "<script", "@import", "src="}) {
    EXPECT_THAT(page, Not(HasSubstr(outside))) << outside;
  }
  std::size_t plots = 0;
  for (std::size_t at = 0; (at = page.find("<svg", at)) != std::string::npos; ++at) ++plots;
  EXPECT_EQ(plots, 5U);
  EXPECT_THAT(page, Not(HasSubstr("nan")));
  EXPECT_THAT(page, Not(HasSubstr("inf")));
}

TEST(ReportTest, StepsOfOneLoadAreNotDrawnAsACurve) {
  RunResult result = small_result();
  EXPECT_THAT(report_html(result), HasSubstr("Goodput against offered load"));
  result.steps.resize(1);
  EXPECT_THAT(report_html(result), Not(HasSubstr("Goodput against offered load")));
}

TEST(SvgPlotTest, DrawsPointsWithinTheFrameWhateverTheyAre) {
  const PlotOptions options{.title = "t", .x_label = "x", .y_label = "y", .log_y = true};
  const std::string none = line_plot(options, {{.name = "empty", .points = {}}});
  EXPECT_THAT(none, Not(HasSubstr("nan")));
  const std::string some =
      line_plot(options, {{.name = "s", .points = {{0, 0}, {1, 10}, {2, 1e6}}}});
  EXPECT_THAT(some, Not(HasSubstr("nan")));
  EXPECT_THAT(some, HasSubstr("1e+06"));  // a mark of the axis
}

}  // namespace
}  // namespace millrace::bench
