// SPDX-License-Identifier: Apache-2.0
// Who asks and whether they may, over real sockets: what is refused never reaches an agent.
#include <atomic>
#include <future>
#include <thread>

#include "base/crypto.h"
#include "pipeline/task.h"
#include "tests/gateway/gateway_fixture.h"

namespace millrace::gateway {
namespace {

using net::Awaitable;
using net::HttpExchange;

constexpr const char* kTarget = "/photos/a.jpg?resize/w/200";

Awaitable<void> answer_small(HttpExchange& exchange) {
  (void)co_await exchange.respond(picture_head(), "picture");
}

pipeline::NodeLoad loaded(std::uint32_t queued, double drain_per_s) {
  pipeline::NodeLoad load;
  load.busy = load.slots = 2;
  load.queued = queued;
  load.drain_per_s = drain_per_s;
  return load;
}

class AdmissionTest : public GatewayTest {
 protected:
  AdmissionTest() {
    config_.throttle.users["acme"] = {
        .tier = "paid", .access_key = "AK", .secret_key = "SK", .allowance = {}};
  }
  // A 429 says what the limit was and when to come again, also where there is no rate.
  static void expect_told(const Reply& refused, const std::string& limit) {
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(refused.header("x-ratelimit-limit"), limit);
    EXPECT_EQ(refused.header("x-ratelimit-remaining"), "0");
    EXPECT_NE(refused.header("x-ratelimit-reset"), "");
    EXPECT_GE(std::atoi(refused.header("retry-after").c_str()),
              std::atoi(refused.header("x-ratelimit-reset").c_str()));
  }
  static pipeline::Task last_task(const FakeAgent& agent) {
    return *pipeline::task_from_json(agent.requests().back().body);
  }
};

TEST_F(AdmissionTest, TellsTheNodeWhoAsksAndOfWhichTier) {
  config_.throttle.trusted_proxies = {"127.0.0.0/8"};
  start_gateway();
  const FakeAgent& agent = start_agent(answer_small);
  ASSERT_EQ(get(kTarget, {{"X-Forwarded-For", "203.0.113.9"}}).status, 200);
  EXPECT_EQ(last_task(agent).user, "ip:203.0.113.9");
  EXPECT_EQ(last_task(agent).tier, "free");
  ASSERT_EQ(get(kTarget, {{"X-Millrace-User", "acme"}}).status, 200);
  EXPECT_EQ(last_task(agent).user, "acme");
  EXPECT_EQ(last_task(agent).tier, "paid");
}

TEST_F(AdmissionTest, RefusesAboveTheRateWithoutAskingANode) {
  config_.throttle.tiers["free"] = {.rate_per_s = 1, .burst = 3, .concurrency_max = 0};
  start_gateway();
  const FakeAgent& agent = start_agent(answer_small);
  for (int left = 2; left >= 0; --left) {
    const Reply reply = get(kTarget);
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.header("x-ratelimit-limit"), "3");
    EXPECT_EQ(reply.header("x-ratelimit-remaining"), std::to_string(left));
  }
  const Reply refused = get(kTarget);
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(reason_of(refused), "user_rate");
  EXPECT_NE(refused.body.find("1 requests a second, and 3 at once"), std::string::npos);
  EXPECT_EQ(refused.header("x-ratelimit-remaining"), "0");
  const int wait_s = std::stoi(refused.header("retry-after"));
  EXPECT_GE(wait_s, 1);
  EXPECT_LE(wait_s, 2);
  EXPECT_EQ(agent.requests().size(), 3U);
  write_photo("a.jpg", "original");
  EXPECT_EQ(get("/photos/a.jpg").status, 429) << "originals count too";
  EXPECT_EQ(get("/photos/a.jpg?resice/w/1").status, 400) << "what is wrong is said first";
}

TEST_F(AdmissionTest, RefusesAboveTheConcurrency) {
  config_.throttle.tiers["free"] = {.rate_per_s = 0, .burst = 0, .concurrency_max = 1};
  start_gateway();
  std::promise<void> go;
  const FakeAgent& agent =
      start_agent([gone = go.get_future().share()](HttpExchange& exchange) -> Awaitable<void> {
        gone.wait();
        (void)co_await exchange.respond(picture_head(), "picture");
      });
  std::thread first([&] { EXPECT_EQ(get(kTarget).status, 200); });
  EXPECT_TRUE(eventually([&] { return agent.requests().size() == 1; }));
  const Reply refused = get(kTarget);
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(reason_of(refused), "user_concurrency");
  expect_told(refused, "1");
  go.set_value();
  first.join();
  EXPECT_TRUE(eventually([&] { return get(kTarget).status == 200; })) << "the slot came back";
}

TEST_F(AdmissionTest, RefusesAboveACommandsConcurrencyNotOthers) {
  config_.throttle.tiers["free"] = {};
  config_.throttle.commands["resize"] = {.concurrency_max = 1};
  start_gateway();
  std::promise<void> go;
  const FakeAgent& agent =
      start_agent([gone = go.get_future().share()](HttpExchange& exchange) -> Awaitable<void> {
        gone.wait();
        (void)co_await exchange.respond(picture_head(), "picture");
      });
  std::thread first([&] { EXPECT_EQ(get(kTarget).status, 200); });
  EXPECT_TRUE(eventually([&] { return agent.requests().size() == 1; }));
  const Reply refused = get(kTarget);
  EXPECT_EQ(reason_of(refused), "command_concurrency");
  expect_told(refused, "1");
  EXPECT_NE(refused.body.find("resize"), std::string::npos);
  go.set_value();
  EXPECT_EQ(get("/photos/a.jpg?info").status, 200);
  first.join();
}

// Of the user's own limits each counts by itself; what is not set is the tier's.
TEST_F(AdmissionTest, AUsersOwnLimitsStandInForTheTiers) {
  config_.throttle.trusted_proxies = {"127.0.0.0/8"};
  config_.throttle.tiers["paid"] = {.rate_per_s = 0.001, .burst = 2, .concurrency_max = 1};
  config_.throttle.users["fast"] = {.tier = "paid",
                                    .access_key = {},
                                    .secret_key = {},
                                    .allowance = {.rate_per_s = 0.001, .burst = 4}};
  config_.throttle.users["wide"] = {
      .tier = "paid", .access_key = {}, .secret_key = {}, .allowance = {.concurrency_max = 2}};
  start_gateway();
  write_photo("a.jpg", "original");
  for (const auto& [user, burst] : {std::pair{"acme", 2}, {"wide", 2}, {"fast", 4}}) {
    for (int i = 0; i < burst; ++i) {
      const Reply served = get("/photos/a.jpg", {{"X-Millrace-User", user}});
      EXPECT_EQ(served.status, 200) << user << i;
      EXPECT_EQ(served.header("x-ratelimit-limit"), std::to_string(burst));
    }
    EXPECT_EQ(reason_of(get("/photos/a.jpg", {{"X-Millrace-User", user}})), "user_rate") << user;
  }
}

// The place is given back before the client can know that its answer is whole.
TEST_F(AdmissionTest, WhoAsksForOneThingAfterTheOtherIsNeverInItsOwnWay) {
  config_.threads = 4;  // the next request may come to another one
  config_.throttle.tiers["free"] = {.rate_per_s = 0, .burst = 0, .concurrency_max = 1};
  start_gateway();
  write_photo("a.jpg", "original");
  write_photo("large.jpg", std::string(1 << 20, 'x'));
  start_agent([](HttpExchange& exchange) -> Awaitable<void> {
    (void)co_await exchange.respond(picture_head(), "picture");
  });
  for (int i = 0; i < 200; ++i) {
    for (const char* target : {"/photos/a.jpg", "/photos/large.jpg", kTarget}) {
      EXPECT_EQ(get(target).status, 200) << target << " " << i;
    }
  }
}

TEST_F(AdmissionTest, AUsersOwnConcurrencyStandsInForTheTiers) {
  config_.throttle.trusted_proxies = {"127.0.0.0/8"};
  config_.throttle.tiers["paid"] = {.rate_per_s = 0, .burst = 0, .concurrency_max = 1};
  config_.throttle.users["wide"] = {
      .tier = "paid", .access_key = {}, .secret_key = {}, .allowance = {.concurrency_max = 2}};
  start_gateway();
  write_photo("a.jpg", "original");
  std::promise<void> go;
  const FakeAgent& agent =
      start_agent([gone = go.get_future().share()](HttpExchange& exchange) -> Awaitable<void> {
        gone.wait();
        (void)co_await exchange.respond(picture_head(), "picture");
      });
  const auto held = [this](const std::string& user) {
    return std::thread(
        [this, user] { EXPECT_EQ(get(kTarget, {{"X-Millrace-User", user}}).status, 200); });
  };
  std::thread narrow = held("acme");
  std::thread wide = held("wide");
  EXPECT_TRUE(eventually([&] {
    return !agent.requests().empty() && metric("millrace_gateway_requests_in_flight") == 2 &&
           reason_of(get("/photos/a.jpg", {{"X-Millrace-User", "acme"}})) == "user_concurrency";
  }));
  EXPECT_EQ(get("/photos/a.jpg", {{"X-Millrace-User", "wide"}}).status, 200);
  go.set_value();
  narrow.join();
  wide.join();
}

// What a command costs is learned from the nodes, and counts against those who run it.
TEST_F(AdmissionTest, ConcurrencyCountsWhatANodeSaidOfTheCost) {
  config_.threads = 1;  // each thread learns by itself
  config_.throttle.tiers["free"] = {.rate_per_s = 0, .burst = 0, .concurrency_max = 4};
  config_.throttle.slot_cpu = std::chrono::milliseconds(20);
  start_gateway();
  std::atomic<bool> hold{false};
  const FakeAgent& agent = start_agent([&hold](HttpExchange& exchange) -> Awaitable<void> {
    const bool is_dear = exchange.request().body.find("resize") != std::string::npos;
    if (is_dear) hold.wait(true);
    net::HttpHead head = picture_head();
    const pipeline::TaskCost cost{.predicted_cpu_ms = 1, .actual_cpu_ms = is_dear ? 80.0 : 2.0};
    head.headers.set(pipeline::kCostHeader, pipeline::to_header(cost));
    (void)co_await exchange.respond(std::move(head), "picture");
  });
  const auto release = [&hold] {
    hold = false;
    hold.notify_all();
  };
  ASSERT_EQ(get(kTarget).status, 200);
  ASSERT_EQ(get("/photos/a.jpg?info").status, 200);
  hold = true;
  std::thread first([&] { EXPECT_EQ(get(kTarget).status, 200); });
  EXPECT_TRUE(eventually([&] { return agent.requests().size() == 3; }));
  EXPECT_EQ(reason_of(get("/photos/b.jpg?info")), "user_concurrency")
      << "80 ms are all four places of 20 ms";
  release();
  first.join();

  config_.throttle.slot_cpu = std::chrono::milliseconds(80);
  ASSERT_TRUE(gateway_->reload(options()));
  hold = true;
  std::thread dear([&] { EXPECT_EQ(get(kTarget).status, 200); });
  EXPECT_TRUE(eventually([&] { return agent.requests().size() == 4; }));
  std::thread beside([&] { EXPECT_EQ(get("/photos/b.jpg?info").status, 200); });
  EXPECT_TRUE(eventually([&] { return metric("millrace_gateway_requests_in_flight") == 2; }))
      << "of 80 ms each it is one place";
  release();
  dear.join();
  beside.join();
}

TEST_F(AdmissionTest, WrongTokensAreRefusedForOriginalsAndVariants) {
  start_gateway();
  const FakeAgent& agent = start_agent(answer_small);
  const std::string token = "&e=1&token=AK:AAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  EXPECT_EQ(reason_of(get(kTarget + token)), "token_invalid");
  EXPECT_EQ(get(kTarget + token).status, 401);
  EXPECT_EQ(reason_of(get("/photos/a.jpg?e=1" + token.substr(4))), "token_invalid");
  EXPECT_TRUE(agent.requests().empty());
}

TEST_F(AdmissionTest, RefusesByItselfWhenEveryQueueIsFull) {
  start_gateway();
  const FakeAgent& agent = start_agent([](HttpExchange& exchange) -> Awaitable<void> {
    auto answer = net::error_answer(base::make_error(base::Reason::QueueFull, "Full."), "x");
    answer.first.headers.set("Retry-After", "5");
    answer.first.headers.set(pipeline::kLoadHeader, pipeline::to_header(loaded(20, 10)));
    (void)co_await exchange.respond(std::move(answer.first), answer.second);
  });
  for (int i = 0; i < 200; ++i) {
    const Reply reply = get("/photos/" + std::to_string(i) + ".jpg?resize/w/1");
    ASSERT_EQ(reply.status, 503);
    ASSERT_EQ(reason_of(reply), "queue_full");
    ASSERT_GE(std::stoi(reply.header("retry-after")), 5);
    ASSERT_LE(std::stoi(reply.header("retry-after")), 6);
  }
  EXPECT_LT(agent.requests().size(), 150U);
  EXPECT_EQ(
      metric("millrace_gateway_refused_here_total") + static_cast<double>(agent.requests().size()),
      200);
  EXPECT_GT(metric("millrace_gateway_probes_total"), 0);
}

TEST_F(AdmissionTest, AsksAFullNodeForWhatItAnsweredLately) {
  config_.threads = 1;
  start_gateway();
  std::atomic<bool> full{false};
  start_agent([&full](HttpExchange& exchange) -> Awaitable<void> {
    net::HttpHead head = picture_head();
    pipeline::NodeLoad load = loaded(500, 1);
    if (full) load.full_tiers = {"free"};
    head.headers.set(pipeline::kLoadHeader, pipeline::to_header(load));
    head.headers.set("X-Millrace-Cache", "hit");
    (void)co_await exchange.respond(std::move(head), "picture");
  });
  ASSERT_EQ(get(kTarget).status, 200);
  full = true;
  int refused = 0;
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(get(kTarget).status, 200);
    refused += get("/photos/" + std::to_string(i) + ".jpg?resize/w/1").status == 503 ? 1 : 0;
  }
  EXPECT_GT(refused, 10);
}

}  // namespace
}  // namespace millrace::gateway
