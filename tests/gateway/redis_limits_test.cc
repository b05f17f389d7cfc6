// SPDX-License-Identifier: Apache-2.0
// Whole gateways with a real Redis: what is shared, and what happens without it.
#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/gateway/gateway_fixture.h"
#include "tests/support/redis_server.h"

namespace millrace::gateway {
namespace {

std::size_t count_of(std::string_view text, std::string_view word) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string_view::npos; ++at) {
    if (at == 0 || text[at - 1] == '\n') ++count;
  }
  return count;
}

class RedisLimitsTest : public GatewayTest {
 protected:
  RedisLimitsTest() {
    config_.threads = 2;
    config_.redis.address = "127.0.0.1:" + std::to_string(redis_.port());
    config_.redis.answer_timeout = std::chrono::milliseconds(10);  // the machine may be busy
    config_.gateways_count = 2;
    // 1 in a thousand seconds: none comes back while the test runs.
    config_.throttle.tiers["free"] = {.rate_per_s = 0.001, .burst = 10, .concurrency_max = 50};
    write_photo("a.jpg", "original");
  }
  [[nodiscard]] bool redis_decides() const { return metric("millrace_gateway_redis_threads") == 2; }

  test::RedisServer redis_;
  std::vector<std::unique_ptr<FakeAgent>> kept_;  // end after their gateways' last request
};

TEST_F(RedisLimitsTest, TwoGatewaysCountOneUserTogether) {
  start_gateway();
  ASSERT_TRUE(eventually([this] { return redis_decides(); }));
  const std::unique_ptr<Gateway> first = std::move(gateway_);
  start_gateway();
  ASSERT_TRUE(eventually([this] { return redis_decides(); }));
  int served = 0;
  int refused = 0;
  for (int i = 0; i < 20; ++i) {
    const std::uint16_t port = i % 2 == 0 ? media_port() : first->addresses().media.port;
    const Reply reply = fetch(port, "/photos/a.jpg", {}, "GET");
    if (reply.status == 200) ++served;
    if (reply.status == 429 && reason_of(reply) == "user_rate") ++refused;
    // A machine that is too busy for 10 ms would have the share of 5 decide, and say so.
    if (reply.header("x-ratelimit-limit") != "10") GTEST_FAIL() << "not decided by Redis";
  }
  EXPECT_EQ(served, 10);
  EXPECT_EQ(refused, 10);
}

TEST_F(RedisLimitsTest, AThreadHasOneConnectionAndARequestCostsOneCall) {
  config_.throttle.tiers["free"] = {.rate_per_s = 1'000, .burst = 1'000, .concurrency_max = 0};
  start_gateway();
  ASSERT_TRUE(eventually([this] { return redis_decides(); }));
  const std::string clients = redis_.ask({"CLIENT", "LIST"});
  EXPECT_EQ(count_of(clients, "id="), config_.threads + 1) << "and the one that asks";
  const auto calls = [this] {
    const std::string stats = redis_.ask({"INFO", "commandstats"});
    const std::size_t at = stats.find("cmdstat_evalsha:calls=");
    return at == std::string::npos ? 0 : std::atoi(stats.c_str() + at + 22);
  };
  // A machine too busy for 10 ms has the share decide, and Redis probed.
  for (int attempt = 0; attempt < 10; ++attempt) {
    const int before = calls();
    const double decided = metric("millrace_gateway_redis_decisions_total");
    for (int i = 0; i < 10; ++i) EXPECT_EQ(get("/photos/a.jpg").status, 200);
    if (metric("millrace_gateway_redis_decisions_total") - decided < 10) continue;
    EXPECT_EQ(calls() - before, 10);
    return;
  }
  FAIL() << "Redis never decided on ten in a row";
}

