// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/throttle.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace millrace::ratelimit {
namespace {

using base::Duration;
using base::Reason;
using base::TimePoint;
using std::chrono::milliseconds;
using std::chrono::seconds;

TimePoint at(Duration since_start) { return TimePoint(std::chrono::hours(1)) + since_start; }

struct Ask {
  std::string user = "user:a";
  UserLimits limits{};
  std::vector<CommandLimit> commands{};
  Duration cpu{};

  [[nodiscard]] Decision of(Throttle& throttle, TimePoint now) const {
    return throttle.decide({user, limits, commands, cpu}, now);
  }
};

TEST(ThrottleTest, AdmitsWithinTheRateAndSaysWhatIsLeft) {
  Throttle throttle({});
  const Ask ask{.limits = {.rate = {.rate_per_s = 10, .burst = 2}}};
  const Decision first = ask.of(throttle, at(seconds(0)));
  EXPECT_TRUE(first.admitted());
  EXPECT_EQ(first.rate, (RateFacts{2, 1, milliseconds(100)}));
  EXPECT_TRUE(ask.of(throttle, at(seconds(0))).admitted());
  const Decision third = ask.of(throttle, at(milliseconds(30)));
  EXPECT_EQ(third.refused, Reason::UserRate);
  EXPECT_EQ(third.retry_after, milliseconds(70));
  EXPECT_EQ(third.rate, (RateFacts{2, 0, milliseconds(170)}));
  EXPECT_TRUE(ask.of(throttle, at(milliseconds(100))).admitted());
}

TEST(ThrottleTest, UsersDoNotShareARate) {
  Throttle throttle({});
  const UserLimits limits{.rate = {.rate_per_s = 1, .burst = 1}};
  EXPECT_TRUE((Ask{.user = "user:a", .limits = limits}.of(throttle, at(seconds(0))).admitted()));
  EXPECT_FALSE((Ask{.user = "user:a", .limits = limits}.of(throttle, at(seconds(0))).admitted()));
  EXPECT_TRUE((Ask{.user = "user:b", .limits = limits}.of(throttle, at(seconds(0))).admitted()));
}

TEST(ThrottleTest, ZeroIsNoLimitAndTracksNobody) {
  Throttle throttle({});
  std::vector<Decision> admitted;
  for (int i = 0; i < 1'000; ++i) {
    admitted.push_back(Ask{.commands = {{"imageView2", 0}}}.of(throttle, at(seconds(0))));
    EXPECT_TRUE(admitted.back().admitted());
    EXPECT_EQ(admitted.back().rate.limit, 0U);
  }
  EXPECT_EQ(throttle.users(), 0U);
}

TEST(ThrottleTest, ConcurrencyIsHeldUntilThePermitEnds) {
  Throttle throttle({});
  const Ask ask{.limits = {.concurrency_max = 2}};
  Decision first = ask.of(throttle, at(seconds(0)));
  {
    const Decision second = ask.of(throttle, at(seconds(0)));
    EXPECT_TRUE(second.admitted());
    EXPECT_EQ(ask.of(throttle, at(seconds(0))).refused, Reason::UserConcurrency);
  }
  EXPECT_TRUE(ask.of(throttle, at(seconds(0))).admitted());  // and ends at once
  const Decision third = ask.of(throttle, at(seconds(0)));
  EXPECT_FALSE(ask.of(throttle, at(seconds(0))).admitted());
  first.permit.release(at(seconds(1)));
  first.permit.release(at(seconds(1)));
  EXPECT_TRUE(ask.of(throttle, at(seconds(1))).admitted());
  Decision moved = ask.of(throttle, at(seconds(1)));
  moved.permit = Permit();
  EXPECT_TRUE(ask.of(throttle, at(seconds(1))).admitted());
}

TEST(ThrottleTest, RetryAfterOfConcurrencyIsMeasured) {
  Throttle throttle({});
  const Ask ask{.limits = {.concurrency_max = 1}};
  ask.of(throttle, at(seconds(0))).permit.release(at(milliseconds(250)));
  const Decision holder = ask.of(throttle, at(seconds(1)));
  const Decision refused = ask.of(throttle, at(seconds(1)));
  EXPECT_EQ(refused.refused, Reason::UserConcurrency);
  EXPECT_EQ(refused.retry_after, milliseconds(250));
  // Of another user, who was never measured, what others taught.
  const Ask other{.user = "user:b", .limits = {.concurrency_max = 1}};
  const Decision held = other.of(throttle, at(seconds(1)));
  const Decision unknown = other.of(throttle, at(seconds(1)));
  EXPECT_GT(unknown.retry_after, milliseconds(900));
  EXPECT_LT(unknown.retry_after, seconds(1));
}

TEST(ThrottleTest, CommandsAreLimitedOverAllUsers) {
  Throttle throttle({});
  const std::vector<CommandLimit> commands = {{"imageView2", 0}, {"avthumb", 2}};
  const Decision a = Ask{.user = "user:a", .commands = commands}.of(throttle, at(seconds(0)));
  const Decision b = Ask{.user = "user:b", .commands = commands}.of(throttle, at(seconds(0)));
  EXPECT_TRUE(a.admitted() && b.admitted());
  const Decision c = Ask{.user = "user:c", .commands = commands}.of(throttle, at(seconds(0)));
  EXPECT_EQ(c.refused, Reason::CommandConcurrency);
  EXPECT_EQ(c.command, "avthumb");
  EXPECT_GT(c.retry_after, Duration::zero());
  EXPECT_TRUE((Ask{.commands = {{"imageView2", 0}}}.of(throttle, at(seconds(0))).admitted()));
}

TEST(ThrottleTest, ACommandThatComesTwiceInAPipelineCountsOnce) {
  Throttle throttle({});
  const Ask ask{.commands = {{"watermark", 2}, {"watermark", 2}}};
  const Decision first = ask.of(throttle, at(seconds(0)));
  const Decision second = ask.of(throttle, at(seconds(0)));
  EXPECT_TRUE(second.admitted());
  EXPECT_EQ(ask.of(throttle, at(seconds(0))).refused, Reason::CommandConcurrency);
}

TEST(ThrottleTest, TheOrderIsRateThenUserThenCommand) {
  Throttle throttle({});
  const Ask holding{.limits = {.rate = {.rate_per_s = 1, .burst = 1}, .concurrency_max = 1},
                    .commands = {{"avthumb", 1}}};
  const Decision held = holding.of(throttle, at(seconds(0)));
  ASSERT_TRUE(held.admitted());
  EXPECT_EQ(holding.of(throttle, at(seconds(0))).refused, Reason::UserRate);
  EXPECT_EQ(holding.of(throttle, at(seconds(5))).refused, Reason::UserConcurrency);
  Ask other = holding;
  other.user = "user:b";
  EXPECT_EQ(other.of(throttle, at(seconds(5))).refused, Reason::CommandConcurrency);
}

TEST(ThrottleTest, ARefusalCostsNothing) {
  Throttle throttle({});
  Ask ask{.limits = {.rate = {.rate_per_s = 1, .burst = 3}, .concurrency_max = 1},
          .commands = {{"a", 2}, {"b", 1}}};
  // By a command: neither a token, nor the user's slot, nor the slot of the command before it.
  const Decision b = Ask{.user = "user:b", .commands = {{"b", 1}}}.of(throttle, at(seconds(0)));
  for (int i = 0; i < 10; ++i) {
    const Decision refused = ask.of(throttle, at(seconds(0)));
    ASSERT_EQ(refused.refused, Reason::CommandConcurrency);
    EXPECT_EQ(refused.command, "b");
    EXPECT_EQ(refused.rate, (RateFacts{3, 3, Duration::zero()}));
  }
  ask.commands = {{"a", 2}};
  const Decision first = ask.of(throttle, at(seconds(0)));
  ASSERT_TRUE(first.admitted());
  EXPECT_EQ(first.rate.remaining, 2U);
  // By the user's concurrency: no token either.
  const Decision refused = ask.of(throttle, at(seconds(0)));
  EXPECT_EQ(refused.refused, Reason::UserConcurrency);
  EXPECT_EQ(refused.rate.remaining, 2U);
  const Decision last = Ask{.user = "c", .commands = {{"a", 2}}}.of(throttle, at(seconds(0)));
  EXPECT_TRUE(last.admitted());
}

TEST(ThrottleTest, ConcurrencyCountsPredictedCost) {
  Throttle throttle({.slot_cpu = milliseconds(50)});
  const UserLimits limits{.concurrency_max = 10};
  const Ask avif{.limits = limits, .cpu = milliseconds(400)};
  const Ask thumbnail{.limits = limits, .cpu = milliseconds(20)};
  const Decision a = avif.of(throttle, at(seconds(0)));       // eight slots
  const Decision b = thumbnail.of(throttle, at(seconds(0)));  // one
  EXPECT_EQ(avif.of(throttle, at(seconds(0))).refused, Reason::UserConcurrency);
  const Decision c = thumbnail.of(throttle, at(seconds(0)));
  EXPECT_TRUE(c.admitted());
  EXPECT_EQ(thumbnail.of(throttle, at(seconds(0))).refused, Reason::UserConcurrency);
}

TEST(ThrottleTest, ARequestHeavierThanTheLimitIsServedAlone) {
  Throttle throttle({.slot_cpu = milliseconds(50)});
  const Ask heavy{.limits = {.concurrency_max = 2}, .commands = {{"x", 2}}, .cpu = seconds(10)};
  Decision first = heavy.of(throttle, at(seconds(0)));
  EXPECT_TRUE(first.admitted());
  EXPECT_EQ(heavy.of(throttle, at(seconds(0))).refused, Reason::UserConcurrency);
  first.permit.release(at(seconds(1)));
  EXPECT_TRUE(heavy.of(throttle, at(seconds(1))).admitted());
}

TEST(ThrottleTest, NewLimitsHoldFromTheNextRequestOn) {
  Throttle throttle({});
  Ask ask{.limits = {.concurrency_max = 3}};
  std::vector<Decision> held;
  for (int i = 0; i < 3; ++i) held.push_back(ask.of(throttle, at(seconds(0))));
  ask.limits.concurrency_max = 2;
  held.pop_back();
  EXPECT_FALSE(ask.of(throttle, at(seconds(0))).admitted());
  held.pop_back();
  EXPECT_TRUE(ask.of(throttle, at(seconds(0))).admitted());
  ask.limits.concurrency_max = 0;  // none counted, and none given back
  const Decision free = ask.of(throttle, at(seconds(0)));
  EXPECT_TRUE(free.admitted());
}

TEST(ThrottleTest, IdleUsersMakeRoom) {
  Throttle throttle({.users_max = 10});
  const UserLimits limits{.rate = {.rate_per_s = 1, .burst = 5}};
  for (int i = 0; i < 1'000; ++i) {
    const Ask ask{.user = std::to_string(i), .limits = limits};
    EXPECT_TRUE(ask.of(throttle, at(milliseconds(110 * i))).admitted());
    EXPECT_LE(throttle.users(), 10U);
  }
  EXPECT_EQ(throttle.shared_total(), 0U);
}

TEST(ThrottleTest, WhenFullOfActiveUsersNewcomersWithEqualLimitsShareOneAllowance) {
  Throttle throttle({.users_max = 10});
  const UserLimits limits{.rate = {.rate_per_s = 1, .burst = 5}};
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE((Ask{.user = "known" + std::to_string(i), .limits = limits}
                     .of(throttle, at(seconds(0)))
                     .admitted()));
  }
  int admitted = 0;
  for (int i = 0; i < 100; ++i) {
    const Ask ask{.user = "new" + std::to_string(i), .limits = limits};
    const Decision decision = ask.of(throttle, at(seconds(0)));
    EXPECT_TRUE(decision.shared);
    if (decision.admitted()) ++admitted;
  }
  EXPECT_EQ(admitted, 5);
  EXPECT_EQ(throttle.shared_total(), 100U);
  EXPECT_EQ(throttle.users(), 11U);
  // Those who are known notice nothing, nor does a newcomer of another tier.
  const Decision known = Ask{.user = "known3", .limits = limits}.of(throttle, at(seconds(0)));
  EXPECT_EQ(known.rate.remaining, 3U);
  EXPECT_FALSE(known.shared);
  const UserLimits paid{.rate = {.rate_per_s = 100, .burst = 50}};
  EXPECT_EQ((Ask{.user = "paid", .limits = paid}.of(throttle, at(seconds(0))).rate.remaining), 49U);
}

TEST(ThrottleTest, IsExactOverManyThreads) {
  Throttle throttle({});
  constexpr int kThreads = 4;
  constexpr std::size_t kConcurrency = 3;
  const UserLimits limits{.rate = {.rate_per_s = 1, .burst = 5'000},
                          .concurrency_max = kConcurrency};
  std::atomic<std::size_t> inside{0};
  std::atomic<int> admitted{0};
  std::atomic<bool> exceeded{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) {
        Decision decision =
            Ask{.limits = limits, .commands = {{"a", 2}}}.of(throttle, at(seconds(0)));
        if (!decision.admitted()) continue;
        ++admitted;
        if (inside.fetch_add(1) + 1 > 2) exceeded = true;
        inside.fetch_sub(1);
        decision.permit.release(at(seconds(0)));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(exceeded);
  const Decision last = Ask{.limits = limits}.of(throttle, at(seconds(0)));
  // Every admission cost one token, and no refusal cost any.
  EXPECT_EQ(last.admitted() ? last.rate.remaining + 1 : 0U,
            static_cast<std::uint32_t>(std::max(5'000 - admitted.load(), 0)));
  EXPECT_GE(admitted.load(), 2'500);
}

}  // namespace
}  // namespace millrace::ratelimit
