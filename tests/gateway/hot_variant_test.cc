// SPDX-License-Identifier: Apache-2.0
// Variants that a node vouches for, asked for again: over real sockets, with nodes by script.
#include <atomic>

#include "pipeline/task.h"
#include "tests/gateway/gateway_fixture.h"

namespace millrace::gateway {
namespace {

using net::Awaitable;
using net::HttpExchange;

constexpr const char* kTarget = "/photos/a.jpg?resize/w/200";
constexpr const char* kAnHourMs = "3600000";

class HotVariantTest : public GatewayTest {
 protected:
  HotVariantTest() { config_.threads = 1; }
  // Says the number of the task, and that it will say the same for a while.
  Awaitable<void> vouch(HttpExchange& exchange, std::string fresh_ms, std::size_t body_bytes) {
    net::HttpHead head = picture_head();
    head.headers.set("ETag", "\"hot\"");
    head.headers.set("X-Millrace-Cache", "hit");
    if (!fresh_ms.empty()) head.headers.add(pipeline::kFreshHeader, fresh_ms);
    std::string body = "answer " + std::to_string(++asked_);
    if (body_bytes > 0) body.resize(body_bytes, '.');
    (void)co_await exchange.respond(std::move(head), body);
  }
  FakeAgent::Script vouches(const std::string& fresh_ms, std::size_t body_bytes = 0) {
    return [=, this](HttpExchange& exchange) { return vouch(exchange, fresh_ms, body_bytes); };
  }
  // So many of the answers are new from the node.
  int asked_after(const std::string& target, int requests, const Fields& fields = {}) {
    const int before = asked_;
    for (int i = 0; i < requests; ++i) EXPECT_EQ(get(target, fields).status, 200);
    return asked_ - before;
  }

  std::atomic<int> asked_{0};
};

TEST_F(HotVariantTest, TheNodeIsAskedOnce) {
  start_gateway();
  start_agent(vouches(kAnHourMs));
  const Reply first = get(kTarget);
  EXPECT_EQ(first.body, "answer 1");
  const Reply again = get(kTarget);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body, "answer 1");
  for (const char* name : {"content-type", "etag", "cache-control", "x-millrace-cache",
                           "content-length", "x-content-type-options", "timing-allow-origin"}) {
    EXPECT_EQ(again.header(name), first.header(name)) << name;
  }
  EXPECT_NE(again.header("x-reqid"), first.header("x-reqid"));
  EXPECT_EQ(again.header("x-millrace-fresh-ms"), "") << "the link's own";
  EXPECT_EQ(again.header("x-millrace-load"), "");
  EXPECT_EQ(asked_, 1);
  EXPECT_EQ(metric("millrace_gateway_hot_answers_total"), 1);
  // A request is counted when its answer has gone.
  EXPECT_TRUE(eventually([this] {
    return metric("millrace_gateway_requests_total{kind=\"variant\",reason=\"ok\"}") == 2;
  }));
  EXPECT_EQ(metric("millrace_gateway_response_body_bytes_total{kind=\"variant\"}"), 16);
}

TEST_F(HotVariantTest, HeadAndConditionsAreHeardHereToo) {
  start_gateway();
  start_agent(vouches(kAnHourMs));
  EXPECT_EQ(get(kTarget).status, 200);
  const Reply head = get(kTarget, {}, "HEAD");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-length"), "8");
  EXPECT_EQ(head.body, "");
  const Reply same = get(kTarget, {{"If-None-Match", "\"other\", \"hot\""}});
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.header("etag"), "\"hot\"");
  EXPECT_EQ(get(kTarget, {{"If-None-Match", "\"other\""}}).status, 200);
  EXPECT_EQ(asked_, 1);
}

TEST_F(HotVariantTest, AnotherVariantIsAnother) {
  start_gateway();
  start_agent(vouches(kAnHourMs));
  EXPECT_EQ(asked_after(kTarget, 2), 1);
  EXPECT_EQ(asked_after("/photos/a.jpg?resize/w/201", 2), 1);
  EXPECT_EQ(asked_after("/photos/b.jpg?resize/w/200", 2), 1);
  EXPECT_EQ(asked_after("/photos/a%2Ejpg?resize/w/200", 2), 0) << "the same key, written otherwise";
}

TEST_F(HotVariantTest, OnlyWhatANodeVouchesForIsKept) {
  start_gateway();
  std::string fresh_ms;
  start_agent([&](HttpExchange& exchange) { return vouch(exchange, fresh_ms, 0); });
  for (const char* odd : {"", "0", "-5", "soon", "99999999999", "12ms"}) {
    fresh_ms = odd;
    EXPECT_EQ(asked_after(kTarget, 2), 2) << odd;
  }
}

TEST_F(HotVariantTest, TheTimeIsTheNodes) {
  start_gateway();
  start_agent(vouches("50"));
  EXPECT_EQ(get(kTarget).body, "answer 1");
  EXPECT_TRUE(eventually([this] { return get(kTarget).body != "answer 1"; }));
}

TEST_F(HotVariantTest, AFailureIsNeverKept) {
  start_gateway();
  start_agent([this](HttpExchange& exchange) -> Awaitable<void> {
    ++asked_;
    auto refusal = net::error_answer(base::make_error(base::Reason::NoKey, "It is not there."), "");
    refusal.first.headers.add(pipeline::kFreshHeader, kAnHourMs);
    (void)co_await exchange.respond(std::move(refusal.first), refusal.second);
  });
  for (int i = 0; i < 2; ++i) EXPECT_EQ(get(kTarget).status, 404);
  EXPECT_EQ(asked_, 2);
}

TEST_F(HotVariantTest, LargeAnswersStayWithTheNode) {
  start_gateway();
  start_agent(vouches(kAnHourMs, (64 << 10) + 1));
  EXPECT_EQ(asked_after(kTarget, 2), 2);
}

TEST_F(HotVariantTest, TheConfigurationMayTurnItOff) {
  config_.agent_link.hot_answers_max = {};
  start_gateway();
  start_agent(vouches(kAnHourMs));
  EXPECT_EQ(asked_after(kTarget, 2), 2);
}

// What may be had by whom is decided before, each time.
TEST_F(HotVariantTest, LimitsHoldForHotVariantsToo) {
  config_.throttle.tiers["free"] = {.rate_per_s = 0.001, .burst = 2, .concurrency_max = 0};
  start_gateway();
  start_agent(vouches(kAnHourMs));
  EXPECT_EQ(asked_after(kTarget, 2), 1);
  const Reply refused = get(kTarget);
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(reason_of(refused), "user_rate");
}

}  // namespace
}  // namespace millrace::gateway
