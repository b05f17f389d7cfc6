// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/user_table.h"

#include <string>

#include <gtest/gtest.h>

namespace millrace::ratelimit {
namespace {

using base::Duration;
using base::TimePoint;
using std::chrono::milliseconds;
using std::chrono::seconds;

TimePoint at(Duration since_start) { return TimePoint(std::chrono::hours(1)) + since_start; }
constexpr RateLimit kOneASecond{.rate_per_s = 1, .burst = 10};

// Finds or adds the user and takes `requests` of its rate.
User* come(UserTable& table, const std::string& key, TimePoint now, int requests = 1) {
  User* const user = table.find_or_add(key, false, now);
  if (user == nullptr) return nullptr;
  for (int i = 0; i < requests; ++i) user->rate.take(kOneASecond, now);
  return user;
}

TEST(UserTableTest, AKnownUserKeepsItsPlace) {
  UserTable table(100);
  User* const first = come(table, "a", at(seconds(0)));
  for (int i = 0; i < 90; ++i) come(table, "other" + std::to_string(i), at(seconds(0)));
  EXPECT_EQ(come(table, "a", at(seconds(0))), first);
  EXPECT_EQ(table.size(), 91U);
}

TEST(UserTableTest, ForgetsWhoeverIsLikeANewUser) {
  UserTable table(100);
  for (int i = 0; i < 10; ++i) come(table, std::to_string(i), at(seconds(0)), 1 + i);
  EXPECT_EQ(table.size(), 10U);
  come(table, "a", at(milliseconds(3'500)));  // the first three owe nothing any more
  EXPECT_EQ(table.size(), 8U);
  come(table, "b", at(seconds(100)));
  EXPECT_EQ(table.size(), 1U);
}

TEST(UserTableTest, FullOfActiveUsersItTakesNoMore) {
  UserTable table(3);
  come(table, "a", at(seconds(0)), 5);
  come(table, "b", at(seconds(0)), 2);
  come(table, "c", at(seconds(0)), 5);
  EXPECT_EQ(come(table, "d", at(seconds(1))), nullptr);
  EXPECT_NE(come(table, "a", at(seconds(1))), nullptr);
  EXPECT_NE(table.find_or_add("extra", true, at(seconds(1))), nullptr);
  EXPECT_EQ(table.size(), 4U);
  // Two users' debts are over: room for one within the three.
  EXPECT_NE(come(table, "d", at(seconds(2))), nullptr);
  EXPECT_EQ(table.size(), 3U);
}

TEST(UserTableTest, WhoeverHoldsSomethingIsNotForgotten) {
  UserTable table(1);
  User* const holder = table.find_or_add("a", false, at(seconds(0)));
  holder->slots.take(whole_slots(1), at(seconds(0)));
  EXPECT_EQ(table.find_or_add("b", false, at(seconds(1'000))), nullptr);
  EXPECT_EQ(table.find_or_add("a", false, at(seconds(1'000))), holder);
  holder->slots.give_back_untimed(whole_slots(1));
  EXPECT_NE(table.find_or_add("b", false, at(seconds(1'001))), nullptr);
  EXPECT_EQ(table.size(), 1U);
}

TEST(UserTableTest, AStreamOfNewUsersStaysWithinTheBound) {
  UserTable table(1'000);
  for (int i = 0; i < 100'000; ++i) {
    // Each owes a second; 800 come in a second, so there is always room.
    ASSERT_NE(come(table, std::to_string(i), at(std::chrono::microseconds(1'250 * i))), nullptr);
    ASSERT_LE(table.size(), 1'000U);
  }
}

}  // namespace
}  // namespace millrace::ratelimit
