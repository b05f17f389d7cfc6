// SPDX-License-Identifier: Apache-2.0
// A whole agent in this process, asked over HTTP as a gateway asks it.
#include "agent/node.h"

#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <optional>
#include <signal.h>
#include <unistd.h>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include "base/crypto.h"
#include "net/http_client.h"
#include "pipeline/task.h"
#include "tests/agent/rig.h"

namespace millrace::agent {
namespace {

using namespace std::chrono_literals;

const std::string kFleetKey(32, 'k');

class FakeRegistrar final : public discovery::Registrar {
 public:
  std::vector<discovery::NodeRecord> published;
  bool withdrawn = false;
  void publish(discovery::NodeRecord record) override { published.push_back(std::move(record)); }
  net::Awaitable<void> run() override { co_return; }
  net::Awaitable<void> withdraw() override {
    withdrawn = true;
    co_return;
  }
};

struct Answer {
  int status = -1;  // none came
  net::Headers headers;
  std::string body;
  std::vector<std::string> beside;  // what its descriptors read
  [[nodiscard]] std::string header(const std::string& name) const {
    return std::string(headers.find(name).value_or("(none)"));
  }
};

std::string content_of(int fd) {
  EXPECT_EQ(::fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
  std::string content(2 << 20, '\0');
  const ssize_t got = ::pread(fd, content.data(), content.size(), 0);
  content.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return content;
}

class NodeTest : public testing::Test {
 protected:
  void SetUp() override { start(); }
  void start(const std::function<void(AgentConfig&)>& adjust = {}) {
    std::filesystem::create_directory(folder_.path() + "/photos");
    put("cat", "100x50x1 a cat");
    Node::Options options;
    options.config.listen = "127.0.0.1:0";
    options.config.ops_listen = "127.0.0.1:0";
    options.config.node_id = "node-1";
    options.config.cache.dir = folder_.path() + "/cache";
    options.config.cache.bytes_max = base::mebibytes(64);
    options.config.image_workers.count = 2;
    options.config.image_workers.pin = false;
    options.config.image_workers.cancel_grace = 1ms;
    if (adjust) adjust(options.config);
    options.storage.buckets["photos"].folder = folder_.path() + "/photos";
    options.fleet_key = kFleetKey;
    options.worker_binary = MILLRACE_BINARY_DIR "/millrace-test-worker";
    options.version = "test";
    auto node = Node::start(io_, std::move(options), metrics_, &registrar_);
    ASSERT_TRUE(node.has_value()) << node.error().public_message;
    node_ = std::move(*node);
    ASSERT_TRUE(until([this] { return node_->why_not_ready().empty(); }));
  }
  void TearDown() override {
    if (!node_) return;
    if (!drained_) drain();
    ASSERT_TRUE(until([this] { return drained_; }));
    node_.reset();
    client_.reset();
    io_.restart();
    io_.run_for(0ms);
  }
  void drain() {
    node_->drain([this] { drained_ = true; });
  }
  bool until(const std::function<bool()>& done) { return run_until(io_, done); }
  void put(const std::string& key, const std::string& content) const {
    std::ofstream(folder_.path() + "/photos/" + key) << content;
  }

  pipeline::Task task(const std::string& pipeline, const std::string& key = "cat") {
    pipeline::Task task;
    task.request_id = "request-1";
    task.bucket = "photos";
    task.key = key;
    task.pipeline = pipeline;
    task.tier = "free";
    task.time_left = 30s;
    task.gateway_instance = "gateway-1";
    task.sequence = ++sequence_;
    task.sent_at_unix_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                               std::chrono::system_clock::now().time_since_epoch())
                               .count();
    return task;
  }
  static net::ClientRequest signed_request(const pipeline::Task& task) {
    net::ClientRequest request;
    request.method = "POST";
    request.target = "/v1/task";
    request.body = pipeline::to_json(task);
    request.headers.set(pipeline::kSignatureHeader,
                        base::hex(base::hmac_sha256(kFleetKey, request.body)));
    request.repeat_on_stale_connection = false;
    return request;
  }
  using Pending = std::shared_ptr<Eventually<base::Result<Answer>>>;
  Pending send(net::ClientRequest request, bool to_ops = false, net::CancelToken cancel = {}) {
    auto into = std::make_shared<Eventually<base::Result<Answer>>>();
    const net::Endpoint endpoint = to_ops ? node_->ops_endpoint() : node_->task_endpoint();
    net::asio::co_spawn(
        io_, deliver(exchange(*client_, endpoint, std::move(request), std::move(cancel)), into),
        net::asio::detached);
    return into;
  }
  Answer wait_for(const Pending& pending) {
    if (!until([&] { return pending->done(); })) return {};
    if (!*pending->value) {
      Answer failed;
      failed.status = -2;
      failed.body = (*pending->value).error().detail;
      return failed;
    }
    return **pending->value;
  }
  Answer ask(const std::string& pipeline, const std::string& key = "cat") {
    return wait_for(send(signed_request(task(pipeline, key))));
  }
  Answer ops(const std::string& target) {
    net::ClientRequest request;
    request.target = target;
    return wait_for(send(std::move(request), true));
  }
  bool metric_is(const std::string& line) {
    return until([&] { return ops("/metrics").body.find(line) != std::string::npos; });
  }
  // Ends every `wait`: all descendants of this process that are test workers.
  static void signal_workers() {
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
      std::ifstream children(entry.path() / "children");
      for (pid_t pid = 0; children >> pid;) ::kill(pid, SIGUSR1);
    }
  }

