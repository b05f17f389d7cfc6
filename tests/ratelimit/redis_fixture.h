// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "ratelimit/redis_store.h"
#include "tests/ratelimit/poll_loop.h"
#include "tests/support/redis_server.h"

namespace millrace::ratelimit {

struct Ask {
  std::string user = "user:a";
  UserLimits limits{};
  std::vector<CommandLimit> commands{};
  base::Duration cpu{};
};

// What one store said to its observer.
class Seen final : public RedisStore::Observer {
 public:
  void decided_by_redis() override { ++by_redis; }
  void fell_back(FallBack reason) override { ++by_share[static_cast<std::size_t>(reason)]; }
  void answered_late() override { ++late; }
  void state_changed(bool redis_decides, std::string_view problem) override {
    states.push_back(redis_decides);
    problems.emplace_back(problem);
  }
  [[nodiscard]] int of(FallBack reason) const { return by_share[static_cast<std::size_t>(reason)]; }

  int by_redis = 0;
  int late = 0;
  std::array<int, 4> by_share = {};
  std::vector<bool> states;
  std::vector<std::string> problems;
};

// A gateway's worth: a store and the share beside it.
struct Gateway {
  Gateway(const RedisOptions& options, PollLoop& l)
      : loop(l), store(std::make_unique<RedisStore>(options, l, share, seen)) {}

  Decision decide(const Ask& ask) {
    std::optional<Decision> decision;
    store->decide({ask.user, ask.limits, ask.commands, ask.cpu},
                  [&](Decision d) { decision = std::move(d); });
    EXPECT_TRUE(loop.run_until([&] { return decision.has_value(); }));
    return std::move(decision).value_or(Decision{});
  }
  bool wait_for_redis() {
    return loop.run_until([this] { return store->redis_decides(); });
  }

  PollLoop& loop;
  Throttle share{Throttle::Options{}};
  Seen seen;
  std::unique_ptr<RedisStore> store;
};

class RedisStoreTest : public testing::Test {
 protected:
  RedisStoreTest() { std::signal(SIGPIPE, SIG_IGN); }

  // Patient unless a test is about slowness: a busy machine must not decide what is tested.
  [[nodiscard]] RedisOptions patient(std::size_t gateways_count = 2) const {
    RedisOptions options;
    options.host = "127.0.0.1";
    options.port = server.port();
    options.gateways_count = gateways_count;
    options.answer_max = std::chrono::seconds(5);
    options.silent_max = std::chrono::seconds(30);
    return options;
  }
  // What the server holds in a pool: slots, by the score of its sum.
  [[nodiscard]] std::string held(const std::string& pool) const {
    return server.ask({"ZSCORE", "millrace:" + pool, "held"});
  }

  test::RedisServer server;
  PollLoop loop;
};

}  // namespace millrace::ratelimit
