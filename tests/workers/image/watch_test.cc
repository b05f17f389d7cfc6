// SPDX-License-Identifier: Apache-2.0
#include "workers/image/watch.h"

#include <gtest/gtest.h>

namespace millrace::workers::image {
namespace {

using namespace std::chrono_literals;

class TaskWatchTest : public testing::Test {
 protected:
  TaskWatch::Clocks clocks() {
    return {[this] { return now; }, [this] { return cpu; }};
  }
  base::TimePoint now{};
  std::chrono::microseconds cpu = 5s;  // of tasks before
};

TEST_F(TaskWatchTest, LetsATaskRunWithinItsMeans) {
  const TaskWatch watch(base::Deadline::after(now, 10s), 3s, clocks());
  now += 9s;
  cpu += 2s;
  EXPECT_TRUE(watch.check());
}

TEST_F(TaskWatchTest, EndsATaskThatNobodyWaitsForAnyMore) {
  const TaskWatch watch(base::Deadline::after(now, 10s), 3s, clocks());
  now += 10s;
  const auto checked = watch.check();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().reason, base::Reason::Deadline);
}

TEST_F(TaskWatchTest, EndsATaskThatUsedUpItsProcessorTime) {
  const TaskWatch watch(base::Deadline::never(), 3s, clocks());
  cpu += 3s + 1us;
  const auto checked = watch.check();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().reason, base::Reason::TaskTooExpensive);
}

}  // namespace
}  // namespace millrace::workers::image