 private:
  static net::Awaitable<base::Result<Answer>> exchange(net::HttpClient& client,
                                                       net::Endpoint endpoint,
                                                       net::ClientRequest request,
                                                       net::CancelToken cancel) {
    const auto deadline = base::Deadline::after(base::Clock::now(), 30s);
    auto response = co_await client.send(endpoint, std::move(request), deadline, cancel);
    if (!response) co_return base::fail(response.error());
    Answer answer;
    answer.status = (*response)->status();
    answer.headers = (*response)->headers();
    for (const base::UniqueFd& fd : (*response)->take_descriptors()) {
      answer.beside.push_back(content_of(fd.get()));
    }
    auto body = co_await (*response)->read_all(base::mebibytes(64));
    if (!body) co_return base::fail(body.error());
    answer.body = std::move(*body);
    co_return answer;
  }

 protected:
  base::Metrics metrics_;  // outlives what is left in io_: connections count themselves out
  net::asio::io_context io_;
  FakeRegistrar registrar_;
  TempFolder folder_;
  std::unique_ptr<Node> node_;
  std::optional<net::HttpClient> client_{std::in_place, io_, net::HttpClient::Options{}};
  std::uint64_t sequence_ = 0;
  bool drained_ = false;
};

TEST_F(NodeTest, AnswersATaskWithTheVariantAndWhereTheTimeWent) {
  const Answer made = ask("copy");
  ASSERT_EQ(made.status, 200) << made.body;
  EXPECT_EQ(made.body, "100x50x1 a cat");
  EXPECT_EQ(made.header("Content-Type"), "text/plain");
  EXPECT_EQ(made.header("X-Millrace-Crop"), "face");
  EXPECT_EQ(made.header("X-Millrace-Cache"), "miss");
  EXPECT_EQ(made.header("X-Millrace-Node"), "node-1");
  EXPECT_TRUE(pipeline::node_load_from_header(made.header("X-Millrace-Load")).has_value());
  for (const std::string stage : {"fetch;dur=", "probe;dur=", "queue;dur=", "work;dur="}) {
    EXPECT_NE(made.header("Server-Timing").find(stage), std::string::npos) << stage;
  }
  const Answer again = ask("copy");
  EXPECT_EQ(again.header("X-Millrace-Cache"), "hit");
  EXPECT_EQ(again.body, made.body);
  EXPECT_EQ(again.header("ETag"), made.header("ETag"));
}

class VouchingNodeTest : public NodeTest {
 protected:
  void SetUp() override {
    start([](AgentConfig& config) { config.cache.source_fresh = 1h; });
  }
};

TEST_F(VouchingNodeTest, SaysForHowLongItWillAnswerTheSame) {
  EXPECT_EQ(ask("copy").header("X-Millrace-Fresh-Ms"), "(none)") << "the cache may not keep it";
  const std::int64_t fresh_ms = std::stoll(ask("copy").header("X-Millrace-Fresh-Ms"));
  EXPECT_GT(fresh_ms, 0);
  EXPECT_LE(fresh_ms, 3'600'000);
}

class AskingNodeTest : public NodeTest {
 protected:
  void SetUp() override {
    start([](AgentConfig& config) { config.cache.source_fresh = 0ms; });
  }
};

TEST_F(AskingNodeTest, VouchesForNothing) {
  ask("copy");
  const Answer again = ask("copy");
  EXPECT_EQ(again.header("X-Millrace-Cache"), "hit");
  EXPECT_EQ(again.header("X-Millrace-Fresh-Ms"), "(none)");
}

TEST_F(NodeTest, TellsWhatTheWorkCostToWhoHadItMade) {
  const auto cost = pipeline::task_cost_from_header(ask("copy").header("X-Millrace-Cost"));
  ASSERT_TRUE(cost.has_value());
  EXPECT_GT(cost->predicted_cpu_ms, 0);
  EXPECT_GT(cost->memory_predicted_bytes, 0U);
  EXPECT_GT(cost->memory_peak_bytes, 0U);
  EXPECT_EQ(ask("copy").header("X-Millrace-Cost"), "(none)") << "it was in the cache";
}

TEST_F(NodeTest, ATierThatItDoesNotKnowIsServedAsTheLightest) {
  pipeline::Task gold = task("copy");
  gold.tier = "gold";
  EXPECT_EQ(wait_for(send(signed_request(gold))).status, 200);
  EXPECT_TRUE(metric_is(R"(millrace_agent_queue_delay_seconds_count{tier="free"} 1)"));
}

TEST_F(NodeTest, WhatIsTooLateSaysWhenToComeBack) {
  const Pending a = send(signed_request(task("wait")));
  ASSERT_TRUE(metric_is("millrace_agent_workers_busy 1"));
  const Pending b = send(signed_request(task("wait/ignore-error/1")));
  ASSERT_TRUE(metric_is("millrace_agent_workers_busy 2"));
  pipeline::Task hasty = task("copy");
  hasty.time_left = 500ms;
  const Answer late = wait_for(send(signed_request(hasty)));
  EXPECT_EQ(late.status, 504);
  EXPECT_GE(std::stoi(late.header("Retry-After")), 1);
  EXPECT_TRUE(metric_is(R"(millrace_agent_queue_drops_total{reason="expired",tier="free"} 1)"));
  signal_workers();
  EXPECT_EQ(wait_for(a).status, 200);
  EXPECT_EQ(wait_for(b).status, 200);
}

TEST_F(NodeTest, GivesNoBytesToWhoHasThem) {
  const Answer made = ask("copy");
  net::ClientRequest request = signed_request(task("copy"));
  request.headers.set("If-None-Match", made.header("ETag"));
  const Answer same = wait_for(send(std::move(request)));
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.body, "");
  EXPECT_EQ(same.header("ETag"), made.header("ETag"));
}

