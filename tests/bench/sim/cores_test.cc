// SPDX-License-Identifier: Apache-2.0
#include "bench/sim/cores.h"

#include <gtest/gtest.h>

namespace millrace::bench::sim {
namespace {

using namespace std::chrono_literals;

class CoresTest : public testing::Test {
 protected:
  // Milliseconds from the start until it is done; to be read after run().
  double& when_done(Cores::Thread& thread, base::Duration cpu) {
    ends_.push_back(std::make_unique<double>(-1));
    double& end = *ends_.back();
    thread.run(cpu, [this, &end] {
      end = std::chrono::duration<double, std::milli>(events_.now() - EventQueue::kStart).count();
    });
    return end;
  }
  void run(base::Duration span = 10s) { events_.run_until(events_.now() + span); }

  EventQueue events_;
  Cores cores_{events_, 2};
  std::vector<std::unique_ptr<double>> ends_;
};

TEST_F(CoresTest, AThreadDoesOneThingAfterAnother) {
  auto& thread = cores_.add_thread("a", Standing::Work);
  const double& first = when_done(thread, 10ms);
  const double& second = when_done(thread, 5ms);
  run();
  EXPECT_NEAR(first, 10, 1e-3);
  EXPECT_NEAR(second, 15, 1e-3) << "no thread has more than one core";
}

TEST_F(CoresTest, TwoCoresAreSharedByThree) {
  const double& a = when_done(cores_.add_thread("a", Standing::Work), 10ms);
  const double& b = when_done(cores_.add_thread("a", Standing::Work), 10ms);
  const double& c = when_done(cores_.add_thread("a", Standing::Work), 20ms);
  run();
  EXPECT_NEAR(a, 15, 1e-3) << "two thirds of a core each";
  EXPECT_NEAR(b, 15, 1e-3);
  EXPECT_NEAR(c, 25, 1e-3) << "then the last has one for itself";
  EXPECT_NEAR(cores_.used_ms().at("a"), 40, 1e-3);
}

TEST_F(CoresTest, ServicesGoBeforeWorkAndTheGeneratorBeforeAll) {
  Cores one(events_, 1);
  const double& work = when_done(one.add_thread("w", Standing::Work), 10ms);
  const double& service = when_done(one.add_thread("s", Standing::Service), 4ms);
  const double& generator = when_done(one.add_thread("g", Standing::Generator), 1ms);
  run();
  EXPECT_NEAR(generator, 1, 1e-3);
  EXPECT_NEAR(service, 5, 1e-3);
  EXPECT_NEAR(work, 15, 1e-3);
  EXPECT_NEAR(one.used_ms().at("w"), 10, 1e-3);
}

TEST_F(CoresTest, AStoppedThreadKeepsWhatItHasToDo) {
  auto& thread = cores_.add_thread("a", Standing::Work);
  const double& end = when_done(thread, 10ms);
  run(4ms);
  thread.stop();
  run(100ms);
  EXPECT_EQ(end, -1);
  thread.go_on();
  run();
  EXPECT_NEAR(end, 110, 1e-3);
}

TEST_F(CoresTest, WhatIsClearedIsNeverDone) {
  auto& thread = cores_.add_thread("a", Standing::Work);
  const double& end = when_done(thread, 10ms);
  run(4ms);
  thread.clear();
  run();
  EXPECT_EQ(end, -1);
  EXPECT_TRUE(thread.idle());
  EXPECT_NEAR(cores_.used_ms().at("a"), 4, 1e-3) << "what was used was used";
}

}  // namespace
}  // namespace millrace::bench::sim
