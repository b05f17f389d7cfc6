// SPDX-License-Identifier: Apache-2.0
#include "net/connection_limit.h"

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace millrace::net {
namespace {

using namespace std::chrono_literals;

class ConnectionLimitTest : public ::testing::Test {
 protected:
  std::shared_ptr<ConnectionLimit::Share> join(const std::string& name) {
    return limit_.join(
        [this, name](Phase phase) { told_.push_back(name + " " + std::string(word_of(phase))); });
  }
  static base::TimePoint at(std::chrono::seconds second) { return base::TimePoint(second); }
  void open(int count) {
    for (int i = 0; i < count; ++i) limit_.opened();
  }

  ConnectionLimit limit_{3};
  std::vector<std::string> told_;
};

TEST_F(ConnectionLimitTest, BelowTheBoundThereIsRoom) {
  EXPECT_TRUE(limit_.may_open());
  open(2);
  EXPECT_TRUE(limit_.may_open());
  EXPECT_FALSE(limit_.over());
}

TEST_F(ConnectionLimitTest, AtTheBoundOneMoreMayComeWhenSomebodyGivesWay) {
  const auto share = join("a");
  open(3);
  EXPECT_FALSE(limit_.may_open());
  share->publish(Phase::Handling, at(1s));
  share->publish(Phase::Writing, at(1s));
  EXPECT_FALSE(limit_.may_open()) << "what is being answered never gives way";
  share->publish(Phase::Idle, at(1s));
  EXPECT_TRUE(limit_.may_open());
}

TEST_F(ConnectionLimitTest, TheOldestOfAllSharesGoes) {
  const auto a = join("a");
  const auto b = join("b");
  a->publish(Phase::Idle, at(7s));
  b->publish(Phase::Idle, at(5s));
  EXPECT_TRUE(limit_.push_out());
  b->publish(Phase::Idle, at(9s));
  EXPECT_TRUE(limit_.push_out());
  EXPECT_EQ(told_, (std::vector<std::string>{"b idle", "a idle"}));
}

TEST_F(ConnectionLimitTest, IdleOnesGoBeforeUnfinishedRequestsHoweverOld) {
  const auto a = join("a");
  const auto b = join("b");
  a->publish(Phase::Head, at(1s));
  a->publish(Phase::Body, at(1s));
  b->publish(Phase::Idle, at(9s));
  EXPECT_TRUE(limit_.push_out());
  b->publish(Phase::Idle, base::TimePoint::max());
  EXPECT_TRUE(limit_.push_out());
  a->publish(Phase::Head, base::TimePoint::max());
  EXPECT_TRUE(limit_.push_out());
  a->publish(Phase::Body, base::TimePoint::max());
  EXPECT_FALSE(limit_.push_out());
  EXPECT_EQ(told_, (std::vector<std::string>{"b idle", "a head", "a body"}));
}

TEST_F(ConnectionLimitTest, WhoMustGoNoLongerCountsUntilItHasGoneOrStays) {
  const auto share = join("a");
  share->publish(Phase::Idle, at(1s));
  open(4);
  EXPECT_TRUE(limit_.over());
  EXPECT_TRUE(limit_.push_out());
  EXPECT_FALSE(limit_.over());
  limit_.settled();  // it goes on after all
  EXPECT_TRUE(limit_.over());
  EXPECT_TRUE(limit_.push_out());
  limit_.settled();
  limit_.closed();
  EXPECT_FALSE(limit_.over());
  EXPECT_EQ(limit_.open(), 3U);
}

TEST_F(ConnectionLimitTest, AShareThatLeftIsNotAsked) {
  const auto share = join("a");
  share->publish(Phase::Idle, at(1s));
  limit_.leave(share);
  EXPECT_FALSE(limit_.push_out());
  EXPECT_TRUE(told_.empty());
}

}  // namespace
}  // namespace millrace::net
