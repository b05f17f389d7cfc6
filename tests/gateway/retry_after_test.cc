// SPDX-License-Identifier: Apache-2.0
#include "gateway/retry_after.h"

#include <set>

#include <gtest/gtest.h>

namespace millrace::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::set<int> all_of(base::Duration wait) {
  std::set<int> values;
  for (std::uint64_t bits = 0; bits < 1000; ++bits) {
    values.insert(std::stoi(retry_after_text(wait, bits * 0x9e3779b97f4a7c15ULL)));
  }
  return values;
}

TEST(RetryAfterTest, IsNeverLessThanTheTruth) {
  EXPECT_EQ(*all_of(milliseconds(0)).begin(), 1);
  EXPECT_EQ(*all_of(milliseconds(10)).begin(), 1);
  EXPECT_EQ(*all_of(milliseconds(1000)).begin(), 1);
  EXPECT_EQ(*all_of(milliseconds(1001)).begin(), 2);
  EXPECT_EQ(*all_of(seconds(40)).begin(), 40);
}

TEST(RetryAfterTest, SpreadsThoseWhoWereRefusedTogether) {
  EXPECT_EQ(all_of(seconds(1)), (std::set<int>{1, 2}));
  EXPECT_EQ(all_of(seconds(8)), (std::set<int>{8, 9, 10}));
  EXPECT_EQ(*all_of(seconds(1000)).rbegin(), 1030);
}

}  // namespace
}  // namespace millrace::gateway
