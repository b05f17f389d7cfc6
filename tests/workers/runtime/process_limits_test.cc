// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <sys/resource.h>

#include <gtest/gtest.h>

#include "workers/runtime/task_budget.h"

namespace millrace::workers {
namespace {

using std::chrono::seconds;

rlim_t soft(__rlimit_resource resource) {
  rlimit limit{};
  getrlimit(resource, &limit);
  return limit.rlim_cur;
}

ipc::RunLimits cpu_of(seconds cpu) {
  ipc::RunLimits limits;
  limits.cpu_max = cpu;
  return limits;
}

// The limits of the test's own process come back.
class ProcessLimitsTest : public testing::Test {
 protected:
  void SetUp() override {
    getrlimit(RLIMIT_CPU, &cpu_);
    getrlimit(RLIMIT_DATA, &data_);
  }
  void TearDown() override {
    setrlimit(RLIMIT_CPU, &cpu_);
    setrlimit(RLIMIT_DATA, &data_);
  }

 private:
  rlimit cpu_{};
  rlimit data_{};
};

TEST_F(ProcessLimitsTest, EachTaskHasItsTimeWhateverWasUsedBefore) {
  ProcessLimits process(std::nullopt);
  process.begin_task(cpu_of(seconds(100)), seconds(7));
  EXPECT_EQ(soft(RLIMIT_CPU), 108U);
  process.end_task();
  process.begin_task(cpu_of(seconds(100)), seconds(57));
  EXPECT_EQ(soft(RLIMIT_CPU), 158U);
  process.end_task();
}

TEST_F(ProcessLimitsTest, ATaskThatMayUseLessIsHeldToIt) {
  ProcessLimits process(std::nullopt);
  process.begin_task(cpu_of(seconds(1000)), seconds(7));
  process.end_task();
  process.begin_task(cpu_of(seconds(100)), seconds(7));
  EXPECT_EQ(soft(RLIMIT_CPU), 108U);
}

TEST_F(ProcessLimitsTest, WhoSpentItsTimeMayWaitForTheNextTask) {
  ProcessLimits process(std::nullopt);
  process.begin_task(cpu_of(seconds(100)), seconds(7));
  process.end_task();
  process.rest(seconds(8));
  EXPECT_EQ(soft(RLIMIT_CPU), 108U);
  process.rest(seconds(107));
  EXPECT_EQ(soft(RLIMIT_CPU), RLIM_INFINITY);
  process.begin_task(cpu_of(seconds(100)), seconds(107));
  EXPECT_EQ(soft(RLIMIT_CPU), 208U);
}

TEST_F(ProcessLimitsTest, MemoryIsLimitedWhileATaskRuns) {
#ifdef MILLRACE_SANITIZED
  GTEST_SKIP() << "a sanitizer's allocator does not survive being refused";
#endif
  const rlim_t before = soft(RLIMIT_DATA);
  ProcessLimits process(base::mebibytes(4096));
  ipc::RunLimits limits;
  limits.memory_max = base::mebibytes(1024);
  {
    const TaskBudget budget(process, limits, seconds(1));
    EXPECT_EQ(soft(RLIMIT_DATA), std::min<rlim_t>(before, base::mebibytes(5120).count));
  }
  EXPECT_EQ(soft(RLIMIT_DATA), before);
}

}  // namespace
}  // namespace millrace::workers
