// SPDX-License-Identifier: Apache-2.0
#include "bench/sim/event_queue.h"

#include <string>

#include <gtest/gtest.h>

namespace millrace::bench::sim {
namespace {

using namespace std::chrono_literals;

TEST(EventQueueTest, HappensInTheOrderOfTimesAndThenOfAsking) {
  EventQueue events;
  std::string order;
  events.after(2s, [&] { order += 'c'; });
  events.after(1s, [&] { order += 'a'; });
  events.after(1s, [&] { order += 'b'; });
  events.run_until(EventQueue::kStart + 2s);
  EXPECT_EQ(order, "abc");
}

TEST(EventQueueTest, TimeIsThatOfTheEventAndThenTheEnd) {
  EventQueue events;
  base::TimePoint seen;
  events.after(700ms, [&] { seen = events.now(); });
  events.run_until(EventQueue::kStart + 1s);
  EXPECT_EQ(seen, EventQueue::kStart + 700ms);
  EXPECT_EQ(events.now(), EventQueue::kStart + 1s);
}

TEST(EventQueueTest, WhatIsDueLaterStays) {
  EventQueue events;
  int happened = 0;
  events.after(1s, [&] { ++happened; });
  events.run_until(EventQueue::kStart + 999ms);
  EXPECT_EQ(happened, 0);
  EXPECT_EQ(events.pending(), 1U);
  events.run_until(EventQueue::kStart + 1s);
  EXPECT_EQ(happened, 1);
}

TEST(EventQueueTest, AnEventMayAskForOthersAlsoForNow) {
  EventQueue events;
  std::string order;
  events.after(1s, [&] {
    order += 'a';
    events.at(EventQueue::kStart, [&] { order += 'b'; });  // has passed: now
    events.after(1s, [&] { order += 'c'; });
  });
  events.after(1s, [&] { order += 'x'; });
  events.run_until(EventQueue::kStart + 5s);
  EXPECT_EQ(order, "axbc");
}

}  // namespace
}  // namespace millrace::bench::sim
