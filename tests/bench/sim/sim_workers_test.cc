// SPDX-License-Identifier: Apache-2.0
#include "bench/sim/sim_workers.h"

#include <gtest/gtest.h>

namespace millrace::bench::sim {
namespace {

using namespace std::chrono_literals;

class SimWorkersTest : public testing::Test {
 protected:
  void run(base::Duration span) { events_.run_until(events_.now() + span); }
  EventQueue events_;
  Cores cores_{events_, 2};
  int freed_ = 0;
  SimWorkers workers_{
      events_, cores_, {.slots = 2, .spares = 1, .start = 500ms}, [this] { ++freed_; }};
};

TEST_F(SimWorkersTest, EachDoesOneTaskAtATime) {
  const auto a = workers_.take();
  const auto b = workers_.take();
  ASSERT_TRUE(a && b);
  EXPECT_NE(*a, *b);
  EXPECT_FALSE(workers_.take());
  bool done = false;
  workers_.run(*a, 10ms, [&] { done = true; });
  run(10ms);
  EXPECT_TRUE(done);
  workers_.give_back(*a);
  EXPECT_EQ(freed_, 0) << "told later";
  run(1ms);
  EXPECT_EQ(freed_, 1);
  EXPECT_EQ(workers_.take(), a);
}

TEST_F(SimWorkersTest, ASpareReplacesWhoeverIsKilledAndTheNextMustStart) {
  const auto a = workers_.take();
  const auto b = workers_.take();
  bool done = false;
  workers_.run(*a, 10ms, [&] { done = true; });
  workers_.kill(*a);
  EXPECT_EQ(workers_.take(), a);
  workers_.kill(*b);
  EXPECT_FALSE(workers_.take()) << "the spare is used up";
  run(499ms);
  EXPECT_FALSE(workers_.take());
  run(2ms);
  EXPECT_EQ(workers_.take(), b);
  EXPECT_FALSE(done);
}

TEST_F(SimWorkersTest, AFrozenOneGoesOnWhereItStopped) {
  const auto a = workers_.take();
  bool done = false;
  workers_.run(*a, 10ms, [&] { done = true; });
  workers_.freeze(*a);
  run(1s);
  EXPECT_FALSE(done);
  workers_.thaw_all();
  run(10ms);
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace millrace::bench::sim
