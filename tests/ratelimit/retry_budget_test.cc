// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/retry_budget.h"

#include <gtest/gtest.h>

namespace millrace::ratelimit {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

base::TimePoint at(base::Duration since_start) {
  return base::TimePoint(std::chrono::hours(1)) + since_start;
}

int spend_all(RetryBudget& budget, base::TimePoint now) {
  int count = 0;
  while (budget.try_spend(now)) ++count;
  return count;
}

void admit(RetryBudget& budget, base::TimePoint now, int count) {
  for (int i = 0; i < count; ++i) budget.admitted(now);
}

TEST(RetryBudgetTest, AllowsTheShareOfWhatWasAdmitted) {
  RetryBudget budget(0.1, seconds(10), 0);
  EXPECT_EQ(spend_all(budget, at(seconds(0))), 0);
  admit(budget, at(seconds(0)), 9);
  EXPECT_EQ(spend_all(budget, at(seconds(0))), 0);
  admit(budget, at(seconds(1)), 91);
  EXPECT_EQ(spend_all(budget, at(seconds(1))), 10);
  admit(budget, at(seconds(2)), 10);
  EXPECT_EQ(spend_all(budget, at(seconds(2))), 1);
}

TEST(RetryBudgetTest, ForgetsWhatIsOlderThanTheWindow) {
  RetryBudget budget(0.1, seconds(10), 0);
  admit(budget, at(seconds(0)), 100);
  EXPECT_TRUE(budget.try_spend(at(milliseconds(9'900))));
  EXPECT_FALSE(budget.try_spend(at(milliseconds(10'001))));
  // The retry of a moment ago still counts against what comes now.
  admit(budget, at(seconds(11)), 10);
  EXPECT_FALSE(budget.try_spend(at(seconds(11))));
  admit(budget, at(seconds(11)), 10);
  EXPECT_TRUE(budget.try_spend(at(seconds(11))));
  EXPECT_FALSE(budget.try_spend(at(seconds(11))));
  // After a long silence nothing is left of anything.
  EXPECT_EQ(spend_all(budget, at(std::chrono::hours(5))), 0);
}

TEST(RetryBudgetTest, AQuietGatewayMayRetryAFewTimes) {
  RetryBudget budget(0.1);
  EXPECT_EQ(spend_all(budget, at(seconds(0))), 3);
  EXPECT_EQ(spend_all(budget, at(seconds(9))), 0);
  EXPECT_EQ(spend_all(budget, at(seconds(10))), 3);
  admit(budget, at(seconds(10)), 1'000);
  EXPECT_EQ(spend_all(budget, at(seconds(10))), 97);
}

TEST(RetryBudgetTest, ARatioOfZeroAllowsNone) {
  RetryBudget budget(0);
  admit(budget, at(seconds(0)), 1'000);
  EXPECT_EQ(spend_all(budget, at(seconds(0))), 0);
}

TEST(RetryBudgetTest, HoldsOverALongRun) {
  RetryBudget budget(0.1, seconds(10), 0);
  std::uint64_t spent = 0;
  for (int i = 0; i < 100'000; ++i) {
    const auto now = at(milliseconds(i));
    budget.admitted(now);
    if (budget.try_spend(now)) ++spent;
  }
  EXPECT_LE(spent, 10'000U);
  EXPECT_GE(spent, 9'000U);
}

}  // namespace
}  // namespace millrace::ratelimit