// Two slots of one user, one held by way of each gateway: a third is refused by both.
TEST_F(RedisLimitsTest, TwoGatewaysCountWhatIsInFlightTogether) {
  config_.throttle.tiers["free"] = {.rate_per_s = 0, .burst = 0, .concurrency_max = 2};
  config_.throttle.commands["resize"] = {.concurrency_max = 2};
  std::vector<std::unique_ptr<Gateway>> gateways;
  std::vector<std::uint16_t> ports;
  std::vector<FakeAgent*> agents;
  std::promise<void> go;
  const auto gone = go.get_future().share();
  for (int i = 0; i < 2; ++i) {
    start_gateway();
    agents_.clear();  // start_agent waits for as many as there are
    agents.push_back(&start_agent([gone](net::HttpExchange& exchange) -> net::Awaitable<void> {
      gone.wait();
      (void)co_await exchange.respond(picture_head(), "picture");
    }));
    ports.push_back(media_port());
    EXPECT_TRUE(eventually([this] { return redis_decides(); }));
    kept_.push_back(std::move(agents_.back()));
    gateways.push_back(std::move(gateway_));
  }
  agents_.clear();
  std::vector<std::thread> holders;
  for (std::size_t i = 0; i < 2; ++i) {
    holders.emplace_back([port = ports[i]] {
      EXPECT_EQ(fetch(port, "/photos/a.jpg?resize/w/200", {}, "GET").status, 200);
    });
    EXPECT_TRUE(eventually([&] { return agents[i]->requests().size() == 1; }));
  }
  for (const std::uint16_t port : ports) {
    const Reply refused = fetch(port, "/photos/a.jpg", {}, "GET");
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(reason_of(refused), "user_concurrency");
    EXPECT_EQ(refused.header("x-ratelimit-limit"), "2") << "not the share";
  }
  go.set_value();
  for (std::thread& holder : holders) holder.join();
  EXPECT_TRUE(
      eventually([&] { return fetch(ports[0], "/photos/a.jpg", {}, "GET").status == 200; }));
  kept_.clear();
}

TEST_F(RedisLimitsTest, WhenRedisIsKilledTheShareDecidesAndAMetricSaysSo) {
  start_gateway();
  ASSERT_TRUE(eventually([this] { return redis_decides(); }));
  redis_.kill();
  ASSERT_TRUE(eventually([this] { return metric("millrace_gateway_redis_threads") == 0; }));
  int served = 0;
  for (int i = 0; i < 20; ++i) {
    const Reply reply = get("/photos/a.jpg");
    EXPECT_EQ(reply.header("x-ratelimit-limit"), "5");
    if (reply.status == 200) ++served;
  }
  EXPECT_EQ(served, 5);
  EXPECT_EQ(metric("millrace_gateway_share_decisions_total{why=\"down\"}"), 20);
  redis_.start();
  EXPECT_TRUE(eventually([this] { return redis_decides(); }));
  EXPECT_TRUE(
      eventually([this] { return get("/photos/a.jpg").header("x-ratelimit-limit") == "10"; }));
}

TEST_F(RedisLimitsTest, WhenRedisStopsTheShareDecidesAndAMetricSaysSo) {
  start_gateway();
  ASSERT_TRUE(eventually([this] { return redis_decides(); }));
  redis_.stop();
  int served = 0;
  for (int i = 0; i < 20; ++i) {
    const auto asked_at = std::chrono::steady_clock::now();
    const Reply reply = get("/photos/a.jpg");
    EXPECT_LT(std::chrono::steady_clock::now() - asked_at, std::chrono::seconds(1));
    EXPECT_EQ(reply.header("x-ratelimit-limit"), "5");
    if (reply.status == 200) ++served;
  }
  EXPECT_EQ(served, 5);
  EXPECT_GE(metric("millrace_gateway_share_decisions_total{why=\"slow\"}"), 1);
  EXPECT_EQ(metric("millrace_gateway_share_decisions_total{why=\"slow\"}") +
                metric("millrace_gateway_share_decisions_total{why=\"down\"}"),
            20);
  redis_.resume();
  EXPECT_TRUE(eventually([this] { return redis_decides(); }));
  EXPECT_TRUE(
      eventually([this] { return get("/photos/a.jpg").header("x-ratelimit-limit") == "10"; }));
}

TEST_F(RedisLimitsTest, ServesWithoutRedisAndTakesItWhenItComes) {
  redis_.kill();
  start_gateway();
  EXPECT_EQ(get("/photos/a.jpg").header("x-ratelimit-limit"), "5");
  EXPECT_EQ(metric("millrace_gateway_redis_threads"), 0);
  redis_.start();
  EXPECT_TRUE(eventually([this] { return redis_decides(); }));
  EXPECT_TRUE(
      eventually([this] { return get("/photos/a.jpg").header("x-ratelimit-limit") == "10"; }));
}

}  // namespace
}  // namespace millrace::gateway
