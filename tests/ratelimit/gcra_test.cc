// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/gcra.h"

#include <cstdint>
#include <random>

#include <gtest/gtest.h>

namespace millrace::ratelimit {
namespace {

using base::Duration;
using base::TimePoint;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TimePoint at(Duration since_start) { return TimePoint(hours(1)) + since_start; }

bool try_take(Gcra& gcra, const RateLimit& limit, TimePoint now) {
  if (gcra.wait(limit, now) > Duration::zero()) return false;
  gcra.take(limit, now);
  return true;
}

int take_all(Gcra& gcra, const RateLimit& limit, TimePoint now) {
  int taken = 0;
  while (try_take(gcra, limit, now)) ++taken;
  return taken;
}

TEST(GcraTest, AdmitsTheBurstAtOnceAndThenTheRate) {
  const RateLimit limit{.rate_per_s = 10, .burst = 5};
  Gcra gcra;
  EXPECT_EQ(take_all(gcra, limit, at(seconds(0))), 5);
  EXPECT_EQ(take_all(gcra, limit, at(milliseconds(99))), 0);
  EXPECT_EQ(take_all(gcra, limit, at(milliseconds(100))), 1);
  EXPECT_EQ(take_all(gcra, limit, at(milliseconds(450))), 3);  // 350 ms are three and a half
  EXPECT_EQ(take_all(gcra, limit, at(milliseconds(500))), 1);  // and the half was not lost
  EXPECT_EQ(take_all(gcra, limit, at(hours(2))), 5);
}

TEST(GcraTest, TheWaitIsExactToTheNanosecond) {
  const RateLimit limit{.rate_per_s = 7, .burst = 3};
  std::mt19937_64 random(7);
  Gcra gcra;
  TimePoint now = at(seconds(0));
  int waited = 0;
  for (int i = 0; i < 10'000; ++i) {
    now += nanoseconds(random() % 200'000'000);
    const Duration wait = gcra.wait(limit, now);
    if (wait > Duration::zero()) {
      ++waited;
      EXPECT_GT(gcra.wait(limit, now + wait - nanoseconds(1)), Duration::zero());
      EXPECT_EQ(gcra.wait(limit, now + wait), Duration::zero());
    } else {
      gcra.take(limit, now);
    }
  }
  EXPECT_GT(waited, 1'000);
}

TEST(GcraTest, NeverAdmitsMoreThanBurstAndRateGiveInAnyWindow) {
  const RateLimit limit{.rate_per_s = 50, .burst = 10};
  Gcra gcra;
  int taken = 0;
  for (int ms = 0; ms <= 20'000; ++ms) taken += take_all(gcra, limit, at(milliseconds(ms)));
  EXPECT_EQ(taken, 10 + 20 * 50);
}

TEST(GcraTest, FactsCountWhatCanBeTakenNow) {
  const RateLimit limit{.rate_per_s = 10, .burst = 3};
  Gcra gcra;
  EXPECT_EQ(gcra.facts(limit, at(seconds(0))), (RateFacts{3, 3, Duration::zero()}));
  gcra.take(limit, at(seconds(0)));
  EXPECT_EQ(gcra.facts(limit, at(seconds(0))), (RateFacts{3, 2, milliseconds(100)}));
  gcra.take(limit, at(seconds(0)));
  gcra.take(limit, at(seconds(0)));
  EXPECT_EQ(gcra.facts(limit, at(seconds(0))), (RateFacts{3, 0, milliseconds(300)}));
  EXPECT_EQ(gcra.facts(limit, at(milliseconds(99))), (RateFacts{3, 0, milliseconds(201)}));
  EXPECT_EQ(gcra.facts(limit, at(milliseconds(100))), (RateFacts{3, 1, milliseconds(200)}));
  EXPECT_EQ(gcra.facts(limit, at(milliseconds(300))), (RateFacts{3, 3, Duration::zero()}));
}

TEST(GcraTest, FactsAgreeWithWhatIsAdmitted) {
  const RateLimit limit{.rate_per_s = 3, .burst = 6};
  std::mt19937_64 random(3);
  Gcra gcra;
  TimePoint now = at(seconds(0));
  for (int i = 0; i < 2'000; ++i) {
    now += nanoseconds(random() % 700'000'000);
    Gcra copy = gcra;
    EXPECT_EQ(static_cast<int>(gcra.facts(limit, now).remaining), take_all(copy, limit, now));
    static_cast<void>(try_take(gcra, limit, now));
  }
}

TEST(GcraTest, WithoutABurstASecondsWorthComesAtOnce) {
  Gcra gcra;
  EXPECT_EQ(take_all(gcra, RateLimit{.rate_per_s = 20}, at(seconds(0))), 20);
  Gcra slow;
  EXPECT_EQ(take_all(slow, RateLimit{.rate_per_s = 0.5}, at(seconds(0))), 1);
  EXPECT_EQ(slow.wait(RateLimit{.rate_per_s = 0.5}, at(seconds(0))), seconds(2));
}

TEST(GcraTest, AFasterLimitForgivesTheDebtOfASlowerOne) {
  const RateLimit hourly{.rate_per_s = 1.0 / 3600, .burst = 100};
  Gcra gcra;
  ASSERT_EQ(take_all(gcra, hourly, at(seconds(0))), 100);
  const RateLimit fast{.rate_per_s = 10, .burst = 5};
  EXPECT_EQ(gcra.wait(fast, at(seconds(0))), milliseconds(100));
  EXPECT_TRUE(try_take(gcra, fast, at(milliseconds(100))));
  EXPECT_FALSE(try_take(gcra, fast, at(milliseconds(101))));
}

TEST(GcraTest, ExtremeLimitsDoNotOverflow) {
  const RateLimit slowest{.rate_per_s = 1e-12, .burst = UINT32_MAX};
  Gcra gcra;
  gcra.take(slowest, at(seconds(0)));
  EXPECT_LE(gcra.facts(slowest, at(seconds(0))).remaining, UINT32_MAX);
  const RateLimit fastest{.rate_per_s = 1e30, .burst = UINT32_MAX};
  Gcra other;
  for (int i = 0; i < 1'000; ++i) EXPECT_TRUE(try_take(other, fastest, at(seconds(0))));
}

TEST(GcraTest, IsForgettableWhenTheRateIsWholeAgain) {
  const RateLimit limit{.rate_per_s = 10, .burst = 5};
  Gcra gcra;
  EXPECT_LE(gcra.forgettable_at(), at(seconds(0)));
  ASSERT_EQ(take_all(gcra, limit, at(seconds(0))), 5);
  EXPECT_EQ(gcra.forgettable_at(), at(milliseconds(500)));
  EXPECT_EQ(gcra.facts(limit, gcra.forgettable_at()), Gcra().facts(limit, gcra.forgettable_at()));
}

}  // namespace
}  // namespace millrace::ratelimit
