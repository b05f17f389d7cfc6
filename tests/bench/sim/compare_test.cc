// SPDX-License-Identifier: Apache-2.0
#include "bench/sim/compare.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::bench::sim {
namespace {

using testing::HasSubstr;

std::string row(double goodput_x, double p50_ms, int refused) {
  return fmt::format(R"({{"offered": 1000, "good": 500, "refused": {}, "offered_x": 2,
                         "goodput_x": {}, "good_latency_ms": {{"p50": {}, "p99": 100}}}})",
                     refused, goodput_x, p50_ms);
}
std::string result(const std::string& total, const std::string& paid, const std::string& free) {
  return fmt::format(R"({{"steps": [{{"name": "flood", "total": {},
                         "by_tier": {{"paid": {}, "free": {}}}}}]}})",
                     total, paid, free);
}

TEST(CompareTest, AgreesWithinFifteenPercent) {
  const auto measured = result(row(1.0, 50, 500), row(0.5, 50, 0), row(0.5, 50, 900));
  const auto simulated = result(row(1.1, 50, 500), row(0.5, 50, 0), row(0.57, 50, 900));
  const auto comparison = compare(measured, simulated);
  ASSERT_TRUE(comparison);
  EXPECT_EQ(comparison->rows.size(), 3U) << "all, and each tier";
  EXPECT_TRUE(comparison->goodput_agrees());
  EXPECT_THAT(comparison->text(), HasSubstr("0 of 3 points differ"));
}

TEST(CompareTest, OneTierThatDiffersIsADifference) {
  const auto measured = result(row(1.0, 50, 500), row(0.5, 50, 0), row(0.5, 50, 900));
  const auto simulated = result(row(1.0, 50, 500), row(0.5, 50, 0), row(0.6, 50, 900));
  const auto comparison = compare(measured, simulated);
  ASSERT_TRUE(comparison);
  EXPECT_FALSE(comparison->goodput_agrees());
  EXPECT_THAT(comparison->text(), HasSubstr("1 of 3 points differ"));
}

TEST(CompareTest, OtherFiguresAreSaidAndDoNotDecide) {
  const auto measured = result(row(1.0, 50, 500), row(0.5, 50, 0), row(0.5, 50, 900));
  const auto simulated = result(row(1.0, 80, 700), row(0.5, 50, 0), row(0.5, 50, 900));
  const auto comparison = compare(measured, simulated);
  ASSERT_TRUE(comparison);
  EXPECT_TRUE(comparison->goodput_agrees());
  EXPECT_FALSE(comparison->rows[0].p50_agrees);
  EXPECT_FALSE(comparison->rows[0].refused_agrees);
  EXPECT_TRUE(comparison->rows[0].p99_agrees);
}

TEST(CompareTest, SaysWhichStepsOnlyOneHas) {
  const auto measured = result(row(1.0, 50, 500), row(0.5, 50, 0), row(0.5, 50, 900));
  EXPECT_FALSE(compare(measured, R"({"steps": [{"name": "other", "total": {}}]})"));
  EXPECT_FALSE(compare("{}", measured));
}

}  // namespace
}  // namespace millrace::bench::sim
