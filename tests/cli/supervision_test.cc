// SPDX-License-Identifier: Apache-2.0
#include "cli/supervision.h"

#include <gtest/gtest.h>

namespace millrace::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr ChildEnd kKilled{.by_signal = true, .number = 9};
constexpr ChildEnd kRefused{.by_signal = false, .number = 78};
constexpr ChildEnd kStopped{.by_signal = false, .number = 0};

class SupervisionTest : public testing::Test {
 protected:
  // Starts, lives for `life`, ends.
  std::optional<base::Duration> live(base::Duration life, const ChildEnd& end) {
    supervision_.started(now_);
    now_ += life;
    return supervision_.ended(end, now_);
  }
  Supervision supervision_;
  base::TimePoint now_{std::chrono::hours(1)};
};

TEST_F(SupervisionTest, GivesUpOnAChildThatRefusesToStart) {
  EXPECT_EQ(live(milliseconds(5), kRefused), std::nullopt);
}

TEST_F(SupervisionTest, GivesUpOnAChildThatEndsWithoutHavingServed) {
  EXPECT_EQ(live(seconds(60), kStopped), std::nullopt);
}

TEST_F(SupervisionTest, TriesACrashAtStartAFewTimes) {
  for (int i = 0; i < 4; ++i) EXPECT_NE(live(milliseconds(5), kKilled), std::nullopt) << i;
  EXPECT_EQ(live(milliseconds(5), kKilled), std::nullopt);
}

TEST_F(SupervisionTest, RestartsAtOnceTheFirstTime) {
  supervision_.became_up();
  EXPECT_EQ(live(milliseconds(5), kKilled), base::Duration::zero());
}

TEST_F(SupervisionTest, RestartsWhateverTheStatusOnceItHasServed) {
  supervision_.became_up();
  EXPECT_EQ(live(seconds(1), kStopped), base::Duration::zero());
  EXPECT_NE(live(seconds(1), kRefused), std::nullopt);
}

TEST_F(SupervisionTest, WaitsLongerEachTimeUpToALimit) {
  supervision_.became_up();
  base::Duration last{};
  for (int i = 0; i < 40; ++i) {
    const auto wait = live(milliseconds(5), kKilled);
    ASSERT_TRUE(wait);
    EXPECT_GE(*wait, last);
    EXPECT_LE(*wait, seconds(10));
    if (i == 1) {
      EXPECT_EQ(*wait, milliseconds(250));
    }
    if (i == 3) {
      EXPECT_EQ(*wait, seconds(1));
    }
    last = *wait;
  }
  EXPECT_EQ(last, seconds(10));
}

TEST_F(SupervisionTest, ForgivesAfterASteadyLife) {
  supervision_.became_up();
  for (int i = 0; i < 6; ++i) (void)live(milliseconds(5), kKilled);
  EXPECT_EQ(live(seconds(31), kKilled), base::Duration::zero());
}

TEST(ChildEndTest, SaysHowItEnded) {
  EXPECT_EQ(kKilled.text(), "signal 9");
  EXPECT_EQ(kRefused.text(), "exit status 78");
}

}  // namespace
}  // namespace millrace::cli
