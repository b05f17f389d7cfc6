// SPDX-License-Identifier: Apache-2.0
// The gate in front of a simulated queue, in virtual time: arrivals without end, a node with
// workers and a bounded queue, answers that take their time on the way.
#include "gateway/full_gate.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <ostream>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "bench/sim/event_queue.h"

namespace millrace::gateway {
namespace {

using std::chrono::microseconds;
using Seconds = std::chrono::duration<double>;

constexpr base::TimePoint kStart{std::chrono::hours(1)};

struct Load {
  double offered = 20;      // times the capacity
  std::size_t threads = 2;  // of the gateway
  std::size_t gateways = 1;
  int workers = 2;
  int queue_per_worker = 10;
  double service_s = 0.03;  // mean; exponential
  double way_s = 0.001;     // of a message, one way
  bool gated = true;
  bool only_one_thread = false;  // has clients
  double seconds = 60;
};

void PrintTo(const Load& load, std::ostream* out) {
  *out << load.offered << "x, threads " << load.threads << "x" << load.gateways << ", workers "
       << load.workers << "x" << load.queue_per_worker << ", service " << load.service_s
       << " s, way " << load.way_s << " s" << (load.only_one_thread ? ", one busy thread" : "");
}

struct Result {
  double goodput = 0;       // done, of what the workers could do
  double refused_here = 0;  // of all refusals
  std::uint64_t offered = 0;
  std::uint64_t done = 0;
};

class Simulation {
 public:
  explicit Simulation(const Load& load)
      : load_(load),
        gates_(load.threads * load.gateways, FullGate(load.threads)),
        capacity_per_s_(load.workers / load.service_s) {}

  Result run() {
    at(draw(1 / (load_.offered * capacity_per_s_)), [this] { arrive(); });
    events_.run_until(now() + std::chrono::duration_cast<base::Duration>(Seconds(load_.seconds)));
    Result result{.offered = offered_, .done = done_};
    result.goodput = static_cast<double>(done_) / (capacity_per_s_ * load_.seconds);
    const double refused = static_cast<double>(refused_here_ + refused_there_);
    result.refused_here = refused > 0 ? static_cast<double>(refused_here_) / refused : 0;
    return result;
  }

 private:
  void at(double after_s, std::function<void()> what) {
    events_.after(std::chrono::duration_cast<base::Duration>(Seconds(after_s)), std::move(what));
  }
  double draw(double mean) { return std::exponential_distribution<double>(1 / mean)(random_); }
  [[nodiscard]] base::TimePoint now() const { return events_.now(); }

  void arrive() {
    ++offered_;
    at(draw(1 / (load_.offered * capacity_per_s_)), [this] { arrive(); });
    const std::size_t lane = load_.only_one_thread ? 0 : random_() % gates_.size();
    if (load_.gated && gates_[lane].is_full(now()) && !gates_[lane].try_probe(now())) {
      ++refused_here_;
      return;
    }
    at(load_.way_s, [this, lane] { reach_node(lane); });
  }
  void reach_node(std::size_t lane) {
    if (busy_ < load_.workers) {
      ++busy_;
      begin(lane);
    } else if (queue_.size() < static_cast<std::size_t>(load_.workers) *
                                   static_cast<std::size_t>(load_.queue_per_worker)) {
      queue_.push_back(lane);
    } else {
      ++refused_there_;
      const FullNews news = news_now();
      at(load_.way_s, [this, lane, news] { gates_[lane].note_full(news, now()); });
    }
  }
  void begin(std::size_t lane) {
    at(draw(load_.service_s), [this, lane] {
      ++done_;
      at(load_.way_s, [this, lane] { gates_[lane].note_finished(); });
      if (queue_.empty()) {
        --busy_;
        return;
      }
      const std::size_t next = queue_.front();
      queue_.pop_front();
      begin(next);
    });
  }
  [[nodiscard]] FullNews news_now() const {
    return {.drain_per_s = capacity_per_s_, .queued = static_cast<std::uint32_t>(queue_.size())};
  }

