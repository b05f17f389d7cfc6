// SPDX-License-Identifier: Apache-2.0
#include "gateway/user_share.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "agent/policy/tier_line.h"
#include "bench/sim/event_queue.h"
#include "gateway/full_gate.h"

namespace millrace::gateway {
namespace {

using Place = UserShare::Place;
using Seconds = std::chrono::duration<double>;

constexpr base::TimePoint kStart{std::chrono::hours(1)};

TEST(UserShareTest, WhoHasLessThanAnotherIsBehind) {
  const UserShare share;
  EXPECT_TRUE(share.is_behind("free", "a", kStart)) << "it has nothing";
  std::vector<std::unique_ptr<Place>> greedy;
  greedy.push_back(std::make_unique<Place>(share, "free", "greedy"));
  EXPECT_FALSE(share.is_behind("free", "greedy", kStart));
  EXPECT_TRUE(share.is_behind("free", "a", kStart));
  EXPECT_TRUE(share.is_behind("paid", "greedy", kStart)) << "tiers are apart";
  const Place own(share, "free", "a");
  EXPECT_FALSE(share.is_behind("free", "a", kStart)) << "one each is even";
  greedy.push_back(std::make_unique<Place>(share, "free", "greedy"));
  EXPECT_TRUE(share.is_behind("free", "a", kStart));
  greedy.clear();
  EXPECT_FALSE(share.is_behind("free", "a", kStart));
  EXPECT_TRUE(share.is_behind("free", "greedy", kStart));
}

TEST(UserShareTest, WhoWasRefusedIsNotBehindForAWhile) {
  UserShare share;
  share.refused("free", "a", kStart);
  EXPECT_FALSE(share.is_behind("free", "a", kStart + std::chrono::milliseconds(99)));
  EXPECT_TRUE(share.is_behind("free", "b", kStart));
  EXPECT_TRUE(share.is_behind("paid", "a", kStart));
  EXPECT_TRUE(share.is_behind("free", "a", kStart + std::chrono::milliseconds(100)));
  for (int i = 0; i < 100'000; ++i) share.refused("free", std::to_string(i), kStart);
  EXPECT_FALSE(share.is_behind("free", "99999", kStart));
}

// One user floods with a hundred times what a node can do, fifty others ask for half of it. The
// gate stands in front of the node's own line, in virtual time.
class Flood {
 public:
  explicit Flood(bool knows_shares) : knows_shares_(knows_shares) {}

  struct Result {
    std::uint64_t modest = 0;
    std::uint64_t modest_refused = 0;
    std::uint64_t floods_refused_here = 0;
    std::uint64_t floods_refused_there = 0;
  };
  Result run() {
    at(0, [this] { arrive(100, [] { return std::string("flood"); }); });
    at(0, [this] { arrive(0.5, [this] { return "user" + std::to_string(random_() % 50); }); });
    events_.run_until(now() + std::chrono::duration_cast<base::Duration>(Seconds(kSeconds)));
    return result_;
  }

 private:
  static constexpr std::size_t kLanes = 2;
  static constexpr std::size_t kWorkers = 2;
  static constexpr double kServiceS = 0.03;
  static constexpr double kWayS = 0.001;
  static constexpr double kSeconds = 60;
  static constexpr double kCapacity = static_cast<double>(kWorkers) / kServiceS;
  struct Request {
    std::string user;
    std::size_t lane = 0;
    std::unique_ptr<Place> place;
  };
  void at(double after_s, std::function<void()> what) {
    events_.after(std::chrono::duration_cast<base::Duration>(Seconds(after_s)), std::move(what));
  }
  double draw(double mean) { return std::exponential_distribution<double>(1 / mean)(random_); }
  [[nodiscard]] base::TimePoint now() const { return events_.now(); }

  void arrive(double times_capacity, const std::function<std::string()>& who) {
    at(draw(1 / (times_capacity * kCapacity)), [=, this] { arrive(times_capacity, who); });
    send(who());
  }
  void send(const std::string& user) {
    if (user != "flood") ++result_.modest;
    const std::size_t lane = random_() % kLanes;
    const bool behind = knows_shares_ && shares_[lane].is_behind("free", user, now());
    if (gates_[lane].is_full(now()) && !gates_[lane].try_probe(now(), behind)) {
      (user == "flood" ? result_.floods_refused_here : result_.modest_refused)++;
      return;
    }
    const std::uint64_t id = ++next_id_;
    requests_[id] = {user, lane, std::make_unique<Place>(shares_[lane], "free", user)};
    at(kWayS, [this, id] { reach_node(id); });
  }
  void reach_node(std::uint64_t id) {
    const std::string user = requests_.at(id).user;
    if (busy_ < kWorkers) {
      ++busy_;
      begin(id);
    } else if (line_.room(user, kCpu) == agent::TierLine::Room::None) {
      refuse(id);
    } else {
      const auto displaced =
          line_.add({id, user, base::Deadline::never(), {kCpu, {}}, now()}, now());
      if (displaced) refuse(*displaced);
    }
  }
  void refuse(std::uint64_t id) {
    const Request& request = requests_.at(id);
    (request.user == "flood" ? result_.floods_refused_there : result_.modest_refused)++;
    const FullNews news{.drain_per_s = kCapacity,
                        .queued = static_cast<std::uint32_t>(line_.depth())};
    at(kWayS, [this, id, news] {
      const Request& refused = requests_.at(id);
      gates_[refused.lane].note_full(news, now());
      shares_[refused.lane].refused("free", refused.user, now());
      requests_.erase(id);
    });
  }
  void begin(std::uint64_t id) {
    at(draw(kServiceS), [this, id] {
      at(kWayS, [this, id] {
        gates_[requests_.at(id).lane].note_finished();
        requests_.erase(id);
      });
      if (line_.depth() == 0) {
        --busy_;
        return;
      }
      const agent::WaitingTask next = line_.pop(now());
      line_.served(next);
      begin(next.id);
    });
  }

  static constexpr base::Duration kCpu = std::chrono::milliseconds(30);
  bool knows_shares_;
  std::vector<FullGate> gates_{kLanes, FullGate(kLanes)};
  std::vector<UserShare> shares_{kLanes};
  agent::TierLine line_{{.depth_max = 10 * kWorkers}};
  std::unordered_map<std::uint64_t, Request> requests_;
  std::mt19937_64 random_{7};
  bench::sim::EventQueue events_;
  std::uint64_t next_id_ = 0;
  std::size_t busy_ = 0;
  Result result_;
};

TEST(UserShareTest, TheFloodOfOneIsRefusedHereAndTheFiftyAreNot) {
  const Flood::Result result = Flood(true).run();
  ASSERT_GT(result.modest, 1'500U);
  EXPECT_LE(result.modest_refused, result.modest / 500) << result.modest;
  const double here = static_cast<double>(result.floods_refused_here);
  EXPECT_GT(here / (here + static_cast<double>(result.floods_refused_there)), 0.95);
}

TEST(UserShareTest, AGateThatKnowsNoSharesWouldRefuseTheFiftyToo) {
  const Flood::Result result = Flood(false).run();
  EXPECT_GT(result.modest_refused, result.modest / 4);
}

}  // namespace
}  // namespace millrace::gateway
