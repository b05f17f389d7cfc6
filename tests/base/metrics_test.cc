// SPDX-License-Identifier: Apache-2.0
#include "base/metrics.h"

#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::base {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(MetricsTest, CountsUnderNameAndLabels) {
  Metrics metrics;
  const Counter paid = metrics.counter("millrace_agent_tasks_total", "Tasks.", {{"tier", "paid"}});
  const Counter free = metrics.counter("millrace_agent_tasks_total", "Tasks.", {{"tier", "free"}});
  paid.add();
  paid.add(2);
  free.add();
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("# HELP millrace_agent_tasks_total Tasks.\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE millrace_agent_tasks_total counter\n"));
  EXPECT_THAT(text, HasSubstr("millrace_agent_tasks_total{tier=\"paid\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("millrace_agent_tasks_total{tier=\"free\"} 1\n"));
}

TEST(MetricsTest, AskingTwiceGivesTheSameSeries) {
  Metrics metrics;
  metrics.counter("millrace_x_total", "X.").add();
  metrics.counter("millrace_x_total", "X.").add();
  EXPECT_THAT(metrics.text(), HasSubstr("millrace_x_total 2\n"));
}

TEST(MetricsTest, AGaugeHoldsWhatWasSetLast) {
  Metrics metrics;
  const Gauge depth = metrics.gauge("millrace_agent_queue_depth", "Waiting.", {{"tier", "paid"}});
  depth.set(7);
  depth.add(-2);
  EXPECT_THAT(metrics.text(), HasSubstr("millrace_agent_queue_depth{tier=\"paid\"} 5\n"));
}

TEST(MetricsTest, AHistogramCountsCumulatively) {
  Metrics metrics;
  const Histogram wait = metrics.histogram("millrace_agent_wait_seconds", "Wait.", {0.1, 1, 10});
  for (const double seconds : {0.05, 0.5, 0.6, 50.0}) wait.observe(seconds);
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("millrace_agent_wait_seconds_bucket{le=\"0.1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("millrace_agent_wait_seconds_bucket{le=\"1\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("millrace_agent_wait_seconds_bucket{le=\"+Inf\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("millrace_agent_wait_seconds_count 4\n"));
}

TEST(MetricsTest, EscapesLabelValues) {
  Metrics metrics;
  metrics.counter("millrace_x_total", "X.", {{"node", "a\"b\\c\nd"}}).add();
  EXPECT_THAT(metrics.text(), HasSubstr(R"(millrace_x_total{node="a\"b\\c\nd"} 1)"));
}

TEST(MetricsTest, TwoProcessesPartsDoNotShareSeries) {
  Metrics one;
  const Metrics other;
  one.counter("millrace_x_total", "X.").add();
  EXPECT_THAT(other.text(), Not(HasSubstr("millrace_x_total")));
}

TEST(MetricsTest, NoIncrementOfManyThreadsIsLost) {
  Metrics metrics;
  const Counter counter = metrics.counter("millrace_x_total", "X.");
  const Histogram histogram = metrics.histogram("millrace_y_seconds", "Y.", {1});
  constexpr int kThreads = 4;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([=] {
      for (int i = 0; i < 1'000; ++i) {
        counter.add();
        histogram.observe(0.5);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(metrics.text(), HasSubstr("millrace_x_total 4000\n"));
  EXPECT_THAT(metrics.text(), HasSubstr("millrace_y_seconds_count 4000\n"));
}

TEST(MetricsTest, AHandleThatNoMetricsGaveCountsNowhere) {
  Counter().add();
  Gauge().set(1);
  Gauge().add(1);
  Histogram().observe(1);
}

TEST(MetricsDeathTest, OneNameForTwoKindsAborts) {
  EXPECT_DEATH(
      {
        Metrics metrics;
        metrics.counter("millrace_x", "X.");
        metrics.gauge("millrace_x", "X.");
      },
      "metric millrace_x");
}

}  // namespace
}  // namespace millrace::base
