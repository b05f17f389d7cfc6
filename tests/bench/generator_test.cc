// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/generator.h"

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/unique_fd.h"

namespace millrace::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A server of one thread: what `answer` says to each request, in order; silence while it blocks.
class TestServer {
 public:
  // Says the bytes to send; "" closes the connection instead.
  using Answer = std::function<std::string(std::size_t request)>;

  explicit TestServer(Answer answer) : answer_(std::move(answer)) {
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    auto* generic = reinterpret_cast<sockaddr*>(&address_);
    EXPECT_EQ(::bind(listener_.get(), generic, size), 0);
    EXPECT_EQ(::listen(listener_.get(), 1'000), 0);
    EXPECT_EQ(::getsockname(listener_.get(), generic, &size), 0);
    thread_ = std::thread([this] { run(); });
  }
  ~TestServer() {
    stopping_ = true;
    thread_.join();
  }
  [[nodiscard]] const sockaddr_in& address() const { return address_; }

 private:
  void run() {
    while (!stopping_) {
      std::vector<pollfd> waits = {{.fd = listener_.get(), .events = POLLIN, .revents = 0}};
      for (const auto& fd : connections_) {
        waits.push_back({.fd = fd.get(), .events = POLLIN, .revents = 0});
      }
      ::poll(waits.data(), waits.size(), 10);
      for (std::size_t i = waits.size(); i-- > 1;) {
        if (waits[i].revents != 0) serve(i - 1);
      }
      if (waits[0].revents != 0) {
        base::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK));
        if (fd) connections_.push_back(std::move(fd));
      }
    }
  }
  void serve(std::size_t index) {
    std::array<char, 4'096> buffer{};
    const int fd = connections_[index].get();
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    const std::string bytes = got > 0 ? answer_(requests_++) : "";
    if (bytes.empty()) {
      connections_.erase(connections_.begin() + static_cast<std::ptrdiff_t>(index));
    } else {
      ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
  }

  Answer answer_;
  sockaddr_in address_{};
  base::UniqueFd listener_;
  std::vector<base::UniqueFd> connections_;
  std::size_t requests_ = 0;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

// What a server does that takes this long for an answer.
void stall(milliseconds span) {
  const auto end = steady_clock::now() + span;
  while (!(steady_clock::now() >= end)) {
    std::this_thread::sleep_until(end);
  }
}

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

RunResult run_against(const TestServer& server, const std::string& yaml_text) {
  RunResult result;
  auto scenario = load_scenario("name: a\n" + yaml_text);
  EXPECT_TRUE(scenario) << scenario.error().public_message;
  result.scenario = *scenario;
  auto maker = RequestMaker::make(result.scenario, nullptr, "h");
  EXPECT_TRUE(maker);
  Generator generator(result.scenario, *maker, server.address());
  Schedule schedule(result.scenario, 0);
  generator.run_open(schedule, steady_clock::now(), result);
  return result;
}

// The property that an open loop is there for. A closed loop would have recorded one slow request.
TEST(GeneratorTest, AStallOfOneSecondIsSeenByEveryRequestThatFellIntoIt) {
  const TestServer server([](std::size_t request) {
    if (request == 20) {
      stall(milliseconds(1'000));
    }
    return kOk;
  });
  const RunResult result = run_against(
      server,
      "arrivals: uniform\nmixes: {m: {keys: [a]}}\nsteps: {s: {rate: 100/s, duration_ms: 2000}}");
  const Tally total = result.steps[0].total();
  EXPECT_NEAR(double(total.good), 200, 2);
  // Half of the run's requests were due within the stall, and waited for what was left of it.
  EXPECT_GT(total.good_latency.quantile_us(0.75), 350'000);
  EXPECT_GT(total.good_latency.quantile_us(0.95), 800'000);
  EXPECT_GE(total.good_latency.max_us(), 990'000);
  EXPECT_LT(total.good_latency.quantile_us(0.3), 200'000);
  EXPECT_GT(result.steps[0].generator.connections_max_seen, 50U);
}

TEST(GeneratorTest, LateAnswersAreNotGood) {
  const TestServer server([](std::size_t) {
    stall(milliseconds(20));
    return kOk;
  });
  const RunResult result =
      run_against(server,
                  "mixes: {patient: {keys: [a]}, hasty: {keys: [a], deadline_ms: 10}}\n"
                  "steps: {s: {mixes: [patient=10/s, hasty=10/s], duration_ms: 1000}}");
  const auto rows = result.rows(result.steps[0], "mix");
  EXPECT_EQ(rows.at("patient").good, rows.at("patient").offered);
  EXPECT_EQ(rows.at("hasty").good, 0U);
  EXPECT_EQ(rows.at("hasty").late, rows.at("hasty").offered);
}

TEST(GeneratorTest, CountsStatusesAndReasons) {
  const TestServer server([](std::size_t request) {
    return request % 2 == 0 ? kOk
                            : "HTTP/1.1 503 No\r\nRetry-After: 1\r\nContent-Length: 23\r\n\r\n"
                              "{\"reason\": \"queue_full\"}";
  });
  const RunResult result =
      run_against(server, "mixes: {m: {keys: [a]}}\nsteps: {s: {rate: 200/s, duration_ms: 500}}");
  const Tally total = result.steps[0].total();
  ASSERT_TRUE(total.by_status.contains("200"));
  ASSERT_TRUE(total.by_status.contains("503 queue_full"));
  EXPECT_EQ(total.by_status.at("503 queue_full"), total.refused);
  EXPECT_EQ(total.refused_silently, 0U);
  EXPECT_EQ(total.offered, total.good + total.refused);
}

TEST(GeneratorTest, AConnectionThatTheServerClosedIsReplacedAndNothingIsLost) {
  const TestServer server([](std::size_t request) {
    return request % 3 == 2 ? "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
                            : kOk;
  });
  const RunResult result =
      run_against(server, "mixes: {m: {keys: [a]}}\nsteps: {s: {rate: 300/s, duration_ms: 500}}");
  const Tally total = result.steps[0].total();
  EXPECT_EQ(total.good, total.offered);
  EXPECT_GT(result.steps[0].generator.connections_opened, 20U);
}

TEST(GeneratorTest, WhatIsNeverAnsweredEndsWithTheDrain) {
  const TestServer server([](std::size_t) { return std::string("HTTP/1.1 200 OK\r\n"); });
  const RunResult result = run_against(
      server,
      "drain_ms: 100\nmixes: {m: {keys: [a]}}\nsteps: {s: {rate: 100/s, duration_ms: 300}}");
  const Tally total = result.steps[0].total();
  EXPECT_GT(total.offered, 10U);
  EXPECT_EQ(total.by_status.at("0 unanswered"), total.offered);
}

TEST(GeneratorTest, ABoundedPoolMakesRequestsWaitAndSaysSo) {
  const TestServer server([](std::size_t) { return kOk; });
  const RunResult result = run_against(server,
                                       "connections_max: 1\nmixes: {m: {keys: [a]}}\n"
                                       "steps: {s: {rate: 2000/s, duration_ms: 500}}");
  EXPECT_EQ(result.steps[0].generator.connections_max_seen, 1U);
  EXPECT_EQ(result.steps[0].total().good, result.steps[0].total().offered);
  EXPECT_GT(result.steps[0].generator.waited_for_connection, 0U);
}

TEST(ClientPoolTest, WithoutADescriptorTheServerIsNotBlamed) {
  const TestServer server([](std::size_t) { return std::string(); });
  std::string reason;
  ClientPool pool(server.address(), 10, [&reason](const ClientRequest&, const Outcome& outcome) {
    reason = outcome.reason;
  });
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 3, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  pool.submit({.intended = steady_clock::now(), .text = "GET / HTTP/1.1\r\n\r\n"});
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(reason, "no_descriptor");
  EXPECT_EQ(pool.outstanding(), 0U);
}

TEST(GeneratorTest, AClosedLoopFindsWhatTheServerCanDo) {
  const TestServer server([](std::size_t) {
    stall(milliseconds(5));
    return kOk;
  });
  auto scenario = load_scenario("name: a\nmixes: {m: {keys: [a]}}\nsteps: {s: {rate: 1x}}");
  ASSERT_TRUE(scenario);
  auto maker = RequestMaker::make(*scenario, nullptr, "h");
  ASSERT_TRUE(maker);
  Generator generator(*scenario, *maker, server.address());
  const auto found = generator.run_closed(2, milliseconds(1'000), {});
  EXPECT_LT(found.good_per_s, 201);  // one at a time, 5 ms each
  EXPECT_GT(found.good_per_s, 20);   // a busy machine may take the core away
}

}  // namespace
}  // namespace millrace::bench