  Load load_;
  std::vector<FullGate> gates_;
  double capacity_per_s_;
  std::mt19937_64 random_{7};
  bench::sim::EventQueue events_;
  int busy_ = 0;
  std::deque<std::size_t> queue_;
  std::uint64_t offered_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t refused_here_ = 0;
  std::uint64_t refused_there_ = 0;
};

Result simulate(const Load& load) { return Simulation(load).run(); }

class FullGateQueueTest : public testing::TestWithParam<Load> {};

TEST_P(FullGateQueueTest, NeverLetsTheQueueRunEmpty) {
  Load load = GetParam();
  const Result gated = simulate(load);
  load.gated = false;
  const Result open = simulate(load);
  EXPECT_GE(gated.goodput, 0.995 * open.goodput);
}

INSTANTIATE_TEST_SUITE_P(
    Loads, FullGateQueueTest,
    testing::Values(Load{.offered = 1.05, .seconds = 600}, Load{.offered = 1.5, .seconds = 300},
                    Load{.offered = 3}, Load{.offered = 20},
                    Load{.offered = 20, .queue_per_worker = 4}, Load{.offered = 20, .threads = 1},
                    Load{.offered = 20, .threads = 16},
                    Load{.offered = 20, .threads = 8, .gateways = 4},
                    Load{.offered = 20, .threads = 4, .only_one_thread = true},
                    Load{.offered = 20, .way_s = 0.02},
                    Load{.offered = 20, .queue_per_worker = 4, .service_s = 0.003, .seconds = 15},
                    Load{.offered = 20, .workers = 32, .service_s = 0.01, .seconds = 5},
                    Load{.offered = 5,
                         .workers = 64,
                         .queue_per_worker = 4,
                         .service_s = 0.002,
                         .way_s = 0.0005,
                         .seconds = 1},
                    Load{.offered = 20, .service_s = 2, .seconds = 600}));

TEST(FullGateTest, RefusesMostOfAnOverloadHere) {
  EXPECT_GT(simulate({.offered = 20}).refused_here, 0.8);
  EXPECT_GT(simulate({.offered = 20, .threads = 1}).refused_here, 0.8);
  EXPECT_GT(simulate({.offered = 100}).refused_here, 0.95);
}

TEST(FullGateTest, RefusesNobodyBelowCapacity) {
  const Result result = simulate({.offered = 0.5});
  EXPECT_EQ(result.refused_here, 0);
  EXPECT_GE(static_cast<double>(result.done), 0.99 * static_cast<double>(result.offered));
}

TEST(FullGateTest, PassesEverythingWithoutNews) {
  FullGate gate;
  EXPECT_FALSE(gate.is_full(kStart));
  gate.note_full({.drain_per_s = 100, .queued = 20}, kStart);
  EXPECT_TRUE(gate.is_full(kStart));
  EXPECT_FALSE(gate.is_full(kStart + std::chrono::milliseconds(40)));
}

TEST(FullGateTest, LetsOneTryForEachThatIsDone) {
  FullGate gate(1000);
  gate.note_full({.drain_per_s = 10, .queued = 400}, kStart);
  EXPECT_TRUE(gate.try_probe(kStart));
  EXPECT_FALSE(gate.try_probe(kStart));
  gate.note_finished();
  EXPECT_TRUE(gate.try_probe(kStart));
  EXPECT_FALSE(gate.try_probe(kStart));
}

TEST(FullGateTest, SaysWhatTheNodeSaid) {
  FullGate gate;
  EXPECT_EQ(gate.retry_after(), std::chrono::seconds(1));
  gate.note_full({.drain_per_s = 1, .queued = 20, .retry_after = std::chrono::seconds(7)}, kStart);
  gate.note_full({.drain_per_s = 1, .queued = 20}, kStart);
  EXPECT_EQ(gate.retry_after(), std::chrono::seconds(7));
}

}  // namespace
}  // namespace millrace::gateway
