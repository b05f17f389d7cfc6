// SPDX-License-Identifier: Apache-2.0
// How a gateway treats its nodes over many requests: second tries, and asking for loads.
#include <chrono>
#include <string>

#include "pipeline/task.h"
#include "tests/gateway/gateway_fixture.h"

namespace millrace::gateway {
namespace {

using net::Awaitable;
using net::HttpExchange;

class FleetTest : public GatewayTest {
 protected:
  FleetTest() {
    config_.threads = 1;
    config_.throttle.tiers["free"] = {};
  }
  static FakeAgent::Script refuses(base::Reason reason, const pipeline::NodeLoad& load) {
    return [reason, load](HttpExchange& exchange) -> Awaitable<void> {
      auto answer = net::error_answer(base::make_error(reason, "The node says no."), "from-agent");
      answer.first.headers.set(pipeline::kLoadHeader, pipeline::to_header(load));
      (void)co_await exchange.respond(std::move(answer.first), answer.second);
    };
  }
  void ask(int times, int status) const {
    for (int i = 0; i < times; ++i) {
      ASSERT_EQ(get("/photos/" + std::to_string(i) + ".jpg?resize/w/1").status, status);
    }
  }
};

TEST_F(FleetTest, SecondTriesStayWithinTheBudget) {
  start_gateway();
  start_agent(refuses(base::Reason::CacheFull, {}), {.id = "a"});
  start_agent(refuses(base::Reason::CacheFull, {}), {.id = "b"});
  ask(100, 503);
  EXPECT_EQ(metric("millrace_gateway_retries_total"), 10);
  EXPECT_EQ(metric("millrace_gateway_retries_denied_total"), 90);
  EXPECT_EQ(agents_[0]->requests().size() + agents_[1]->requests().size(), 110U);
}

TEST_F(FleetTest, AFullFleetSeesNoSecondTries) {
  config_.agent_link.retry_ratio = 1;
  pipeline::NodeLoad load;
  load.busy = load.slots = 2;
  load.queued = 20;
  load.drain_per_s = 10;
  start_gateway();
  start_agent(refuses(base::Reason::QueueFull, load), {.id = "a"});
  start_agent(refuses(base::Reason::QueueFull, load), {.id = "b"});
  ask(300, 503);
  EXPECT_GE(metric("millrace_gateway_retries_total"), 1) << "until both are known to be full";
  EXPECT_LE(metric("millrace_gateway_retries_total"), 5);
}

TEST_F(FleetTest, AsksANodeForItsLoadWhileThereIsTraffic) {
  config_.agent_link.load_poll = std::chrono::milliseconds(10);
  start_gateway();
  const FakeAgent& agent = start_agent([](HttpExchange& exchange) -> Awaitable<void> {
    (void)co_await exchange.respond(picture_head(), "picture");
  });
  EXPECT_EQ(agent.load_questions(), 0);
  ask(1, 200);
  EXPECT_TRUE(eventually([&] { return agent.load_questions() >= 3; }))
      << "the node's answers tell no load";
}

}  // namespace
}  // namespace millrace::gateway
