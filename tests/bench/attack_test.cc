// SPDX-License-Identifier: Apache-2.0
//
// Attacks over real loopback sockets. Their clock is the test's: a step is told what time it is.
#include "bench/lab/attack.h"

#include <array>
#include <chrono>
#include <cstring>
#include <future>
#include <memory>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/lab/attackers.h"
#include "tests/net/gate.h"
#include "tests/net/live.h"

namespace millrace::bench {
namespace {

using namespace std::chrono_literals;
using net::testing::answer_with;
using net::testing::Held;
using net::testing::kPatience;
using net::testing::LiveServer;
using net::testing::ok;
using net::testing::Peer;
using net::testing::Scripted;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kRequest = "GET /photos/a.jpg HTTP/1.1\r\nHost: x\r\n\r\n";
const SteadyTime kStart{1h};

sockaddr_in address_of(const net::Endpoint& endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(endpoint.port);
  return address;
}

// An attack that is active for an hour from kStart.
class Bout {
 public:
  Bout(const Attack& attack, const net::Endpoint& endpoint)
      : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        run(attack,
            {.server = address_of(endpoint),
             .start = kStart,
             .windows = {{0s, 1h}},
             .requests = {kRequest}},
            epoll_.get()) {
    run.step(kStart);
  }
  // Time passes, in pieces as the attackers' thread makes them; events are handed on.
  void pass(std::chrono::milliseconds span, std::chrono::milliseconds piece = 50ms) {
    for (const SteadyTime end = now_ + span; now_ < end;) {
      now_ += piece;
      hand_on(0);
      run.step(now_);
    }
  }
  // Until `condition` holds, with the clock standing still.
  template <class Condition>
  bool until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      hand_on(5);
    }
    return true;
  }

 private:
  void hand_on(int timeout_ms) {
    std::array<epoll_event, 64> events{};
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), timeout_ms);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      EXPECT_TRUE(run.happened(event.data.fd, event.events));
    }
  }
  base::UniqueFd epoll_;
  SteadyTime now_ = kStart;

 public:
  AttackRun run;
};

Attack attack_of(const std::string& kind, std::size_t count, double rate_per_s,
                 double bytes_per_s = 1) {
  Attack attack;
  attack.name = "flood";
  attack.kind = kind;
  attack.count = count;
  attack.rate_per_s = rate_per_s;
  attack.bytes_per_s = bytes_per_s;
  return attack;
}

