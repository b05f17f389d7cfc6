// SPDX-License-Identifier: Apache-2.0
#include "discovery/beat_schedule.h"

#include <gtest/gtest.h>

namespace millrace::discovery {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class BeatScheduleTest : public testing::Test {
 protected:
  base::TimePoint now{seconds(1'000)};
  BeatSchedule schedule{{.period = milliseconds(1'000),
                         .gap_min = milliseconds(50),
                         .back_off_min = milliseconds(100),
                         .back_off_max = milliseconds(500)}};
};

TEST_F(BeatScheduleTest, FirstIsDueAtOnceAndTheNextAfterAPeriod) {
  EXPECT_LE(schedule.due(), now);
  schedule.sent(1, now);
  EXPECT_EQ(schedule.due(), now + milliseconds(1'000));
  EXPECT_FALSE(schedule.registered());
}

TEST_F(BeatScheduleTest, OneAlwaysHangsWhileTheOldIsAnswered) {
  schedule.sent(1, now);
  schedule.sent(2, now + milliseconds(1'000));
  EXPECT_EQ(schedule.due(), base::TimePoint::max());  // two are under way
  EXPECT_TRUE(schedule.answered(1, now + milliseconds(1'001)));
  EXPECT_TRUE(schedule.registered());
  EXPECT_EQ(schedule.due(), now + milliseconds(2'000));
}

TEST_F(BeatScheduleTest, NewestThatIsAnsweredIsFollowedSoonButNeverInARush) {
  schedule.sent(1, now);
  EXPECT_TRUE(schedule.answered(1, now + milliseconds(1)));
  EXPECT_EQ(schedule.due(), now + milliseconds(50));
  schedule.sent(2, now + milliseconds(50));
  EXPECT_FALSE(schedule.answered(2, now + milliseconds(3'050)));
  EXPECT_EQ(schedule.due(), now + milliseconds(3'050));
}

TEST_F(BeatScheduleTest, ChangeIsSentAtOnce) {
  schedule.sent(1, now);
  schedule.changed(now + milliseconds(400));
  EXPECT_EQ(schedule.due(), now + milliseconds(400));
  schedule.sent(2, now + milliseconds(400));
  schedule.changed(now + milliseconds(401));
  EXPECT_EQ(schedule.due(), base::TimePoint::max());
  schedule.answered(1, now + milliseconds(402));
  EXPECT_EQ(schedule.due(), now + milliseconds(450));
}

TEST_F(BeatScheduleTest, BacksOffWithJitterUpToTheCap) {
  std::uint64_t sequence = 0;
  for (const int full_ms : {100, 200, 400, 500, 500, 500}) {
    schedule.sent(++sequence, now);
    schedule.failed(sequence, now, 0.0);
    EXPECT_EQ(schedule.due(), now + milliseconds(full_ms) / 2) << sequence;
  }
  schedule.sent(++sequence, now);
  schedule.failed(sequence, now, 0.5);
  EXPECT_EQ(schedule.due(), now + milliseconds(375));
  schedule.sent(++sequence, now);
  schedule.answered(sequence, now);
  schedule.sent(++sequence, now);
  schedule.failed(sequence, now, 0.0);
  EXPECT_EQ(schedule.due(), now + milliseconds(50));  // afresh
}

TEST_F(BeatScheduleTest, OutageBeginsOnceAndEndsOnce) {
  schedule.sent(1, now);
  EXPECT_TRUE(schedule.failed(1, now, 0.5));
  schedule.sent(2, now);
  EXPECT_FALSE(schedule.failed(2, now, 0.5));
  EXPECT_FALSE(schedule.registered());
  schedule.sent(3, now);
  EXPECT_TRUE(schedule.answered(3, now));
  schedule.sent(4, now);
  EXPECT_FALSE(schedule.answered(4, now));
  schedule.sent(5, now);
  EXPECT_TRUE(schedule.failed(5, now, 0.5));
}

TEST_F(BeatScheduleTest, OnlyTheNewestCounts) {
  schedule.sent(1, now);
  schedule.sent(2, now + seconds(1));
  EXPECT_FALSE(schedule.failed(1, now + seconds(1), 0.5));
  EXPECT_EQ(schedule.due(), now + seconds(2));
  schedule.sent(3, now + seconds(2));
  EXPECT_TRUE(schedule.failed(3, now + seconds(2), 0.5));
  EXPECT_FALSE(schedule.answered(2, now + seconds(2)));  // it had been taken before the break
  EXPECT_FALSE(schedule.registered());
}

TEST_F(BeatScheduleTest, ChangeDoesNotShortenTheBackOff) {
  schedule.sent(1, now);
  schedule.failed(1, now, 0.0);
  schedule.changed(now);
  EXPECT_EQ(schedule.due(), now + milliseconds(50));
}

}  // namespace
}  // namespace millrace::discovery
