// SPDX-License-Identifier: Apache-2.0
// Attacks from the network, each beside a client that behaves and must keep being served.
#include <atomic>
#include <chrono>
#include <thread>

#include "net/http_server.h"
#include "tests/net/gate.h"
#include "tests/net/live.h"

namespace millrace::net {
namespace {

using namespace std::chrono_literals;
using testing::answer_with;
using testing::Gate;
using testing::kGet;
using testing::kPatience;
using testing::let_pass;
using testing::LiveServer;
using testing::ok;
using testing::Peer;

using Clock = std::chrono::steady_clock;

// Asks again and again, on kept-alive and on new connections in turn, until it is destroyed.
class Bystander {
 public:
  explicit Bystander(const Endpoint& endpoint)
      : thread_([this, endpoint] {
          while (!stop_) ask(endpoint);
        }) {}
  ~Bystander() {
    stop_ = true;
    thread_.join();
    EXPECT_GT(served_, 0);
    EXPECT_EQ(failed_, 0) << "each within kPatience; how quick they are is for bench/";
  }
  Bystander(const Bystander&) = delete;
  Bystander& operator=(const Bystander&) = delete;
  // Waits until `count` more requests have been answered.
  void served_on(int count) const {
    const int wanted = served_ + failed_ + count;
    const auto until = Clock::now() + kPatience;
    while (served_ + failed_ < wanted && Clock::now() < until) let_pass(1ms);
    EXPECT_GE(served_ + failed_, wanted);
  }

 private:
  void ask(const Endpoint& endpoint) {
    auto peer = std::make_unique<Peer>(endpoint);
    for (int i = 0; i < 3; ++i) {
      bool good = false;
      // A server may close an idle connection at any time; clients ask once more on a new one.
      for (int attempt = 0; attempt < 2 && !good; ++attempt) {
        if (attempt > 0) peer = std::make_unique<Peer>(endpoint);
        good = peer->connected() && peer->send(kGet) && peer->read_answer().body == "ok";
      }
      ++(good ? served_ : failed_);
    }
  }

