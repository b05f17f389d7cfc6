// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/store_breaker.h"

#include <gtest/gtest.h>

namespace millrace::ratelimit {
namespace {

using base::Duration;
using base::TimePoint;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Outcome = StoreBreaker::ProbeOutcome;

TimePoint at(Duration since_start) { return TimePoint(std::chrono::hours(1)) + since_start; }

StoreBreaker closed_at(TimePoint now) {
  StoreBreaker breaker({}, now);
  breaker.probe_sent();
  breaker.probe_ended(Outcome::Good, now);
  return breaker;
}

TEST(StoreBreakerTest, AsksOnlyAfterAGoodProbe) {
  StoreBreaker breaker({}, at(seconds(0)));
  EXPECT_FALSE(breaker.closed());
  EXPECT_EQ(breaker.probe_at(), at(seconds(0)));
  breaker.probe_sent();
  EXPECT_FALSE(breaker.closed());
  EXPECT_EQ(breaker.probe_at(), TimePoint::max());
  breaker.probe_ended(Outcome::Good, at(seconds(0)));
  EXPECT_TRUE(breaker.closed());
  EXPECT_EQ(breaker.probe_at(), TimePoint::max());
}

TEST(StoreBreakerTest, OpensAfterFailuresInARow) {
  StoreBreaker breaker = closed_at(at(seconds(0)));
  for (int i = 0; i < 10; ++i) {
    breaker.failed(at(seconds(1)));
    breaker.failed(at(seconds(1)));
    EXPECT_TRUE(breaker.closed());
    breaker.answered();
  }
  for (int i = 0; i < 3; ++i) breaker.failed(at(seconds(2)));
  EXPECT_FALSE(breaker.closed());
  EXPECT_EQ(breaker.probe_at(), at(seconds(2) + milliseconds(100)));
  // Those that were asked before it opened change nothing.
  for (int i = 0; i < 20; ++i) breaker.failed(at(seconds(2)));
  EXPECT_EQ(breaker.probe_at(), at(seconds(2) + milliseconds(100)));
}

TEST(StoreBreakerTest, OpensAtOnceWhenTheConnectionIsLost) {
  StoreBreaker breaker = closed_at(at(seconds(0)));
  breaker.lost(at(seconds(1)));
  EXPECT_FALSE(breaker.closed());
  EXPECT_EQ(breaker.probe_at(), at(seconds(1) + milliseconds(100)));
}

TEST(StoreBreakerTest, TriesEverLessOftenUpToABound) {
  StoreBreaker breaker = closed_at(at(seconds(0)));
  breaker.lost(at(seconds(0)));
  TimePoint now = at(seconds(0));
  for (const int wait_ms : {100, 200, 400, 800, 1'600, 2'000, 2'000}) {
    EXPECT_EQ(breaker.probe_at(), now + milliseconds(wait_ms));
    now = breaker.probe_at();
    breaker.probe_sent();
    if (wait_ms % 400 == 0) {
      breaker.lost(now);
    } else {
      breaker.probe_ended(Outcome::Bad, now);
    }
  }
}

TEST(StoreBreakerTest, AGoodProbeEndsTheBackOff) {
  StoreBreaker breaker = closed_at(at(seconds(0)));
  for (int i = 0; i < 5; ++i) breaker.lost(at(seconds(0)));
  breaker.probe_sent();
  breaker.probe_ended(Outcome::Good, at(seconds(9)));
  EXPECT_TRUE(breaker.closed());
  breaker.failed(at(seconds(9)));  // the failures of the last time are forgotten too
  EXPECT_TRUE(breaker.closed());
  breaker.lost(at(seconds(10)));
  EXPECT_EQ(breaker.probe_at(), at(seconds(10) + milliseconds(100)));
}

TEST(StoreBreakerTest, AfterALateAnswerTheNextProbeComesSoon) {
  StoreBreaker breaker = closed_at(at(seconds(0)));
  for (int i = 0; i < 5; ++i) breaker.lost(at(seconds(0)));
  breaker.probe_sent();
  breaker.probe_ended(Outcome::Late, at(seconds(5)));
  EXPECT_FALSE(breaker.closed());
  EXPECT_EQ(breaker.probe_at(), at(seconds(5) + milliseconds(100)));
}

TEST(StoreBreakerTest, AnAnswerToAProbeThatWasGivenUpChangesNothing) {
  StoreBreaker breaker({}, at(seconds(0)));
  breaker.probe_sent();
  breaker.lost(at(seconds(1)));
  breaker.probe_ended(Outcome::Good, at(seconds(1)));
  EXPECT_FALSE(breaker.closed());
}

}  // namespace
}  // namespace millrace::ratelimit
