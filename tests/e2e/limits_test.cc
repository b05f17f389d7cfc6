// SPDX-License-Identifier: Apache-2.0
// What a user sees of the limits, from outside: who is counted as whom, what is refused, and
// whether Retry-After is true.
#include <arpa/inet.h>
#include <chrono>
#include <csignal>
#include <ctime>
#include <fstream>
#include <memory>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/signing.h"
#include "tests/e2e/system.h"

namespace millrace::test {
namespace {

using std::chrono::steady_clock;

class LimitsTest : public testing::Test {
 protected:
  void start(const std::string& gateway_keys, const std::string& rest = {},
             std::map<std::string, std::string> environment = {}) {
    System::Options options;
    options.config_yaml = "gateway:\n" + gateway_keys + rest;
    options.environment = std::move(environment);
    system_ = std::make_unique<System>(options);
    ASSERT_TRUE(system_->ready()) << system_->log();
    system_->add_photo("a.txt", "an original");
  }
  std::unique_ptr<System> system_;
};

constexpr const char* kTarget = "/photos/a.txt";
const KeyPair kAcme{"AK", "SK"};
constexpr const char* kSlowFree = "  tiers: {free: {rate_per_s: 0.5, burst: 3}, paid: {}}\n";
constexpr const char* kUsers = "  users: {acme: {tier: paid, access_key: AK, secret_key: SK}}\n";

TEST_F(LimitsTest, WhoeverWaitsAsToldIsServed) {
  start(kSlowFree);
  HttpReply reply;
  int served = 0;
  while ((reply = system_->get(kTarget)).status == 200) {
    EXPECT_EQ(reply.header("x-ratelimit-limit"), "3");
    ASSERT_LT(++served, 20);
  }
  EXPECT_GE(served, 3);
  ASSERT_EQ(reply.status, 429);
  EXPECT_EQ(reason_of(reply), "user_rate");
  EXPECT_EQ(reply.header("x-ratelimit-remaining"), "0");
  EXPECT_GE(std::stoi(reply.header("x-ratelimit-reset")), 1);
  const int wait_s = std::stoi(reply.header("retry-after"));
  EXPECT_GE(wait_s, 1);
  EXPECT_LE(wait_s, 4) << "a token comes every two seconds; the jitter is bounded";
  const auto then = steady_clock::now() + std::chrono::seconds(wait_s);
  ASSERT_TRUE(eventually([&] { return steady_clock::now() >= then; }));
  EXPECT_EQ(system_->get(kTarget).status, 200);
}

TEST_F(LimitsTest, AUserOfAnotherTierDoesNotNoticeTheNameless) {
  start(std::string(kSlowFree) + kUsers);
  while (system_->get(kTarget).status == 200) {
  }
  const std::string target = signed_target(kTarget, kAcme);
  for (int i = 0; i < 50; ++i) {
    const HttpReply reply = system_->get(target);
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.header("x-ratelimit-limit"), "") << "paid has no rate";
  }
  EXPECT_EQ(system_->get(kTarget).status, 429);
}

TEST_F(LimitsTest, TokensOpenOnlyTheirOwnUrlAndTime) {
  start(std::string(kUsers) + "  tiers: {free: {rate_per_s: 0, burst: 0, concurrency_max: 0}}\n");
  const std::int64_t now = std::time(nullptr);
  EXPECT_EQ(system_->get(signed_target(kTarget, kAcme, now + 600)).status, 200);
  const HttpReply old = system_->get(signed_target(kTarget, kAcme, now - 10));
  EXPECT_EQ(old.status, 401);
  EXPECT_EQ(reason_of(old), "token_expired");
  std::string other = signed_target(kTarget, kAcme, now + 600);
  other.replace(other.find("a.txt"), 5, "b.txt");
  EXPECT_EQ(reason_of(system_->get(other)), "token_invalid");
  EXPECT_EQ(system_->get(std::string(kTarget) + "?token=AK:x").status, 400);
}

TEST_F(LimitsTest, StrangersCannotSayWhoTheyAre) {
  start(std::string(kSlowFree) + kUsers);
  int served = 0;
  for (int i = 0; i < 20; ++i) {
    const HttpReply reply = system_->get(
        kTarget,
        {{"X-Forwarded-For", "198.51.100." + std::to_string(i)}, {"X-Millrace-User", "acme"}});
    served += reply.status == 200 ? 1 : 0;
  }
  EXPECT_LT(served, 10) << "all are one client";
}

TEST_F(LimitsTest, ATrustedProxyTellsClientsApart) {
  start(std::string(kSlowFree) + kUsers + "  trusted_proxies: [\"127.0.0.0/8\"]\n");
  for (int i = 0; i < 20; ++i) {
    const std::string address = "198.51.100." + std::to_string(i);
    EXPECT_EQ(system_->get(kTarget, {{"X-Forwarded-For", address}}).status, 200);
    EXPECT_EQ(system_->get(kTarget, {{"X-Millrace-User", "acme"}}).status, 200);
  }
  EXPECT_EQ(system_->get(kTarget, {{"X-Millrace-User", "nobody"}}).status, 401);
  int served = 0;  // one subscriber has a whole /64
  for (int i = 0; i < 20; ++i) {
    const std::string address = "2001:db8:1:2::" + std::to_string(i + 1);
    served += system_->get(kTarget, {{"X-Forwarded-For", address}}).status == 200 ? 1 : 0;
  }
  EXPECT_LT(served, 10);
}

// A server that takes connections and never says a word.
class SilentOrigin {
 public:
  SilentOrigin() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), length), 0);
    ::listen(fd_, 16);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
  }
  ~SilentOrigin() { ::close(fd_); }
  SilentOrigin(const SilentOrigin&) = delete;
  SilentOrigin& operator=(const SilentOrigin&) = delete;
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

