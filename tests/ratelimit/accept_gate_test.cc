// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/accept_gate.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace millrace::ratelimit {
namespace {

TEST(AcceptGateTest, GivesPermitsUpToTheLimit) {
  AcceptGate gate(2);
  EXPECT_TRUE(gate.has_room());
  EXPECT_TRUE(gate.try_acquire());
  EXPECT_TRUE(gate.try_acquire());
  EXPECT_FALSE(gate.has_room());
  EXPECT_FALSE(gate.try_acquire());
  EXPECT_EQ(gate.in_flight(), 2U);
  gate.release();
  EXPECT_TRUE(gate.has_room());
  EXPECT_TRUE(gate.try_acquire());
  EXPECT_EQ(gate.acquired_total(), 3U);
  EXPECT_EQ(gate.turned_away_total(), 1U);
}

TEST(AcceptGateTest, ALowerLimitHoldsFromTheNextPermitOn) {
  AcceptGate gate(3);
  ASSERT_TRUE(gate.try_acquire());
  ASSERT_TRUE(gate.try_acquire());
  gate.set_in_flight_max(1);
  EXPECT_EQ(gate.in_flight(), 2U);
  EXPECT_FALSE(gate.try_acquire());
  gate.release();
  EXPECT_FALSE(gate.try_acquire());
  gate.release();
  EXPECT_TRUE(gate.try_acquire());
}

TEST(AcceptGateTest, NeverExceedsTheLimitOverManyThreads) {
  constexpr std::size_t kLimit = 3;
  AcceptGate gate(kLimit);
  std::atomic<std::size_t> inside{0};
  std::atomic<bool> exceeded{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 5'000; ++n) {
        if (!gate.try_acquire()) continue;
        if (inside.fetch_add(1) + 1 > kLimit) exceeded = true;
        inside.fetch_sub(1);
        gate.release();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(exceeded);
  EXPECT_EQ(gate.in_flight(), 0U);
  EXPECT_EQ(gate.acquired_total() + gate.turned_away_total(), 30'000U);
}

TEST(AcceptGateDeathTest, APermitThatWasNeverTakenIsADefect) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  AcceptGate gate(1);
  EXPECT_DEATH(gate.release(), "");
}

}  // namespace
}  // namespace millrace::ratelimit
