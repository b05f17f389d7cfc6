// SPDX-License-Identifier: Apache-2.0
// Servers that run out of descriptors, each in a process of its own with a low RLIMIT_NOFILE.
#include "net/descriptors.h"

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <signal.h>
#include <sstream>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>

#include "base/log.h"
#include "net/http_server.h"
#include "tests/net/client_fixture.h"
#include "tests/net/gate.h"
#include "tests/net/live.h"

namespace millrace::net {
namespace {

using namespace std::chrono_literals;
using testing::answer_with;
using testing::let_pass;
using testing::LiveServer;
using testing::Peer;

void limit_descriptors(rlim_t count) {
  const rlimit limit{.rlim_cur = count, .rlim_max = count};
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Serves in a child process until destroyed. "/" answers ok, "/hold" waits until its client leaves,
// "/files" says how many of ten files it could open.
class Child {
 public:
  Child(rlim_t descriptors, HttpServer::Standing standing, std::size_t threads = 1)
      : log_(folder_.file("log")) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    pid_ = ::fork();
    if (pid_ == 0) serve(descriptors, standing, threads, ends[1]);
    ::close(ends[1]);
    std::string line;
    for (char c = 0; ::read(ends[0], &c, 1) == 1;) line += c;
    ::close(ends[0]);
    std::istringstream words(line);
    std::string media;
    std::string ops;
    words >> media >> ops;
    media_ = *parse_endpoint(media);
    ops_ = *parse_endpoint(ops);
  }
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] const Endpoint& media() const { return media_; }
  [[nodiscard]] const Endpoint& ops() const { return ops_; }
  [[nodiscard]] std::ptrdiff_t log_lines() const {
    std::ifstream file(log_);
    return std::count(std::istreambuf_iterator<char>(file), {}, '\n');
  }
  [[nodiscard]] double cpu_seconds() const {
    std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    std::istringstream rest(text.substr(text.rfind(')') + 2));
    std::string skipped;
    for (int field = 3; field <= 13; ++field) rest >> skipped;
    double user = 0;
    double system = 0;
    rest >> user >> system;
    return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  }

 private:
  static Awaitable<void> handle(HttpExchange& exchange) {
    const std::string& target = exchange.request().target;
    if (target == "/hold") {
      WakeUp gone;
      exchange.on_client_gone([&gone] { gone.notify(); });
      co_await gone.wait();
    }
    std::string body = "ok";
    if (target == "/files") {
      std::vector<base::UniqueFd> files;
      for (int i = 0; i < 10; ++i) files.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
      body = std::to_string(std::ranges::count_if(files, [](const auto& fd) { return !!fd; }));
    }
    co_await answer_with(exchange, body);
  }
  [[noreturn]] void serve(rlim_t descriptors, HttpServer::Standing standing, std::size_t threads,
                          int told) {
    ::dup2(::open(log_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), STDERR_FILENO);
    base::start_log("test", base::LogLevel::Info);
    limit_descriptors(descriptors);
    HttpServer::Options ops;
    ops.name = "ops";
    ops.standing = HttpServer::Standing::Vital;
    const LiveServer health(std::move(ops), handle);
    HttpServer::Options media;
    media.name = "media";
    media.standing = standing;
    media.reuse_port = true;
    media.connections = std::make_shared<ConnectionLimit>(media.limits.connections_max);
    std::vector<std::unique_ptr<LiveServer>> live;
    live.push_back(std::make_unique<LiveServer>(media, handle));
    const std::string endpoint = live.front()->endpoint().text();
    while (live.size() < threads) {
      live.push_back(std::make_unique<LiveServer>(media, handle, endpoint));
    }
    const std::string line = endpoint + " " + health.endpoint().text();
    (void)!::write(told, line.data(), line.size());
    ::close(told);
    for (;;) ::pause();
  }

  testing::SocketPath folder_;
  std::string log_;
  pid_t pid_ = 0;
  Endpoint media_;
  Endpoint ops_;
};

std::string answer_of(Peer& peer, std::string_view target) {
  if (!peer.send("GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n")) return "unsent";
  return peer.read_answer().body;
}
bool asks(Peer& peer, std::string_view target, std::string_view expected) {
  return answer_of(peer, target) == expected;
}

TEST(DescriptorsTest, TheOldestIdleConnectionMakesRoom) {
  const Child child(64, HttpServer::Standing::Private);
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 200; ++i) {
    peers.push_back(std::make_unique<Peer>(child.media()));
    ASSERT_TRUE(asks(*peers.back(), "/", "ok")) << i;
  }
  EXPECT_TRUE(peers.front()->closed_by_peer());
  EXPECT_TRUE(asks(*peers.back(), "/", "ok"));
  EXPECT_GE(child.log_lines(), 1);
  EXPECT_LE(child.log_lines(), 3) << "said, not flooded";
}

