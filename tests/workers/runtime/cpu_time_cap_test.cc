// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>

#include <gtest/gtest.h>

#include "workers/runtime/task_budget.h"

namespace millrace::workers {
namespace {

rlim_t soft_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_CPU, &limit);
  return limit.rlim_cur;
}

void set_limit(rlim_t seconds) {
  rlimit limit{};
  getrlimit(RLIMIT_CPU, &limit);
  limit.rlim_cur = seconds;
  setrlimit(RLIMIT_CPU, &limit);
}

TEST(CpuTimeCapTest, LowersTheLimitAndBringsItBack) {
  const rlim_t before = soft_limit();
  const auto used = std::chrono::floor<std::chrono::seconds>(cpu_time_of_process()).count();
  {
    const CpuTimeCap cap(std::chrono::seconds(500));
    EXPECT_GE(soft_limit(), static_cast<rlim_t>(used) + 500);
    EXPECT_LE(soft_limit(), static_cast<rlim_t>(used) + 502);
  }
  EXPECT_EQ(soft_limit(), before);
}

TEST(CpuTimeCapTest, NeverRaisesIt) {
  const rlim_t before = soft_limit();
  set_limit(300);
  {
    const CpuTimeCap cap(std::chrono::seconds(500));
    EXPECT_EQ(soft_limit(), 300U);
  }
  EXPECT_EQ(soft_limit(), 300U);
  set_limit(before);
}

}  // namespace
}  // namespace millrace::workers