TEST_F(LimitsTest, HealthIsAnsweredWhileTheMediaPortIsFull) {
  const SilentOrigin origin;
  start("  tiers: {free: {rate_per_s: 0, burst: 0, concurrency_max: 0}}\n",
        "buckets: {silent: {kind: http, origin: \"" + origin.url() + "\"}}\n",
        {{"MILLRACE_GATEWAY_REQUESTS_IN_FLIGHT_MAX", "2"}});
  std::vector<std::unique_ptr<RawConnection>> held;
  for (int i = 0; i < 2; ++i) {
    held.push_back(std::make_unique<RawConnection>(system_->media_port()));
    ASSERT_TRUE(held.back()->send("GET /silent/a.jpg HTTP/1.1\r\nHost: x\r\n\r\n"));
  }
  const auto in_flight = [this] {
    const std::string metrics = fetch(system_->ops_port(), "/metrics").body;
    return metrics.find("\nmillrace_gateway_requests_in_flight 2") != std::string::npos;
  };
  ASSERT_TRUE(eventually(in_flight));
  RawConnection waiting(system_->media_port(), std::chrono::seconds(1));
  ASSERT_TRUE(waiting.send("GET /photos/a.txt HTTP/1.1\r\nHost: x\r\n\r\n"));
  for (const char* method : {"GET", "HEAD"}) {
    for (const char* path : {"/livez", "/readyz", "/metrics", "/version"}) {
      const auto begun = steady_clock::now();
      EXPECT_EQ(fetch(system_->ops_port(), path, {}, method).status, 200) << method << path;
      EXPECT_LT(steady_clock::now() - begun, std::chrono::seconds(1)) << method << path;
    }
  }
  EXPECT_EQ(fetch(system_->api_port(), "/v1/commands").status, 200);
  EXPECT_FALSE(waiting.read_reply()) << "the media port has no permit left";
}

TEST_F(LimitsTest, HangUpTakesOverNewLimitsAndRefusesABrokenFile) {
  start("  tiers: {free: {rate_per_s: 0, burst: 0, concurrency_max: 0}}\n");
  EXPECT_EQ(system_->get(kTarget).header("x-ratelimit-limit"), "");
  const auto gateway = system_->pids_of("millrace-gateway");
  ASSERT_EQ(gateway.size(), 1U);
  std::ifstream in(system_->effective_config());
  const std::string before{std::istreambuf_iterator<char>(in), {}};
  std::string changed = before;
  const std::size_t rate = changed.find("rate_per_s: 0");
  ASSERT_NE(rate, std::string::npos);
  changed.replace(rate, 13, "rate_per_s: 5");
  std::ofstream(system_->effective_config()) << changed;
  ::kill(gateway[0], SIGHUP);
  EXPECT_TRUE(eventually([&] { return system_->get(kTarget).header("x-ratelimit-limit") == "5"; }));
  std::ofstream(system_->effective_config()) << "gateway: {tiers: {free: {rate_per_s: many}}}\n";
  ::kill(gateway[0], SIGHUP);
  EXPECT_TRUE(
      eventually([&] { return system_->log().find("\"reload_refused\"") != std::string::npos; }));
  EXPECT_NE(system_->log().find("many"), std::string::npos) << "the log says why";
  EXPECT_EQ(system_->get(kTarget).header("x-ratelimit-limit"), "5") << "the old ones hold";
  std::ofstream(system_->effective_config()) << before;
}

TEST_F(LimitsTest, UpPassesAHangUpOnWithWhatTheUsersFileSaysNow) {
  start("  tiers: {free: {rate_per_s: 0, burst: 0, concurrency_max: 0}}\n");
  std::ofstream(system_->config_file()) << "gateway: {tiers: {free: {rate_per_s: 7, burst: 7}}}\n";
  ::kill(system_->up_pid(), SIGHUP);
  EXPECT_TRUE(eventually([&] { return system_->get(kTarget).header("x-ratelimit-limit") == "7"; }));
  std::ofstream(system_->config_file()) << "gateway: {tiers: {free: {rate_per_s: many}}}\n";
  ::kill(system_->up_pid(), SIGHUP);
  EXPECT_TRUE(eventually([&] { return system_->log().find("many") != std::string::npos; }));
  EXPECT_EQ(system_->get(kTarget).header("x-ratelimit-limit"), "7") << "the old ones hold";
}

}  // namespace
}  // namespace millrace::test