// The kernel deals connections out by their addresses: a thread whose share has none to give takes
// the oldest of another's.
TEST(DescriptorsTest, TheOldestOfAllThreadsMakesRoom) {
  for (const auto standing : {HttpServer::Standing::Private, HttpServer::Standing::Public}) {
    const Child child(96, standing, 3);
    std::vector<std::unique_ptr<Peer>> peers;
    for (int i = 0; i < 300; ++i) {
      peers.push_back(std::make_unique<Peer>(child.media()));
      ASSERT_TRUE(asks(*peers.back(), "/", "ok")) << i;
    }
    EXPECT_TRUE(peers.front()->closed_by_peer());
    Peer health(child.ops());
    EXPECT_TRUE(asks(health, "/livez", "ok"));
    EXPECT_LE(child.log_lines(), 6) << "said by each thread, not flooded";
  }
}

TEST(DescriptorsTest, WithNobodyToGiveWayOnAnyThreadItGoesOnWhenPlacesFallFree) {
  const Child child(96, HttpServer::Standing::Private, 3);
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 200; ++i) {
    peers.push_back(std::make_unique<Peer>(child.media()));
    peers.back()->send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  for (std::size_t i = 190; i < 200; ++i) EXPECT_TRUE(peers[i]->closed_by_peer());
  Peer health(child.ops());
  EXPECT_TRUE(asks(health, "/livez", "ok"));
  peers.clear();
  bool served = false;
  for (int i = 0; i < 100 && !served; ++i) {
    Peer peer(child.media());
    served = asks(peer, "/", "ok");
    let_pass(50ms);
  }
  EXPECT_TRUE(served);
}

TEST(DescriptorsTest, WithNobodyToGiveWayTheBacklogIsResetWithoutSpinning) {
  const Child child(64, HttpServer::Standing::Private);
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 150; ++i) {
    peers.push_back(std::make_unique<Peer>(child.media()));
    peers.back()->send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  // Each of the last has been told so: it does not wait in the backlog for ever.
  for (int i = 140; i < 150; ++i) EXPECT_TRUE(peers[static_cast<std::size_t>(i)]->closed_by_peer());
  const double before = child.cpu_seconds();
  let_pass(1s);
  EXPECT_LT(child.cpu_seconds() - before, 0.3);
  EXPECT_LE(child.log_lines(), 3);
  // Places that fall free are used again.
  for (int i = 0; i < 20; ++i) peers[static_cast<std::size_t>(i)]->close();
  bool served = false;
  for (int i = 0; i < 100 && !served; ++i) {
    Peer peer(child.media());
    served = asks(peer, "/", "ok");
    let_pass(50ms);
  }
  EXPECT_TRUE(served);
}

TEST(DescriptorsTest, TheVitalPortAnswersWhenNobodyElseDoes) {
  const Child child(64, HttpServer::Standing::Private);
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 150; ++i) {
    peers.push_back(std::make_unique<Peer>(child.media()));
    peers.back()->send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  for (int i = 0; i < 30; ++i) {
    Peer health(child.ops());
    EXPECT_TRUE(asks(health, "/livez", "ok")) << i;
    if (i % 10 == 0) let_pass(120ms);  // the reserve fills up again
  }
}

TEST(DescriptorsTest, APublicPortLeavesSomeToTheRestOfItsProcess) {
  const Child child(128, HttpServer::Standing::Public);
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 200; ++i) {
    peers.push_back(std::make_unique<Peer>(child.media()));
    ASSERT_EQ(answer_of(*peers.back(), "/files"), "10") << i;
  }
  EXPECT_LE(child.log_lines(), 3);
}

TEST(DescriptorsTest, AReserveLendsAndFillsUpAgain) {
  DescriptorReserve reserve(2);
  EXPECT_EQ(reserve.held(), 2U);
  EXPECT_TRUE(reserve.lend());
  EXPECT_TRUE(reserve.lend());
  EXPECT_FALSE(reserve.lend());
  reserve.refill();
  EXPECT_EQ(reserve.held(), 2U);
}

TEST(DescriptorsTest, KeptIsAnEighthWithinBounds) {
  EXPECT_EQ(descriptors_kept(20'000), 2'500U);
  EXPECT_EQ(descriptors_kept(64), 16U);
  EXPECT_EQ(descriptors_kept(1'000'000), 4'096U);
}

using HttpClientDescriptorsTest = testing::HttpClientTest;

// The gateway counts "connect:" against the node, and must not count this.
TEST_F(HttpClientDescriptorsTest, NoDescriptorIsNotTheOtherSidesFault) {
  const LiveServer live({}, testing::ok());
  EXPECT_EQ(get(live.endpoint()).body, "ok");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 3, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto elsewhere = *parse_endpoint("127.0.0.1:9");
  const testing::Fetched fetched = get(elsewhere);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(fetched.reason(), base::Reason::OriginFailed);
  EXPECT_TRUE(fetched.detail().starts_with("no descriptor: ")) << fetched.detail();
  EXPECT_EQ(get(live.endpoint()).body, "ok");
}

}  // namespace
}  // namespace millrace::net
