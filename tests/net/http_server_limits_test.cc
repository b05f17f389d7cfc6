// SPDX-License-Identifier: Apache-2.0
// What a server does to clients that are too large, too slow, too many, or gone.
#include <future>

#include "net/http_server.h"
#include "tests/net/gate.h"
#include "tests/net/live.h"

namespace millrace::net {
namespace {

using namespace std::chrono_literals;
using testing::Gate;
using testing::Held;
using testing::kGet;
using testing::kPatience;
using testing::LiveServer;
using testing::ok;
using testing::Peer;
using testing::RawAnswer;

HttpServer::Options with_limits(HttpServerLimits limits) { return {.limits = limits}; }

void expect_refusal(LiveServer& live, const std::string& bytes, int status,
                    std::string_view reason) {
  Peer peer(live.endpoint());
  peer.send(bytes);
  const RawAnswer answer = peer.read_answer();
  EXPECT_EQ(answer.status, status);
  EXPECT_NE(answer.body.find("\"reason\":\"" + std::string(reason) + "\""), std::string::npos)
      << answer.body;
  EXPECT_TRUE(answer.has("Connection: close"));
  EXPECT_TRUE(peer.closed_by_peer());
}

TEST(HttpServerLimitsTest, RefusesReadably) {
  LiveServer live({}, ok());
  expect_refusal(live, "GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(1 << 20, 'a') + "\r\n\r\n",
                 431, "header_too_large");
  expect_refusal(live, "GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n", 414,
                 "target_too_long");
  expect_refusal(
      live,
      "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n" + std::string(2'000'000, 'b'),
      413, "body_too_large");
  expect_refusal(live, "nonsense\r\n\r\n", 400, "bad_target");
  EXPECT_EQ(live.counts().requests, 0u);
}

TEST(HttpServerLimitsTest, RefusalsAreTheOptionsOwn) {
  HttpServer::Options options;
  options.refusal = [](const base::Error& error) {
    HttpHead head;
    head.status = base::http_status_of(error.reason);
    return std::pair(head, std::string("mine"));
  };
  const LiveServer live(options, ok());
  Peer peer(live.endpoint());
  ASSERT_TRUE(peer.send("nonsense\r\n\r\n"));
  EXPECT_EQ(peer.read_answer().body, "mine");
}

TEST(HttpServerLimitsTest, ABodyOnGetIsReadAndTheConnectionGoesOn) {
  const LiveServer live({}, ok());
  Peer peer(live.endpoint());
  ASSERT_TRUE(peer.send("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"));
  EXPECT_EQ(peer.read_answer().status, 200);
  ASSERT_TRUE(peer.send(kGet));
  EXPECT_EQ(peer.read_answer().status, 200);
}

TEST(HttpServerLimitsTest, HalfARequestIsClosedQuietly) {
  const LiveServer live({}, ok());
  for (const char* half :
       {"GET / HT", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"}) {
    Peer peer(live.endpoint());
    ASSERT_TRUE(peer.send(half));
    peer.end_sending();
    EXPECT_EQ(peer.read_to_end(), "");
  }
}

TEST(HttpServerLimitsTest, ASlowHeadOrBodyIs408) {
  HttpServerLimits limits;
  limits.header_timeout = 150ms;
  limits.body_timeout = 150ms;
  LiveServer live(with_limits(limits), ok());
  expect_refusal(live, "GET / HTTP/1.1\r\nHo", 408, "slow_client");
  expect_refusal(live, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc", 408,
                 "slow_client");
}

TEST(HttpServerLimitsTest, AnIdleConnectionIsClosedWithoutAnAnswer) {
  HttpServerLimits limits;
  limits.idle_timeout = 150ms;
  const LiveServer live(with_limits(limits), ok());
  Peer fresh(live.endpoint());
  EXPECT_TRUE(fresh.closed_by_peer());
  Peer used(live.endpoint());
  ASSERT_TRUE(used.send(kGet));
  EXPECT_EQ(used.read_answer().status, 200);
  EXPECT_TRUE(used.closed_by_peer());
}

TEST(HttpServerLimitsTest, AReaderWithoutProgressIsSlow) {
  HttpServerLimits limits;
  limits.write_timeout = 300ms;
  const std::string endless(64 << 20, 'e');
  std::promise<base::Reason> outcome;
  LiveServer live(with_limits(limits), [&](HttpExchange& exchange) -> Awaitable<void> {
    const auto sent = co_await exchange.respond({}, endless);
    outcome.set_value(sent ? base::Reason::Internal : sent.error().reason);
  });
  Peer peer(live.endpoint());
  ASSERT_TRUE(peer.send(kGet));
  auto future = outcome.get_future();
  ASSERT_EQ(future.wait_for(kPatience), std::future_status::ready);
  EXPECT_EQ(future.get(), base::Reason::SlowClient);
  EXPECT_TRUE(live.wait_for([](const auto& counts) { return counts.connections == 0; }));
}

TEST(HttpServerLimitsTest, TheHandlerLearnsThatTheClientLeft) {
  Held held;
  LiveServer live({}, held.handler());
  {
    Peer peer(live.endpoint());
    ASSERT_TRUE(peer.send(kGet));
    ASSERT_TRUE(live.wait_for([](const auto& counts) { return counts.in_flight == 1; }));
  }
  EXPECT_TRUE(held.client_gone());
  held.open(live);
  EXPECT_TRUE(live.wait_for([](const auto& counts) { return counts.connections == 0; }));
}

TEST(HttpServerLimitsTest, TheOldestIdleConnectionMakesRoom) {
  HttpServerLimits limits;
  limits.connections_max = 2;
  const LiveServer live(with_limits(limits), ok());
  Peer oldest(live.endpoint());
  ASSERT_TRUE(oldest.send(kGet));
  EXPECT_EQ(oldest.read_answer().status, 200);
  Peer newer(live.endpoint());
  ASSERT_TRUE(newer.send(kGet));
  EXPECT_EQ(newer.read_answer().status, 200);
  Peer third(live.endpoint());
  ASSERT_TRUE(third.send(kGet));
  EXPECT_EQ(third.read_answer().status, 200);
  EXPECT_TRUE(oldest.closed_by_peer());
  ASSERT_TRUE(newer.send(kGet));
  EXPECT_EQ(newer.read_answer().status, 200);
}

TEST(HttpServerLimitsTest, WithoutAnIdleOneTheNextWaitsToBeAccepted) {
  HttpServerLimits limits;
  limits.connections_max = 1;
  Held held;
  LiveServer live(with_limits(limits), held.handler());
  Peer first(live.endpoint());
  ASSERT_TRUE(first.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  ASSERT_TRUE(live.wait_for([](const auto& counts) { return counts.in_flight == 1; }));
  Peer second(live.endpoint());
  ASSERT_TRUE(second.send(kGet));
  EXPECT_EQ(live.counts().accepted, 1u);
  held.open(live);
  EXPECT_EQ(first.read_answer().body, "held");
  EXPECT_EQ(second.read_answer().body, "held");
}

TEST(HttpServerLimitsTest, AConnectionThatBecomesIdleMakesRoom) {
  HttpServerLimits limits;
  limits.connections_max = 1;
  Held held;
  LiveServer live(with_limits(limits), held.handler());
  Peer kept(live.endpoint());
  ASSERT_TRUE(kept.send(kGet));
  ASSERT_TRUE(live.wait_for([](const auto& counts) { return counts.in_flight == 1; }));
  Peer second(live.endpoint());
  ASSERT_TRUE(second.send(kGet));
  held.open(live);
  EXPECT_EQ(kept.read_answer().body, "held");
  EXPECT_EQ(second.read_answer().body, "held");
  EXPECT_TRUE(kept.closed_by_peer());
}

TEST(RequestGateTest, AFullGateStopsAcceptAndKeptAliveReads) {
  const auto gate = std::make_shared<Gate>(1);
  HttpServer::Options options;
  options.gate = gate;
  Held held;
  LiveServer live(options, held.handler());
  Peer kept(live.endpoint());
  ASSERT_TRUE(live.wait_for([](const auto& counts) { return counts.connections == 1; }));
  Peer first(live.endpoint());
  ASSERT_TRUE(first.send(kGet));
  ASSERT_TRUE(live.wait_for([](const auto& counts) { return counts.in_flight == 1; }));
  EXPECT_EQ(gate->left(), 0);

  Peer waiting(live.endpoint());
  ASSERT_TRUE(waiting.send(kGet));
  ASSERT_TRUE(kept.send(kGet));
  EXPECT_EQ(live.counts().in_flight, 1u);
  EXPECT_EQ(live.counts().accepted, 2u);
  EXPECT_EQ(live.counts().requests, 1u) << "nothing of the next request is read";

  held.open(live);
  EXPECT_EQ(first.read_answer().body, "held");
  EXPECT_EQ(waiting.read_answer().body, "held");
  EXPECT_EQ(kept.read_answer().body, "held");
  EXPECT_TRUE(live.wait_for([](const auto& counts) { return counts.in_flight == 0; }));
  EXPECT_EQ(gate->left(), 1);
}

// While the gate is shut the kernel holds as many as it was told to (and one), and no more.
TEST(RequestGateTest, TheBacklogIsAsLongAsItIsConfigured) {
  const auto gate = std::make_shared<Gate>(1);
  HttpServer::Options options;
  options.gate = gate;
  options.limits.listen_backlog = 4;
  LiveServer live(options, ok());
  ASSERT_TRUE(gate->try_acquire());
  const SocketAddress address = address_of_literal(live.endpoint().host, live.endpoint().port);
  std::vector<base::UniqueFd> clients;
  std::vector<pollfd> polled;
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    // NOLINTNEXTLINE(bugprone-unused-return-value): under way, for it does not block
    ::connect(clients.back().get(), address.get(), address.length);
    polled.push_back({.fd = clients.back().get(), .events = POLLOUT, .revents = 0});
  }
  testing::let_pass(200ms);
  EXPECT_EQ(::poll(polled.data(), polled.size(), 0), 5);
  EXPECT_EQ(live.counts().accepted, 0U);
  gate->release();
  for (const auto& client : clients) {  // the kernel lets the others in when they try again
    pollfd ready{.fd = client.get(), .events = POLLOUT, .revents = 0};
    EXPECT_EQ(::poll(&ready, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())), 1);
  }
}

TEST(RequestGateTest, APermitReleasedElsewhereIsNoticed) {
  const auto gate = std::make_shared<Gate>(1);
  HttpServer::Options options;
  options.gate = gate;
  LiveServer live(options, ok());
  ASSERT_TRUE(gate->try_acquire());  // as another thread's request would
  Peer peer(live.endpoint());
  ASSERT_TRUE(peer.send(kGet));
  EXPECT_EQ(live.counts().requests, 0u);
  gate->release();
  EXPECT_EQ(peer.read_answer().body, "ok");
}

TEST(RequestGateTest, ASlowSenderHoldsNoPermit) {
  const auto gate = std::make_shared<Gate>(1);
  HttpServer::Options options;
  options.gate = gate;
  LiveServer live(options, ok());
  Peer slow(live.endpoint());
  ASSERT_TRUE(slow.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"));
  ASSERT_TRUE(live.wait_for([](const auto& counts) { return counts.accepted == 1; }));
  Peer quick(live.endpoint());
  ASSERT_TRUE(quick.send(kGet));
  EXPECT_EQ(quick.read_answer().body, "ok");
  ASSERT_TRUE(slow.send("defghi"));
  EXPECT_EQ(slow.read_answer().body, "ok");
}

// Parked with a whole request: its head had begun before the last permit went.
TEST(RequestGateTest, AParkedRequestWhoseClientLeftIsDropped) {
  HttpServer::Options options;
  options.gate = std::make_shared<Gate>(1);
  Held held;
  LiveServer live(options, held.handler());
  Peer leaver(live.endpoint());
  ASSERT_TRUE(leaver.send("GET / HTTP/1.1\r\n"));
  Peer first(live.endpoint());
  ASSERT_TRUE(first.send(kGet));
  ASSERT_TRUE(live.wait_for([](const auto& counts) { return counts.in_flight == 1; }));
  ASSERT_TRUE(leaver.send("Host: x\r\n\r\n"));
  ASSERT_TRUE(live.wait_for([](const auto& counts) { return counts.requests == 2; }));
  leaver.close();
  EXPECT_TRUE(live.wait_for([](const auto& counts) { return counts.connections == 1; }));
  EXPECT_EQ(live.counts().in_flight, 1u);
  held.open(live);
  EXPECT_EQ(first.read_answer().body, "held");
}

TEST(RequestGateTest, AnUnreadRequestWhoseClientLeftIsNeverRead) {
  HttpServer::Options options;
  options.gate = std::make_shared<Gate>(1);
  Held held;
  LiveServer live(options, held.handler());
  Peer leaver(live.endpoint());
  ASSERT_TRUE(live.wait_for([](const auto& counts) { return counts.connections == 1; }));
  Peer first(live.endpoint());
  ASSERT_TRUE(first.send(kGet));
  ASSERT_TRUE(live.wait_for([](const auto& counts) { return counts.in_flight == 1; }));
  ASSERT_TRUE(leaver.send(kGet));
  leaver.close();
  EXPECT_TRUE(live.wait_for([](const auto& counts) { return counts.connections == 1; }));
  EXPECT_EQ(live.counts().requests, 1u);
  held.open(live);
  EXPECT_EQ(first.read_answer().body, "held");
}

TEST(DrainTest, FinishesWhatRunsAndClosesWhatIsIdle) {
  Held held;
  const testing::SocketPath path;
  LiveServer live({}, held.handler(), "unix:" + path.text());
  Peer idle(live.endpoint());
  Peer busy(live.endpoint());
  ASSERT_TRUE(busy.send(kGet));
  ASSERT_TRUE(live.wait_for(
      [](const auto& counts) { return counts.in_flight == 1 && counts.connections == 2; }));
  std::promise<void> drained;
  live.thread().on_io([&] {
    live.server().drain(base::Deadline::after(base::Clock::now(), kPatience),
                        [&] { drained.set_value(); });
  });
  EXPECT_TRUE(idle.closed_by_peer());
  EXPECT_FALSE(Peer(live.endpoint()).connected());
  auto done = drained.get_future();
  EXPECT_EQ(done.wait_for(0s), std::future_status::timeout);
  held.open(live);
  const RawAnswer answer = busy.read_answer();
  EXPECT_EQ(answer.body, "held");
  EXPECT_TRUE(answer.has("Connection: close"));
  EXPECT_TRUE(busy.closed_by_peer());
  EXPECT_EQ(done.wait_for(kPatience), std::future_status::ready);
}

TEST(DrainTest, TheDeadlineCutsTheRest) {
  Held held;
  LiveServer live({}, held.handler());
  Peer busy(live.endpoint());
  ASSERT_TRUE(busy.send(kGet));
  ASSERT_TRUE(live.wait_for([](const auto& counts) { return counts.in_flight == 1; }));
  std::promise<void> drained;
  live.thread().on_io([&] {
    live.server().drain(base::Deadline::after(base::Clock::now(), 100ms),
                        [&] { drained.set_value(); });
  });
  EXPECT_EQ(drained.get_future().wait_for(kPatience), std::future_status::ready);
  EXPECT_TRUE(busy.closed_by_peer());
  EXPECT_TRUE(held.client_gone());
  held.open(live);
  EXPECT_TRUE(live.wait_for([](const auto& counts) { return counts.connections == 0; }));
}

TEST(DrainTest, AnIdleServerIsDrainedAtOnce) {
  LiveServer live({}, ok());
  std::promise<void> drained;
  live.thread().on_io(
      [&] { live.server().drain(base::Deadline::never(), [&] { drained.set_value(); }); });
  EXPECT_EQ(drained.get_future().wait_for(kPatience), std::future_status::ready);
}

}  // namespace
}  // namespace millrace::net