  std::atomic<bool> stop_{false};
  std::atomic<int> served_{0};
  std::atomic<int> failed_{0};
  std::thread thread_;
};

// True when the server ends the connection although a byte keeps coming.
bool is_cut_while_dripping(Peer& peer, std::string_view drip) {
  const auto until = Clock::now() + kPatience;
  for (std::size_t i = 0; Clock::now() < until; ++i) {
    if (peek(peer.fd()) != Peek::Quiet) return true;  // the refusal, or the end
    if (!peer.send(drip.substr(i % drip.size(), 1))) return true;
    let_pass(20ms);
  }
  return false;
}

TEST(AttackTest, TheDeadlineIsOfTheWholeHead) {
  HttpServer::Options options;
  options.limits.header_timeout = 300ms;
  const LiveServer live(options, ok());
  const Bystander bystander(live.endpoint());
  Peer slow(live.endpoint());
  ASSERT_TRUE(slow.send("GET / HTTP/1.1\r\nHost: x\r\n"));
  const auto began = Clock::now();
  EXPECT_TRUE(is_cut_while_dripping(slow, "X-A: b\r\n"));
  EXPECT_GE(Clock::now() - began, 250ms);
  EXPECT_EQ(slow.read_answer().status, 408);
}

TEST(AttackTest, TheDeadlineIsOfTheWholeBody) {
  HttpServer::Options options;
  options.limits.body_timeout = 300ms;
  const LiveServer live(options, ok());
  const Bystander bystander(live.endpoint());
  Peer slow(live.endpoint());
  ASSERT_TRUE(slow.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"));
  EXPECT_TRUE(is_cut_while_dripping(slow, "b"));
  EXPECT_EQ(slow.read_answer().status, 408);
}

// More of them than the port may hold, and none is near its deadline.
void expect_room_beside(std::string_view what_they_send) {
  HttpServer::Options options;
  options.limits.connections_max = 32;
  LiveServer live(options, ok());
  const Bystander bystander(live.endpoint());
  std::vector<std::unique_ptr<Peer>> attackers;
  for (int i = 0; i < 300; ++i) {
    attackers.push_back(std::make_unique<Peer>(live.endpoint()));
    attackers.back()->send(what_they_send);
    let_pass(1ms);  // the bystander's stay is then longer than its request
  }
  ASSERT_TRUE(live.wait_for([](const auto& counts) { return counts.accepted >= 300; }));
  bystander.served_on(30);
  EXPECT_TRUE(live.wait_for([](const auto& counts) { return counts.connections <= 32; }));
  EXPECT_GE(live.counts().pushed_out, 200U);
}

TEST(AttackTest, ConnectionsThatNeverSendGiveWay) { expect_room_beside(""); }
TEST(AttackTest, HalfHeadsGiveWay) { expect_room_beside("GET / HTTP/1.1\r\nHo"); }
TEST(AttackTest, HalfBodiesGiveWay) {
  expect_room_beside("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc");
}

TEST(AttackTest, AStormOfResetsLeavesNothing) {
  LiveServer live({}, ok());
  {
    const Bystander bystander(live.endpoint());
    for (int i = 0; i < 600; ++i) {
      Peer peer(live.endpoint());
      if (i % 3 == 1) peer.send("GET / HT");
      if (i % 3 == 2) peer.send(kGet);
      const ::linger reset{.l_onoff = 1, .l_linger = 0};
      ::setsockopt(peer.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    }
    bystander.served_on(10);
  }
  EXPECT_TRUE(live.wait_for([](const auto& counts) { return counts.connections == 0; }));
  EXPECT_EQ(live.counts().in_flight, 0U);
}

TEST(AttackTest, APipelinedFloodTakesTurnsAndIsAnsweredInOrder) {
  std::atomic<int> number{0};
  const LiveServer live({}, [&](HttpExchange& exchange) -> Awaitable<void> {
    const bool flood = exchange.request().target == "/flood";
    co_await answer_with(exchange, flood ? std::to_string(number++) : "ok");
  });
  const Bystander bystander(live.endpoint());
  constexpr int kCount = 20'000;
  Peer peer(live.endpoint());
  std::thread sender([&] {
    std::string many;
    for (int i = 0; i < 100; ++i) many += "GET /flood HTTP/1.1\r\nHost: x\r\n\r\n";
    for (int i = 0; i < kCount / 100; ++i) peer.send(many);
  });
  for (int i = 0; i < kCount; ++i) {
    ASSERT_EQ(peer.read_answer().body, std::to_string(i));
  }
  sender.join();
  bystander.served_on(10);
}

// A client with a small window, so that its pace is what the server sees.
class SmallWindow {
 public:
  explicit SmallWindow(const Endpoint& endpoint) {
    const SocketAddress address = address_of_literal(endpoint.host, endpoint.port);
    fd_.reset(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int size = 16 << 10;
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    EXPECT_EQ(::connect(fd_.get(), address.get(), address.length), 0);
    ::send(fd_.get(), "GET /large HTTP/1.1\r\nHost: x\r\n\r\n", 33, MSG_NOSIGNAL);
  }
  // Bytes until the server ends the answer or `wanted` have come.
  std::size_t read_at_pace(std::size_t piece, std::chrono::milliseconds pause, std::size_t wanted) {
    std::vector<char> into(piece);
    std::size_t got = 0;
    while (got < wanted) {
      const ssize_t count = ::recv(fd_.get(), into.data(), into.size(), 0);
      if (count <= 0) break;
      got += static_cast<std::size_t>(count);
      let_pass(pause);
    }
    return got;
  }

 private:
  base::UniqueFd fd_;
};

HttpHandler large_or_ok(const std::string& large) {
  return [&large](HttpExchange& exchange) -> Awaitable<void> {
    if (exchange.request().target == "/large") {
      [[maybe_unused]] const auto sent = co_await exchange.respond({}, large);
    } else {
      co_await answer_with(exchange, "ok");
    }
  };
}

TEST(AttackTest, WhoNeverReadsItsAnswerIsDropped) {
  const std::string large(32 << 20, 'l');
  HttpServer::Options options;
  options.limits.write_timeout = 300ms;
  options.gate = std::make_shared<Gate>(20);
  LiveServer live(options, large_or_ok(large));
  {
    const Bystander bystander(live.endpoint());
    std::vector<std::unique_ptr<SmallWindow>> attackers;
    for (int i = 0; i < 16; ++i)
      attackers.push_back(std::make_unique<SmallWindow>(live.endpoint()));
    ASSERT_TRUE(live.wait_for([](const auto& counts) { return counts.in_flight >= 16; }));
    ASSERT_TRUE(live.wait_for([](const auto& counts) { return counts.in_flight <= 1; }));
    bystander.served_on(10);
  }
}

TEST(AttackTest, WhoTricklesItsAnswerIsDropped) {
  const std::string large(32 << 20, 'l');
  HttpServer::Options options;
  options.limits.write_timeout = 400ms;
  options.limits.write_bytes_per_s_min = base::mebibytes(4);
  const LiveServer live(options, large_or_ok(large));
  const Bystander bystander(live.endpoint());
  SmallWindow slow(live.endpoint());
  EXPECT_LT(slow.read_at_pace(4 << 10, 2ms, large.size()), large.size());
}

TEST(AttackTest, WhoReadsSlowlyButEnoughGetsItWhole) {
  const std::string large(6 << 20, 'l');
  HttpServer::Options options;
  options.limits.write_timeout = 1s;
  const LiveServer live(options, large_or_ok(large));
  SmallWindow steady(live.endpoint());
  const auto began = Clock::now();
  EXPECT_GE(steady.read_at_pace(64 << 10, 25ms, large.size()), large.size());
  EXPECT_GT(Clock::now() - began, 2s) << "the pace must outlast the time-out";
}

// Its permit is wanted by others, so that it may not stand still for the whole write time-out.
TEST(AttackTest, WhoStandsStillWithTheLastPermitIsDroppedSooner) {
  const std::string large(32 << 20, 'l');
  HttpServer::Options options;
  options.limits.write_timeout = 600s;
  options.gate = std::make_shared<Gate>(1);
  LiveServer live(options, large_or_ok(large));
  const SmallWindow still(live.endpoint());
  ASSERT_TRUE(live.wait_for([](const auto& counts) { return counts.in_flight == 1; }));
  Peer waiting(live.endpoint());
  ASSERT_TRUE(waiting.send(kGet));
  EXPECT_EQ(waiting.read_answer().body, "ok");
}

// A port served by several threads, as a gateway's media port is.
class TwoThreads {
 public:
  explicit TwoThreads(std::size_t connections_max) {
    HttpServer::Options options;
    options.reuse_port = true;
    options.connections = std::make_shared<ConnectionLimit>(connections_max);
    first_.emplace(options, ok());
    second_.emplace(options, ok(), first_->endpoint().text());
  }
  [[nodiscard]] const Endpoint& endpoint() const { return first_->endpoint(); }
  std::size_t connections() { return first_->counts().connections + second_->counts().connections; }
  bool both_have_accepted() {
    return first_->counts().accepted > 0 && second_->counts().accepted > 0;
  }

 private:
  std::optional<LiveServer> first_;
  std::optional<LiveServer> second_;
};

TEST(AttackTest, TheBoundAndTheOldestAreThePortsNotTheThreads) {
  constexpr std::size_t kMax = 8;
  TwoThreads live(kMax);
  std::vector<std::unique_ptr<Peer>> peers;
  for (std::size_t i = 0; i < 64; ++i) {
    peers.push_back(std::make_unique<Peer>(live.endpoint()));
    ASSERT_TRUE(peers.back()->send(kGet));
    ASSERT_EQ(peers.back()->read_answer().body, "ok") << i;
    // The client has the answer a moment before the server counts the connection as idle; both
    // threads are asked so that the order of that moment is the order of the clients.
    EXPECT_LE(live.connections(), kMax + 1);
    if (i >= kMax) {
      EXPECT_TRUE(peers[i - kMax]->closed_by_peer()) << "the oldest of both threads, " << i;
    }
  }
  EXPECT_TRUE(live.both_have_accepted());
  EXPECT_LE(live.connections(), kMax);
}

TEST(AttackTest, TheAddressOfAClientThatHasGoneIsStillKnown) {
  std::promise<std::string> address;
  testing::Held held;
  LiveServer live({}, [&, wait = held.handler()](HttpExchange& exchange) -> Awaitable<void> {
    co_await wait(exchange);
    address.set_value(exchange.peer_address());
  });
  {
    Peer peer(live.endpoint());
    ASSERT_TRUE(peer.send(kGet));
    ASSERT_TRUE(live.wait_for([](const auto& counts) { return counts.in_flight == 1; }));
    const ::linger reset{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(peer.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  }
  EXPECT_TRUE(held.client_gone());
  held.open(live);
  EXPECT_EQ(address.get_future().get(), "127.0.0.1");
}

}  // namespace
}  // namespace millrace::net