TEST_F(NodeTest, StreamsLargeResultsWhole) {
  const Answer made = ask("fill/bytes/5000000");
  ASSERT_EQ(made.status, 200);
  EXPECT_EQ(made.body, std::string(5'000'000, 'x'));
}

// On a unix socket.
class LocalNodeTest : public NodeTest {
 protected:
  void SetUp() override {
    start([this](AgentConfig& config) { config.listen = "unix:" + folder_.path() + "/agent"; });
  }
  Answer ask_for_file(const std::string& pipeline, const std::string& takes = "descriptor") {
    net::ClientRequest request = signed_request(task(pipeline));
    if (!takes.empty()) request.headers.set(pipeline::kTakesHeader, takes);
    request.takes_descriptors = true;
    return wait_for(send(std::move(request)));
  }
};

TEST_F(LocalNodeTest, HandsAFileToWhoTakesDescriptors) {
  for (int i = 0; i < 2; ++i) {  // made, and from the cache
    const Answer answer = ask_for_file("fill/bytes/300000");
    ASSERT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "");
    EXPECT_EQ(answer.header("X-Millrace-Descriptor"), "300000");
    EXPECT_EQ(answer.header("X-Millrace-Cache"), i == 0 ? "miss" : "hit");
    ASSERT_EQ(answer.beside.size(), 1U);
    EXPECT_EQ(answer.beside.front(), std::string(300'000, 'x'));
  }
}

TEST_F(LocalNodeTest, WritesToWhoTakesNoneWhatIsSmallAndWhatIsLarge) {
  for (const std::string takes : {"", "something newer"}) {
    const Answer answer = ask_for_file("fill/bytes/300000", takes);
    EXPECT_EQ(answer.body, std::string(300'000, 'x'));
    EXPECT_TRUE(answer.beside.empty());
  }
  for (const std::size_t size : {1'000U, 65'536U, 2'000'000U}) {
    const Answer answer = ask_for_file("fill/bytes/" + std::to_string(size));
    EXPECT_EQ(answer.body, std::string(size, 'x'));
    EXPECT_TRUE(answer.beside.empty());
    EXPECT_EQ(answer.header("X-Millrace-Descriptor"), "(none)");
  }
}

TEST_F(NodeTest, HandsNothingOverTcp) {
  net::ClientRequest request = signed_request(task("fill/bytes/300000"));
  request.headers.set(pipeline::kTakesHeader, pipeline::kTakesDescriptor);
  EXPECT_EQ(wait_for(send(std::move(request))).body, std::string(300'000, 'x'));
}

TEST_F(NodeTest, ObeysOnlyItsFleet) {
  net::ClientRequest forged = signed_request(task("copy"));
  forged.headers.set(pipeline::kSignatureHeader, std::string(64, '0'));
  const Answer refused = wait_for(send(std::move(forged)));
  EXPECT_EQ(refused.status, base::http_status_of(base::Reason::TokenInvalid));
  EXPECT_NE(refused.body.find("token_invalid"), std::string::npos);

  net::ClientRequest unsigned_one = signed_request(task("copy"));
  unsigned_one.headers.remove(pipeline::kSignatureHeader);
  EXPECT_NE(wait_for(send(std::move(unsigned_one))).body.find("token_missing"), std::string::npos);

  const pipeline::Task once = task("copy");
  EXPECT_EQ(wait_for(send(signed_request(once))).status, 200);
  EXPECT_NE(wait_for(send(signed_request(once))).body.find("token_invalid"), std::string::npos)
      << "a task counts once";

  pipeline::Task old = task("copy");
  old.sent_at_unix_ms -= 3'600'000;
  EXPECT_NE(wait_for(send(signed_request(old))).body.find("token_invalid"), std::string::npos);
}

TEST_F(NodeTest, ErrorsAreJsonWithTheNodesFields) {
  const Answer missing = ask("copy", "dog");
  EXPECT_EQ(missing.status, 404);
  EXPECT_NE(missing.body.find("\"reason\":\"no_key\""), std::string::npos) << missing.body;
  EXPECT_NE(missing.body.find("request-1"), std::string::npos);
  EXPECT_EQ(missing.header("X-Millrace-Node"), "node-1");
  EXPECT_EQ(ask("paint").status, 400);
  const Answer died = ask("die");
  EXPECT_EQ(died.status, 502);
  EXPECT_NE(died.body.find("worker_died"), std::string::npos);
  EXPECT_EQ(ask("copy").status, 200);
}

TEST_F(NodeTest, IgnoreErrorAnswersTheOriginalAndSaysWhy) {
  const Answer original = ask("refuse/ignore-error/1");
  EXPECT_EQ(original.status, 200);
  EXPECT_EQ(original.body, "100x50x1 a cat");
  EXPECT_EQ(original.header("X-Millrace-Ignored-Error"), "corrupt_media");
}

TEST_F(NodeTest, AClientThatLeavesFreesItsWorker) {
  net::CancelSource leave;
  const Pending pending = send(signed_request(task("wait")), false, leave.token());
  ASSERT_TRUE(metric_is("millrace_agent_workers_busy 1"));
  leave.cancel();
  EXPECT_TRUE(metric_is("millrace_agent_workers_busy 0"));
  EXPECT_TRUE(metric_is("millrace_agent_waiting_requests 0"));
  EXPECT_TRUE(metric_is(R"(millrace_agent_worker_ends_total{cause="cancelled"} 1)"));
  wait_for(pending);
}

TEST_F(NodeTest, TellsTheRegistryWhatItCanDo) {
  const discovery::NodeRecord& now = registrar_.published.back();
  EXPECT_EQ(now.state, discovery::NodeState::Serving);
  ASSERT_EQ(now.kinds.size(), 1U);
  EXPECT_EQ(now.kinds[0].kind, "image");
  EXPECT_EQ(now.kinds[0].slots, 2U);
  EXPECT_EQ(now.address, node_->task_endpoint().text());
  EXPECT_EQ(registrar_.published.front().state, discovery::NodeState::Starting);
  EXPECT_TRUE(registrar_.published.front().kinds.empty());
}

TEST_F(NodeTest, DrainsWithoutDroppingWhatRuns) {
  const Pending running = send(signed_request(task("wait")));
  ASSERT_TRUE(metric_is("millrace_agent_workers_busy 1"));
  drain();
  EXPECT_EQ(registrar_.published.back().state, discovery::NodeState::Draining);
  EXPECT_FALSE(drained_);
  EXPECT_EQ(ops("/readyz").status, 503);
  const Answer late = ask("copy");
  EXPECT_NE(late.status, 200) << "refused, or no longer accepted";
  signal_workers();
  EXPECT_EQ(wait_for(running).body, "100x50x1 a cat");
  ASSERT_TRUE(until([this] { return drained_; }));
  EXPECT_TRUE(registrar_.withdrawn);
}

TEST_F(NodeTest, TheOperatorsPortSaysHowItIs) {
  EXPECT_EQ(ops("/livez").status, 200);
  EXPECT_EQ(ops("/readyz").body, "ok\n");
  EXPECT_NE(ops("/version").body.find("millrace-agent"), std::string::npos);
  EXPECT_EQ(ops("/nothing").status, 400);
  ask("copy");
  EXPECT_TRUE(metric_is(R"(millrace_agent_results_total{from="worker"} 1)"));
  EXPECT_TRUE(metric_is("millrace_agent_workers_ready 2"));
}

TEST_F(NodeTest, ReportsItsLoad) {
  net::ClientRequest request;
  request.target = "/v1/load";
  const Answer load = wait_for(send(std::move(request)));
  EXPECT_EQ(load.status, 200);
  const auto parsed = pipeline::node_load_from_header(load.header("X-Millrace-Load"));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->slots, 2U);
}

}  // namespace
}  // namespace millrace::agent
