// SPDX-License-Identifier: Apache-2.0
#include "gateway/load_watch.h"

#include <gtest/gtest.h>

namespace millrace::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr base::TimePoint kStart{std::chrono::hours(1)};

std::vector<std::shared_ptr<Node>> nodes(std::size_t count) {
  std::vector<std::shared_ptr<Node>> made;
  for (std::size_t i = 0; i < count; ++i) made.push_back(std::make_shared<Node>());
  return made;
}

TEST(LoadWatchTest, AsksNodesThatWereNotHeardOf) {
  LoadWatch watch({});
  const auto fleet = nodes(3);
  watch.routed(kStart);
  fleet[1]->reported_at = kStart - milliseconds(499);
  const auto due = watch.due(fleet, kStart);
  ASSERT_EQ(due.size(), 2U);
  EXPECT_EQ(due[0], fleet[0]);
  EXPECT_EQ(due[1], fleet[2]);
}

TEST(LoadWatchTest, AsksEachOnceInAWhile) {
  LoadWatch watch({});
  const auto fleet = nodes(1);
  watch.routed(kStart);
  EXPECT_EQ(watch.due(fleet, kStart).size(), 1U);
  EXPECT_TRUE(watch.due(fleet, kStart + milliseconds(499)).empty());
  EXPECT_EQ(watch.due(fleet, kStart + milliseconds(500)).size(), 1U);
}

TEST(LoadWatchTest, AsksNobodyWithoutTraffic) {
  LoadWatch watch({});
  const auto fleet = nodes(1);
  EXPECT_TRUE(watch.due(fleet, kStart).empty());
  watch.routed(kStart);
  EXPECT_TRUE(watch.due(fleet, kStart + seconds(11)).empty());
}

TEST(LoadWatchTest, AsksFewAtATimeAndAllInTheEnd) {
  LoadWatch watch({.at_once_max = 8});
  const auto fleet = nodes(20);
  watch.routed(kStart);
  EXPECT_EQ(watch.due(fleet, kStart).size(), 8U);
  EXPECT_EQ(watch.due(fleet, kStart).size(), 8U);
  EXPECT_EQ(watch.due(fleet, kStart).size(), 4U);
  EXPECT_TRUE(watch.due(fleet, kStart).empty());
}

TEST(LoadWatchTest, LeavesEjectedNodesAlone) {
  LoadWatch watch({});
  const auto fleet = nodes(1);
  watch.routed(kStart);
  fleet[0]->ejected_until = kStart + seconds(1);
  EXPECT_TRUE(watch.due(fleet, kStart).empty());
}

}  // namespace
}  // namespace millrace::gateway