TEST(AttackRunTest, OpensIdleConnectionsAtItsPaceAndHoldsThemWhileItIsActive) {
  LiveServer live({}, ok());
  Bout bout(attack_of("idle", 50, 100), live.endpoint());
  EXPECT_EQ(bout.run.connections(), 0U);
  bout.pass(200ms, 10ms);
  EXPECT_EQ(bout.run.connections(), 20U);
  bout.pass(2'000ms);
  EXPECT_EQ(bout.run.connections(), 50U);
  EXPECT_TRUE(live.wait_for([](const auto& counts) { return counts.connections == 50; }));
  bout.pass(1h, 10min);
  EXPECT_EQ(bout.run.connections(), 0U);
  EXPECT_TRUE(live.wait_for([](const auto& counts) { return counts.connections == 0; }));
  EXPECT_EQ(bout.run.summary(),
            "flood (idle): 50 connections at a time, 50 opened, 0 closed by the server, 0 refused");
}

// What a server reads of `count` bytes, and then nothing further until the peer is gone.
class ExactReader {
 public:
  // `refused` connections are closed at once before the one that is read.
  explicit ExactReader(std::size_t count, int refused = 0)
      : server_([this, count, refused](Scripted& self) {
          for (int i = 0; i < refused; ++i) self.accept().close();
          Peer peer = self.accept();
          read_.set_value(peer.read_exactly(count));
          nothing_more_.set_value(peer.closed_by_peer());
        }) {}
  [[nodiscard]] const net::Endpoint& endpoint() const { return server_.endpoint(); }
  std::string read() { return read_.get_future().get(); }
  bool nothing_more() { return nothing_more_.get_future().get(); }

 private:
  std::promise<std::string> read_;
  std::promise<bool> nothing_more_;
  Scripted server_;
};

TEST(AttackRunTest, ASlowWriterSendsAHeadThatNeverEnds) {
  ExactReader server(80);
  {
    Bout bout(attack_of("slow_writer", 1, 1'000, 10), server.endpoint());
    bout.pass(8s);
    const std::string head = server.read();
    EXPECT_EQ(head.size(), 80U) << head;
    EXPECT_THAT(head, StartsWith("GET /photos/a.jpg HTTP/1.1\r\nX-Slow: aaaa"));
    EXPECT_EQ(head.find("\r\n\r\n"), std::string::npos);
  }
  EXPECT_TRUE(server.nothing_more());
}

// A descriptor that is used again must not inherit what its predecessor was due.
TEST(AttackRunTest, WhatTheServerClosesIsOpenedAgainAtTheSamePace) {
  ExactReader server(10, 3);
  {
    Bout bout(attack_of("slow_writer", 1, 1'000, 10), server.endpoint());
    for (int i = 0; i < 3; ++i) {
      bout.pass(50ms);
      EXPECT_TRUE(bout.until([&] { return bout.run.connections() == 0; }));
    }
    bout.pass(1s);
    EXPECT_EQ(server.read().size(), 10U);
    EXPECT_EQ(bout.run.opened(), 4U);
    EXPECT_THAT(bout.run.summary(), HasSubstr("4 opened, 3 closed by the server, 0 refused"));
  }
  EXPECT_TRUE(server.nothing_more());
}

TEST(AttackRunTest, WhereNobodyListensItIsRefusedAndTriesOnAtItsPace) {
  net::Endpoint nobody;
  {
    const auto listener = std::move(*net::listen_on(*net::parse_endpoint("127.0.0.1:0"), false, 1));
    nobody = net::local_endpoint_of(listener.get());
  }
  for (const char* kind : {"idle", "slow_writer", "slow_reader"}) {
    Bout bout(attack_of(kind, 5, 100), nobody);
    bout.pass(1s, 10ms);
    EXPECT_TRUE(bout.until([&] { return bout.run.connections() == 0; })) << kind;
    EXPECT_GE(bout.run.opened(), 20U) << kind;
    EXPECT_LE(bout.run.opened(), 100U) << kind;
    EXPECT_THAT(bout.run.summary(),
                HasSubstr(std::to_string(bout.run.opened()) + " opened, 0 closed by the server, " +
                          std::to_string(bout.run.opened()) + " refused"));
  }
}

// A machine that stood still for ten seconds owes no ten seconds of connections at once.
TEST(AttackRunTest, AStallIsNotMadeUpForByAStorm) {
  const LiveServer live({}, ok());
  Bout bout(attack_of("idle", 1'000, 30), live.endpoint());
  bout.pass(10s, 10s);
  EXPECT_EQ(bout.run.connections(), 30U);
}

// The bench's own want is not the server's refusal.
TEST(AttackRunTest, WithoutDescriptorsItSaysSo) {
  const auto listener = std::move(*net::listen_on(*net::parse_endpoint("127.0.0.1:0"), false, 99));
  const net::Endpoint endpoint = net::local_endpoint_of(listener.get());
  for (const char* kind : {"idle", "dead_client", "slow_writer"}) {
    Bout bout(attack_of(kind, 20, 20), endpoint);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit none{.rlim_cur = 3, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    bout.pass(1s);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(bout.run.opened(), 0U) << kind;
    EXPECT_THAT(bout.run.summary(), HasSubstr("0 refused; 20 NOT MADE for want of descriptors"));
    bout.pass(1s);
    EXPECT_EQ(bout.run.opened(), 20U) << kind << " goes on when there are some";
  }
}

TEST(AttackRunTest, ASlowReaderKeepsTheServerWriting) {
  const std::string big(32 << 20, 'x');
  LiveServer live({}, [&](net::HttpExchange& exchange) -> net::Awaitable<void> {
    co_await answer_with(exchange, big);
  });
  Bout bout(attack_of("slow_reader", 1, 1'000, 20), live.endpoint());
  bout.pass(200ms);
  EXPECT_TRUE(live.wait_for([](const auto& counts) { return counts.in_flight == 1; }));
  bout.pass(60s);
  EXPECT_EQ(live.counts().in_flight, 1U);
  EXPECT_EQ(bout.run.answered(), 0U);
  EXPECT_EQ(bout.run.connections(), 1U);
}

TEST(AttackRunTest, ASlowReaderThatHasItsAnswerAsksAgain) {
  const std::string body(100'000, 'x');
  LiveServer live({}, [&](net::HttpExchange& exchange) -> net::Awaitable<void> {
    co_await answer_with(exchange, body);
  });
  Bout bout(attack_of("slow_reader", 1, 1'000, 1e6), live.endpoint());
  EXPECT_TRUE(bout.until([&] {
    bout.pass(50ms);
    return bout.run.answered() >= 3;
  }));
  EXPECT_EQ(bout.run.opened(), 1U);
  EXPECT_GE(live.counts().requests, 3U);
}

// Its pace is what it is told: no more than so many bytes a second, whatever the server has sent.
TEST(AttackRunTest, ASlowReaderTakesNoMoreThanItsPace) {
  std::promise<std::int64_t> queued;
  const Scripted server([&](Scripted& self) {
    Peer peer = self.accept();
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n" + std::string(4'000, 'x'));
    EXPECT_EQ(peer.read_until("\r\n\r\n"), kRequest) << "it asks again";
    queued.set_value(1);
  });
  Bout bout(attack_of("slow_reader", 1, 1'000, 100), server.endpoint());
  bout.pass(100ms);
  auto asked_again = queued.get_future();
  EXPECT_TRUE(bout.until([&] { return bout.run.opened() == 1; }));
  // 41 bytes of head and 4,000 of body, 100 a second.
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  std::chrono::seconds took{0};
  while (bout.run.answered() == 0 && std::chrono::steady_clock::now() < give_up) {
    bout.pass(1s);
    ++took;
  }
  EXPECT_GE(took, 40s);
  bout.pass(1s);
  EXPECT_EQ(asked_again.wait_for(kPatience), std::future_status::ready);
}

TEST(AttackRunTest, ADeadClientIsGoneWhenItsRequestHasArrived) {
  Held held;
  LiveServer live({}, held.handler());
  Bout bout(attack_of("dead_client", 1, 1'000), live.endpoint());
  bout.pass(1s);
  EXPECT_TRUE(held.client_gone());
  held.open(live);
  EXPECT_EQ(bout.run.connections(), 0U);
  EXPECT_EQ(bout.run.summary(), "flood (dead_client): 1 thrown away, 0 refused");
}

TEST(AttackRunTest, ABurstIsHalfRawSynsWhereItMaySendThem) {
  LiveServer live({}, ok());
  Bout bout(attack_of("syn_burst", 100, 1'000), live.endpoint());
  bout.pass(2s);
  EXPECT_EQ(bout.run.opened(), 100U);
  const std::size_t raw = ::geteuid() == 0 ? 50 : 0;
  EXPECT_EQ(bout.run.raw_syns(), raw);
  EXPECT_TRUE(live.wait_for([&](const auto& counts) { return counts.accepted == 100 - raw; }));
  EXPECT_TRUE(live.wait_for([&](const auto& counts) { return counts.connections == 0; }));
}

// Without an answer the SYN would have been thrown away for its checksum, and cost nothing.
TEST(SynSenderTest, ItsSynIsAnsweredAndNobodyIsAccepted) {
  LiveServer live({}, ok());
  const sockaddr_in address = address_of(live.endpoint());
  const auto sender = SynSender::make(address);
  if (::geteuid() != 0) {
    EXPECT_EQ(sender, nullptr);
    return;
  }
  ASSERT_NE(sender, nullptr);
  const base::UniqueFd all(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP));
  const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
  ::setsockopt(all.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  ASSERT_TRUE(sender->send());
  EXPECT_EQ(sender->sent(), 1U);
  struct Packet {
    iphdr ip;
    tcphdr tcp;
  } packet{};
  bool answered = false;
  while (!answered && ::recv(all.get(), &packet, sizeof(packet), 0) > 0) {
    answered = packet.tcp.source == address.sin_port && packet.tcp.syn == 1 &&
               packet.tcp.ack == 1 && ntohl(packet.ip.daddr) >> 16 == ((127U << 8) | 88U);
  }
  EXPECT_TRUE(answered);
  EXPECT_EQ(live.counts().accepted, 0U);
}

TEST(SynSenderTest, NothingLeavesTheMachine) {
  sockaddr_in elsewhere{};
  elsewhere.sin_family = AF_INET;
  elsewhere.sin_addr.s_addr = htonl((192U << 24) | (2U << 8) | 1U);  // RFC 5737
  EXPECT_EQ(SynSender::make(elsewhere), nullptr);
}

constexpr const char* kScenario = R"(
name: a
mixes: {m: {keys: [a.jpg]}}
steps: {calm: {rate: 1/s}, storm: {rate: 1/s}, after: {rate: 1/s}}
attackers:
  by_step: {kind: idle, count: 30, rate_per_s: 100000, steps: [calm, after]}
  by_time: {kind: dead_client, count: 7, at_ms: 10, duration_ms: 200}
  to_the_end: {kind: idle, count: 1, at_ms: 3}
)";

TEST(AttackersTest, AnAttackRunsWithItsStepsOrAtItsTime) {
  const auto scenario = load_scenario(kScenario);
  ASSERT_TRUE(scenario) << scenario.error().public_message;
  const std::vector<StepWindow> steps = {{0s, 2s}, {3s, 4s}, {5s, 6s}};
  const auto spans = [&](std::size_t attack) {
    std::vector<std::pair<Nanoseconds, Nanoseconds>> found;
    for (const StepWindow& window : windows_of(scenario->attackers[attack], *scenario, steps)) {
      found.emplace_back(window.begin, window.end);
    }
    return found;
  };
  EXPECT_THAT(spans(0), ElementsAre(std::pair(0s, 2s), std::pair(5s, 6s)));
  EXPECT_THAT(spans(1), ElementsAre(std::pair(10ms, 210ms)));
  EXPECT_THAT(spans(2), ElementsAre(std::pair(3ms, 6s)));
}

TEST(AttackersTest, PlaysAScenarioOnItsOwnThreadAndSaysWhatItDid) {
  LiveServer live({}, ok());
  const auto scenario = load_scenario(kScenario);
  ASSERT_TRUE(scenario);
  auto maker = RequestMaker::make(*scenario, nullptr, "x");
  ASSERT_TRUE(maker);
  Attackers attackers(*scenario, {{0s, 100s}, {100s, 200s}, {200s, 300s}},
                      std::chrono::steady_clock::now(), address_of(live.endpoint()), *maker);
  EXPECT_TRUE(live.wait_for(
      [](const auto& counts) { return counts.connections == 31 && counts.accepted >= 38; }));
  EXPECT_THAT(attackers.finish(),
              ElementsAre(StartsWith("by_step (idle): 30 connections at a time, 30 opened"),
                          "by_time (dead_client): 7 thrown away, 0 refused",
                          StartsWith("to_the_end (idle): 1 connections"), HasSubstr("s of CPU")));
  EXPECT_TRUE(live.wait_for([](const auto& counts) { return counts.connections == 0; }));
  EXPECT_TRUE(attackers.finish().empty());
}

}  // namespace
}  // namespace millrace::bench
