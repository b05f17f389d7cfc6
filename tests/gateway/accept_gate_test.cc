// SPDX-License-Identifier: Apache-2.0
// The accept gate of a whole gateway with two threads: what is full, slow or idle on the media port
// harms neither those who behave nor the port that tells health.
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/gateway/gateway_fixture.h"

namespace millrace::gateway {
namespace {

using namespace std::chrono_literals;
using net::Awaitable;
using net::HttpExchange;

constexpr const char* kTarget = "/photos/a.jpg?resize/w/200";
constexpr const char* kGet = "GET /photos/a.jpg HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr const char* kHalfHead = "GET /photos/a.jpg HTTP/1.1\r\nHo";
constexpr const char* kHalfBody =
    "GET /photos/a.jpg HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc";

class AcceptGateTest : public GatewayTest {
 protected:
  AcceptGateTest() {
    config_.throttle.tiers["free"] = {};
    write_photo("a.jpg", "original");
  }
  void expect_health() const {
    for (const char* method : {"GET", "HEAD"}) {
      for (const char* path : {"/livez", "/metrics", "/version"}) {
        EXPECT_EQ(fetch(ops_port(), path, {}, method).status, 200) << method << path;
      }
    }
  }
  [[nodiscard]] double in_flight() const { return metric("millrace_gateway_requests_in_flight"); }
  [[nodiscard]] double timed_out(const std::string& phase) const {
    return metric("millrace_http_connections_timed_out_total{phase=\"" + phase +
                  "\",server=\"media\"}");
  }
  [[nodiscard]] std::vector<std::unique_ptr<RawClient>> connect_many(int count,
                                                                     std::string_view bytes) const {
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < count; ++i) {
      clients.push_back(std::make_unique<RawClient>(media_port()));
      if (!bytes.empty()) clients.back()->send(bytes);
    }
    return clients;
  }
};

TEST_F(AcceptGateTest, WithoutAPermitNothingFurtherIsReadOnAnyThread) {
  config_.requests_in_flight_max = 2;
  start_gateway();
  std::promise<void> go;
  start_agent([gone = go.get_future().share()](HttpExchange& exchange) -> Awaitable<void> {
    gone.wait();
    (void)co_await exchange.respond(picture_head(), "picture");
  });
  auto kept = connect_many(8, {});  // accepted before, some by each thread
  EXPECT_TRUE(
      eventually([&] { return metric("millrace_http_connections{server=\"media\"}") == 8; }));
  std::vector<std::thread> held;
  for (int i = 0; i < 2; ++i) {
    held.emplace_back([this] { EXPECT_EQ(get(kTarget).status, 200); });
  }
  EXPECT_TRUE(eventually([&] { return in_flight() == 2; }));
  auto newcomers = connect_many(8, kGet);
  for (const auto& client : kept) client->send(kGet);
  EXPECT_TRUE(eventually(
      [&] { return metric("millrace_http_connections_waiting{server=\"media\"}") == 8; }));
  expect_health();
  EXPECT_EQ(in_flight(), 2);
  EXPECT_EQ(metric("millrace_http_connections_accepted_total{server=\"media\"}"), 10)
      << "the newcomers wait in the kernel";
  go.set_value();
  for (std::thread& thread : held) thread.join();
  for (const auto& client : kept) EXPECT_EQ(client->read_reply().body, "original");
  for (const auto& client : newcomers) EXPECT_EQ(client->read_reply().body, "original");
}

TEST_F(AcceptGateTest, SlowClientsHoldNoPermitAndAreEndedAtTheirDeadline) {
  config_.requests_in_flight_max = 1;
  config_.limits.server.header_timeout = 700ms;
  config_.limits.server.body_timeout = 700ms;
  start_gateway();
  auto heads = connect_many(10, kHalfHead);
  auto bodies = connect_many(10, kHalfBody);
  EXPECT_TRUE(
      eventually([&] { return metric("millrace_http_connections{server=\"media\"}") == 20; }));
  EXPECT_EQ(get("/photos/a.jpg").status, 200) << "the one permit is free";
  expect_health();
  for (const auto& client : heads) EXPECT_EQ(client->read_reply().status, 408);
  for (const auto& client : bodies) EXPECT_EQ(client->read_reply().status, 408);
  EXPECT_TRUE(eventually([&] { return timed_out("head") == 10 && timed_out("body") == 10; }));
  heads.clear();
  bodies.clear();
  EXPECT_TRUE(
      eventually([&] { return metric("millrace_http_connections{server=\"media\"}") == 0; }));
  EXPECT_EQ(in_flight(), 0);
}

TEST_F(AcceptGateTest, WhenIdlersHaveAllConnectionsTheOldestGivesWay) {
  config_.limits.server.connections_max = 40;
  start_gateway();
  const auto idlers = connect_many(200, {});
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(get("/photos/a.jpg").status, 200) << i;
    expect_health();
  }
  EXPECT_TRUE(
      eventually([&] { return metric("millrace_http_connections{server=\"media\"}") <= 40; }));
  EXPECT_GE(metric("millrace_http_connections_pushed_out_total{phase=\"idle\",server=\"media\"}"),
            150);
}

TEST_F(AcceptGateTest, ABodyThatNobodyNeedsIsNotKept) {
  start_gateway();
  RawClient client(media_port());
  client.send("POST /photos/a.jpg HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_EQ(client.read_reply().status, 413) << "before a byte of it is read";
}

}  // namespace
}  // namespace millrace::gateway
