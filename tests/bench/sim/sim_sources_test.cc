// SPDX-License-Identifier: Apache-2.0
#include "bench/sim/sim_sources.h"

#include <gtest/gtest.h>

namespace millrace::bench::sim {
namespace {

using namespace std::chrono_literals;
using base::Reason;

class SimSourcesTest : public testing::Test {
 protected:
  static SimServer server() {
    SimServer server;
    for (const char* state : {"healthy", "slow", "hang", "refuse", "local"}) {
      Bucket bucket;
      bucket.name = bucket.origin = state;
      server.buckets[state] = bucket;
    }
    server.agent.fetch.downloads_per_origin_max = 2;
    server.agent.fetch.waiting_per_origin_max = 1;
    return server;
  }
  // What came, or -1: nothing yet; 0: the original; else the reason.
  struct Got {
    int outcome = -1;
    base::TimePoint at;
    std::shared_ptr<SimSources::Waiter> waiter;
    [[nodiscard]] bool is(Reason reason) const { return outcome == 1 + static_cast<int>(reason); }
  };
  std::shared_ptr<Got> get(const std::string& bucket, const std::string& key,
                           base::Duration patience = 60s) {
    auto got = std::make_shared<Got>();
    got->waiter = sources_.get(bucket, key, 1e6, base::Deadline::after(events_.now(), patience),
                               [this, got](const base::Result<SimSources::Version>& version) {
                                 got->outcome =
                                     version ? 0 : 1 + static_cast<int>(version.error().reason);
                                 got->at = events_.now();
                               });
    return got;
  }
  void run(base::Duration span) { events_.run_until(events_.now() + span); }

  EventQueue events_;
  SimServer server_ = server();
  SimCosts costs_;
  SimCache cache_{server_.agent.cache};
  SimSources sources_{
      events_, server_, costs_, cache_,
      [this](base::Duration cpu, EventQueue::Action then) { events_.after(cpu, std::move(then)); }};
};

TEST_F(SimSourcesTest, OneDownloadHoweverManyWaitAndThenItIsFresh) {
  const auto a = get("healthy", "a");
  const auto b = get("healthy", "a");
  EXPECT_EQ(a->outcome, -1);
  run(100ms);
  EXPECT_EQ(a->outcome, 0);
  EXPECT_EQ(b->at, a->at);
  EXPECT_EQ(get("healthy", "a")->outcome, 0) << "at once";
  run(server_.agent.cache.source_fresh);
  EXPECT_EQ(get("healthy", "a")->outcome, -1) << "asked after again";
}

TEST_F(SimSourcesTest, OriginsFailInTheirWays) {
  const auto refused = get("refuse", "a");
  const auto hung = get("hang", "a");
  const auto slow = get("slow", "a");
  run(100ms);
  EXPECT_TRUE(refused->is(Reason::OriginFailed));
  EXPECT_EQ(slow->outcome, -1);
  run(2'100ms);
  EXPECT_EQ(slow->outcome, 0);
  EXPECT_EQ(hung->outcome, -1);
  run(15s);
  EXPECT_TRUE(hung->is(Reason::OriginFailed)) << "no byte within the bucket's time";
}

TEST_F(SimSourcesTest, ADeadOriginTiesUpItsOwnPlacesAndNoOther) {
  const auto a = get("hang", "a", 1s);
  const auto b = get("hang", "b");
  const auto waits = get("hang", "c");
  const auto full = get("hang", "d");
  const auto other = get("local", "a");
  run(100ms);
  EXPECT_TRUE(full->is(Reason::QueueFull));
  EXPECT_EQ(other->outcome, 0);
  run(1s);
  EXPECT_TRUE(a->is(Reason::Deadline));
  sources_.become("hang", "healthy");
  run(100ms);
  EXPECT_EQ(waits->outcome, 0) << "it had the place of the first";
  EXPECT_EQ(b->outcome, 0) << "an origin that is well again answers what it was asked";
}

TEST_F(SimSourcesTest, WhatNobodyWaitsForIsGivenUp) {
  const auto a = get("hang", "a");
  const auto b = get("hang", "b");
  const auto waits = get("hang", "c");
  sources_.leave(a->waiter);
  sources_.become("hang", "healthy");
  run(100ms);
  EXPECT_EQ(a->outcome, -1);
  EXPECT_EQ(waits->outcome, 0);
}

}  // namespace
}  // namespace millrace::bench::sim
