// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/tier_line.h"

#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "agent/policy/lifo_switch.h"

namespace millrace::agent {
namespace {

using namespace std::chrono_literals;
using Room = TierLine::Room;

constexpr base::TimePoint kStart = base::TimePoint(1h);

WaitingTask task(TicketId id, const std::string& user, base::Duration cpu = 10ms,
                 base::TimePoint since = kStart) {
  return {id, user, base::Deadline::never(), {cpu, {}}, since};
}
TicketId serve(TierLine& line, base::TimePoint now = kStart) {
  const WaitingTask next = line.pop(now);
  line.served(next);
  return next.id;
}
// The line has learned that a task takes so long.
TierLine line_of(TierRules rules, base::Duration mean) {
  TierLine line(rules);
  (void)line.add(task(999'999, "first", mean), kStart);
  (void)serve(line);
  return line;
}

TEST(LifoSwitchTest, ABurstIsNoStandingQueue) {
  LifoSwitch order(500ms);
  order.judge(kStart, 600ms);
  EXPECT_FALSE(order.newest_first());
  order.judge(kStart + 400ms, 700ms);
  EXPECT_FALSE(order.newest_first());
  order.judge(kStart + 450ms, 499ms);
  order.judge(kStart + 900ms, 600ms);
  EXPECT_FALSE(order.newest_first()) << "the interval begins anew";
}

TEST(LifoSwitchTest, TurnsWhenItStandsAndBackWhenItDoesNot) {
  LifoSwitch order(500ms);
  order.judge(kStart, 600ms);
  order.judge(kStart + 500ms, 600ms);
  EXPECT_TRUE(order.newest_first());
  order.judge(kStart + 501ms, 499ms);
  EXPECT_FALSE(order.newest_first());
  EXPECT_EQ(order.switches(), 1U);
}

TEST(TierLineTest, StandingAboveItsDelayItServesTheNewestOfAUserFirst) {
  TierLine line({.depth_max = 100, .order = TierOrder::AdaptiveLifo, .target_delay = 1s});
  for (TicketId id = 1; id <= 4; ++id) {
    (void)line.add(task(id, "u", 10ms, kStart + id * 1ms), kStart + id * 1ms);
  }
  EXPECT_EQ(serve(line, kStart + 1100ms), 1U) << "above for a moment only";
  EXPECT_EQ(serve(line, kStart + 2200ms), 4U);
  EXPECT_EQ(serve(line, kStart + 2300ms), 3U);
  EXPECT_EQ(serve(line, kStart + 2400ms), 2U);
  const base::TimePoint later = kStart + 3s;
  for (TicketId id = 5; id <= 6; ++id) (void)line.add(task(id, "u", 10ms, later), later);
  EXPECT_EQ(serve(line, later + 1ms), 5U) << "in order again";
}

TEST(TierLineTest, TurnedRoundItServesTheNewestOfAllWhoHadNoMoreThanTheirShare) {
  TierLine line({.depth_max = 100, .order = TierOrder::AdaptiveLifo, .target_delay = 1s});
  for (TicketId id = 1; id <= 5; ++id) (void)line.add(task(id, "greedy"), kStart);
  (void)line.add(task(10, "a"), kStart);
  (void)line.add(task(11, "b"), kStart);
  // greedy's first, while the order is still the old one
  for (int i = 0; i < 3; ++i) ASSERT_LE(serve(line, kStart + 1100ms), 3U);
  const base::TimePoint now = kStart + 2200ms;
  (void)line.add(task(12, "c", 10ms, now), now);
  (void)line.add(task(6, "greedy", 10ms, now), now);
  EXPECT_EQ(serve(line, now), 12U) << "greedy's is newer, but greedy was served already";
  EXPECT_EQ(serve(line, now), 11U);
}

// A second is not long where tasks take half of it.
TEST(TierLineTest, WhatWaitsForAFewTasksOnlyIsABurst) {
  TierLine line =
      line_of({.depth_max = 100, .order = TierOrder::AdaptiveLifo, .target_delay = 1s}, 500ms);
  for (TicketId id = 1; id <= 9; ++id) (void)line.add(task(id, "u", 500ms), kStart);
  EXPECT_EQ(serve(line, kStart + 1s), 1U);
  EXPECT_EQ(serve(line, kStart + 1900ms), 2U) << "two seconds, four tasks, are the target";
  EXPECT_EQ(serve(line, kStart + 2100ms), 3U);
  EXPECT_EQ(serve(line, kStart + 4200ms), 9U) << "and it stood above for as long again";
}

TEST(TierLineTest, AFifoTierNeverTurnsRound) {
  TierLine line({.depth_max = 100, .order = TierOrder::Fifo, .target_delay = 1ms});
  for (TicketId id = 1; id <= 3; ++id) (void)line.add(task(id, "u"), kStart);
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(serve(line, kStart + i * 1h), TicketId(i));
}

TEST(TierLineTest, AFewGiantsFillItAsWellAsManySmallOnes) {
  TierLine line = line_of({.depth_max = 8}, 10ms);
  EXPECT_EQ(line.room("u", 10s), Room::Free) << "an empty line takes anything";
  (void)line.add(task(1, "u", 60ms), kStart);
  EXPECT_FALSE(line.full());
  (void)line.add(task(2, "v", 20ms), kStart);
  EXPECT_TRUE(line.full()) << "80 ms wait: eight tasks of 10 ms";
  EXPECT_EQ(line.room("w", 1ms), Room::None);
}

TEST(TierLineTest, TheNumberBindsWhenTasksAreAlike) {
  TierLine line = line_of({.depth_max = 8}, 10ms);
  for (TicketId id = 1; id <= 8; ++id) {
    const std::string user = id <= 3 ? "u" : id <= 6 ? "v" : "w";
    ASSERT_EQ(line.room(user, 10ms), Room::Free) << id;
    (void)line.add(task(id, user), kStart);
  }
  EXPECT_EQ(line.room("u", 10ms), Room::None);
  EXPECT_EQ(line.room("x", 10ms), Room::None);
}

TEST(TierLineTest, NobodyTakesTheLastPlacesAlone) {
  TierLine line({.depth_max = 20});
  for (TicketId id = 1; id <= 16; ++id) {
    ASSERT_EQ(line.room("u", 10ms), Room::Free) << id;
    ASSERT_FALSE(line.full()) << id;
    (void)line.add(task(id, "u"), kStart);
  }
  EXPECT_EQ(line.room("u", 10ms), Room::None) << "the last fifth is not for who has more than half";
  EXPECT_TRUE(line.full()) << "for whoever sends most, which is told to those who send it here";
  for (TicketId id = 17; id <= 20; ++id) {
    ASSERT_EQ(line.room("v", 10ms), Room::Free) << id;
    EXPECT_FALSE(line.add(task(id, "v"), kStart)) << "nobody goes for it";
  }
  EXPECT_EQ(line.room("v", 10ms), Room::ByDisplacing) << "by now somebody has to go";
}

TEST(TierLineTest, NobodyTakesTheLastProcessorTimeAlone) {
  TierLine line = line_of({.depth_max = 10}, 10ms);
  (void)line.add(task(1, "u", 70ms), kStart);
  EXPECT_EQ(line.room("u", 10ms), Room::Free);
  (void)line.add(task(2, "u", 10ms), kStart);
  EXPECT_EQ(line.room("u", 10ms), Room::None) << "80 of 100 ms";
  EXPECT_TRUE(line.full());
  EXPECT_EQ(line.room("v", 10ms), Room::Free);
}

// Whoever is refused is refused at once: who was let in stays, though the others send as much
// again.
TEST(TierLineTest, EqualUsersDoNotDisplaceEachOther) {
  for (const int users : {2, 5, 20, 100}) {
    TierLine line = line_of({.depth_max = 20}, 10ms);
    std::mt19937 random(11);
    std::poisson_distribution<int> arrivals(3);  // three times what is served
    std::uniform_int_distribution<int> who(1, users);
    TicketId id = 0;
    int refused = 0;
    int displaced = 0;
    for (int now = 0; now < 10'000; ++now) {
      const base::TimePoint at = kStart + now * 10ms;
      for (int left = arrivals(random); left > 0; --left) {
        const std::string user = std::to_string(who(random));
        if (line.room(user, 10ms) == Room::None) {
          ++refused;
        } else {
          displaced += line.add(task(++id, user, 10ms, at), at) ? 1 : 0;
        }
      }
      ASSERT_GT(line.depth(), 0U);
      (void)serve(line, at);
    }
    EXPECT_GT(refused, 15'000) << users;
    EXPECT_LT(displaced, refused / 200) << users;
  }
}

TEST(TierLineTest, WithoutKnownCostsTheNumberAloneBinds) {
  TierLine line({.depth_max = 3});
  for (TicketId id = 1; id <= 3; ++id) (void)line.add(task(id, "u", 0ms), kStart);
  EXPECT_TRUE(line.full());
  EXPECT_EQ(line.depth(), 3U);
}

TEST(TierLineTest, AFullLineTakesAUserWithLessInThePlaceOfTheLongest) {
  TierLine line({.depth_max = 10});
  for (TicketId id = 1; id <= 8; ++id) ASSERT_FALSE(line.add(task(id, "greedy"), kStart));
  for (TicketId id = 9; id <= 10; ++id) {
    ASSERT_FALSE(line.add(task(id, std::to_string(id)), kStart));
  }
  EXPECT_EQ(line.room("greedy", 10ms), Room::None);
  EXPECT_EQ(line.room("modest", 10ms), Room::ByDisplacing);
  EXPECT_EQ(line.room("modest", 10ms, 7), Room::None) << "it has seven more on their way";
  EXPECT_EQ(line.add(task(11, "modest"), kStart), 8U) << "the newest of the longest";
  EXPECT_EQ(line.add(task(12, "modest"), kStart), 7U);
  EXPECT_EQ(line.room("third", 10ms), Room::ByDisplacing) << "six, where an equal part is two";
  EXPECT_EQ(line.add(task(13, "third"), kStart), 6U);
  EXPECT_EQ(line.room("fourth", 10ms), Room::ByDisplacing);
  EXPECT_EQ(line.add(task(14, "fourth"), kStart), 5U);
  EXPECT_EQ(line.add(task(15, "fifth"), kStart), 4U);
  EXPECT_EQ(line.add(task(16, "sixth"), kStart), 3U);
  EXPECT_EQ(line.room("seventh", 10ms), Room::None) << "two: that happens among equals";
  EXPECT_EQ(line.depth(), 10U);
}

TEST(TierLineTest, NobodysOnlyTaskIsDisplaced) {
  TierLine line = line_of({.depth_max = 4}, 10ms);
  (void)line.add(task(1, "giant", 10s), kStart);
  EXPECT_EQ(line.room("small", 1ms), Room::None);
  TierLine many({.depth_max = 3});
  for (TicketId id = 1; id <= 3; ++id) (void)many.add(task(id, std::to_string(id)), kStart);
  EXPECT_EQ(many.room("fourth", 10ms), Room::None);
}

TEST(TierLineTest, WhenProcessorTimeBindsTheMostExpensiveUserGivesWay) {
  TierLine line = line_of({.depth_max = 10}, 10ms);
  (void)line.add(task(1, "a", 40ms), kStart);
  (void)line.add(task(2, "a", 40ms), kStart);
  (void)line.add(task(3, "b", 30ms), kStart);
  ASSERT_TRUE(line.full());
  EXPECT_EQ(line.room("c", 40ms), Room::ByDisplacing);
  EXPECT_EQ(line.room("c", 41ms), Room::None) << "it would be longer than who gave way";
  EXPECT_EQ(line.add(task(4, "c", 10ms), kStart), 2U);
}

// Whose place it would be is judged by the task that would go.
TEST(TierLineTest, TurnedRoundItIsTheOldestTaskThatGivesWay) {
  const auto room_for_12_ms = [](TierOrder order) {
    TierLine line = line_of({.depth_max = 4, .order = order, .target_delay = 1s}, 10ms);
    (void)line.add(task(1, "flood", 30ms), kStart);
    (void)line.add(task(2, "flood", 5ms), kStart + 2s);
    (void)line.add(task(3, "flood", 5ms), kStart + 4s);
    EXPECT_TRUE(line.full());
    EXPECT_EQ(line.order().newest_first(), order == TierOrder::AdaptiveLifo);
    return line.room("modest", 12ms);
  };
  EXPECT_EQ(room_for_12_ms(TierOrder::Fifo), Room::ByDisplacing) << "35 ms are left without 3";
  EXPECT_EQ(room_for_12_ms(TierOrder::AdaptiveLifo), Room::None) << "10 ms are left without 1";
}

TEST(TierLineTest, UsersShareProcessorTimeAndNotTasks) {
  TierLine line = line_of({.depth_max = 1'000}, 10ms);
  for (TicketId id = 1; id <= 100; ++id) {
    (void)line.add(task(id, "heavy", 40ms), kStart);
    (void)line.add(task(1'000 + id, "light", 10ms), kStart);
  }
  int heavy = 0;
  for (int i = 0; i < 50; ++i) heavy += serve(line) < 1'000 ? 1 : 0;
  EXPECT_NEAR(heavy, 10, 1);
}

TEST(TierLineTest, WhoAlwaysComesBackAtOnceGetsNoMoreThanWhoQueues) {
  TierLine line({.depth_max = 100});
  TicketId id = 0;
  for (int i = 0; i < 20; ++i) (void)line.add(task(++id, "queues"), kStart);
  std::map<std::string, int> served;
  for (int i = 0; i < 400; ++i) {
    if (line.depth_of("returns") == 0) (void)line.add(task(++id, "returns"), kStart);
    if (line.depth_of("queues") < 10) (void)line.add(task(++id, "queues"), kStart);
    const WaitingTask next = line.pop(kStart);
    line.served(next);
    ++served[next.user];
  }
  EXPECT_NEAR(served["queues"], 200, 3);
}

TEST(TierLineTest, AStreamOfNewUsersDoesNotKeepASecondTaskWaitingForEver) {
  TierLine line({.depth_max = 100});
  (void)line.add(task(1, "two"), kStart);
  (void)line.add(task(2, "two"), kStart);
  for (TicketId id = 10; id < 18; ++id) (void)line.add(task(id, std::to_string(id)), kStart);
  for (TicketId id = 100; id < 125; ++id) {
    if (serve(line) == 2) return;
    (void)line.add(task(id, std::to_string(id)), kStart);
  }
  FAIL() << "25 tasks later it still waits";
}

// However long a flood was alone: whoever comes is served before it, not after its whole line.
TEST(TierLineTest, AFloodThatWasAloneHasNoCreditLeft) {
  TierLine line = line_of({.depth_max = 100}, 10ms);
  TicketId id = 0;
  for (int i = 0; i < 20; ++i) (void)line.add(task(++id, "flood"), kStart);
  for (int i = 0; i < 40; ++i) {
    (void)serve(line);
    (void)line.add(task(++id, "flood"), kStart);
  }
  for (TicketId late = 1'000; late < 1'003; ++late) {
    (void)line.add(task(late, "modest"), kStart);
    EXPECT_EQ(serve(line), late);
  }
}

// One user offers a hundred times what fifty others do, and they half of what the worker can.
TEST(TierLineTest, TheFiftyDoNotNoticeTheOne) {
  // The one's tasks stand for longer than the target: that must not turn the fifty's round.
  TierLine line({.depth_max = 8, .order = TierOrder::AdaptiveLifo, .target_delay = 50ms});
  std::mt19937 random(7);
  std::exponential_distribution<double> gap(0.5);  // of the fifty: half a task a service time
  std::uniform_int_distribution<int> who(1, 50);
  double next_modest = gap(random);
  TicketId id = 0;
  int refused = 0;
  int displaced = 0;
  double longest_wait = 0;
  std::map<TicketId, double> since;
  for (int now = 0; now < 20'000; ++now) {
    const base::TimePoint at = kStart + now * 10ms;
    for (; next_modest < now; next_modest += gap(random)) {
      const std::string user = std::to_string(who(random));
      if (line.room(user, 10ms) == Room::None) {
        ++refused;
        continue;
      }
      since[++id] = next_modest;
      const auto gone = line.add(task(id, user, 10ms, at), at);
      displaced += gone && since.contains(*gone) ? 1 : 0;
    }
    for (int i = 0; i < 50; ++i) {
      if (line.room("the one", 10ms) != Room::None)
        (void)line.add(task(++id, "the one", 10ms, at), at);
    }
    const TicketId served = serve(line, at);
    if (const auto modest = since.find(served); modest != since.end()) {
      longest_wait = std::max(longest_wait, now - modest->second);
      since.erase(modest);
    }
  }
  EXPECT_LE(refused + displaced, 3) << "of ten thousand";
  EXPECT_LE(longest_wait, 12);
}

TEST(TierLineTest, IsPressedFromThreeQuartersOn) {
  TierLine line = line_of({.depth_max = 20}, 10ms);
  EXPECT_FALSE(line.is_pressed());
  for (TicketId id = 1; id <= 14; ++id) (void)line.add(task(id, "u"), kStart);
  EXPECT_FALSE(line.is_pressed());
  (void)line.add(task(15, "u"), kStart);
  EXPECT_TRUE(line.is_pressed());
  (void)serve(line);
  EXPECT_FALSE(line.is_pressed());
  // A few giants press as well.
  TierLine giants = line_of({.depth_max = 20}, 10ms);
  (void)giants.add(task(1, "u", 149ms), kStart);
  EXPECT_FALSE(giants.is_pressed());
  (void)giants.add(task(2, "u", 1ms), kStart);
  EXPECT_TRUE(giants.is_pressed());
}

}  // namespace
}  // namespace millrace::agent
