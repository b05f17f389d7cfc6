// SPDX-License-Identifier: Apache-2.0
// More work than workers, seen from outside: refusals wait for nobody, one frozen worker or one
// dead origin is nobody else's trouble, second tries are few.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <future>
#include <memory>
#include <mutex>
#include <signal.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "bench/lab/origins.h"
#include "tests/e2e/system.h"
#include "tests/support/picture.h"

namespace millrace::test {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

// A request whose answer is awaited later, or never.
class Held {
 public:
  Held(std::uint16_t port, const std::string& target, const std::string& user = "")
      : connection_(port) {
    const std::string field = user.empty() ? "" : "X-Millrace-User: " + user + "\r\n";
    sent_ = connection_.send("GET " + target + " HTTP/1.1\r\nHost: x\r\n" + field + "\r\n");
  }
  [[nodiscard]] bool sent() const { return sent_; }
  HttpReply answer() { return connection_.read_reply().value_or(HttpReply{}); }

 private:
  RawConnection connection_;
  bool sent_ = false;
};

class OverloadTest : public testing::Test {
 protected:
  void start(const std::string& yaml, std::map<std::string, std::string> environment = {}) {
    System::Options options;
    options.config_yaml = yaml;
    options.environment = std::move(environment);
    // Nothing here is about deadlines, and a machine may be slow.
    options.environment.try_emplace("MILLRACE_GATEWAY_DEADLINES_IMAGE_MS_MAX", "300000");
    options.environment.try_emplace("MILLRACE_AGENT_LIMITS_DEADLINE_MS_MAX", "300000");
    system_ = std::make_unique<System>(options);
    ASSERT_TRUE(system_->ready()) << system_->log();
    system_->add_photo("g.jpg", encode_jpeg(make_picture(320, 200), 80));
    ASSERT_EQ(variant("g.jpg").status, 200);
  }
  void TearDown() override {
    for (const pid_t pid : frozen_) ::kill(pid, SIGCONT);
  }
  // A variant that nobody asked for before.
  static std::string fresh_target(const std::string& key) {
    static std::atomic<int> next{0};
    const int n = next.fetch_add(1);
    return "/photos/" + key + "?imageView2/1/w/" + std::to_string(20 + n % 250) + "/h/" +
           std::to_string(20 + n / 250);
  }
  [[nodiscard]] HttpReply variant(const std::string& key, const FieldList& fields = {}) const {
    return system_->get(fresh_target(key), fields);
  }
  [[nodiscard]] HttpReply as(const std::string& user, const std::string& target) const {
    return system_->get(target, {{"X-Millrace-User", user}});
  }
  [[nodiscard]] std::vector<pid_t> workers() const {
    return system_->pids_of("millrace-image-worker");
  }
  void freeze(pid_t pid) {
    ::kill(pid, SIGSTOP);
    frozen_.push_back(pid);
  }
  void freeze_all_workers() {
    for (const pid_t pid : workers()) freeze(pid);
  }
  void thaw() {
    for (const pid_t pid : frozen_) ::kill(pid, SIGCONT);
    frozen_.clear();
  }
  // The value of a series of the gateway, by the beginning of its line.
  [[nodiscard]] double metric(const std::string& series) const {
    const std::string text = fetch(system_->ops_port(), "/metrics").body;
    const std::size_t at = text.find("\n" + series + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + series.size() + 2));
  }
  [[nodiscard]] double in_flight() const { return metric("millrace_gateway_requests_in_flight"); }
  [[nodiscard]] bool in_flight_is(double count) const {
    return eventually([&] { return in_flight() == count; });
  }

  std::unique_ptr<System> system_;
  std::vector<pid_t> frozen_;
};

// Five tiers, each with a user; limits that one request reaches.
constexpr const char* kEveryLimit = R"(
gateway:
  trusted_proxies: ["127.0.0.0/8"]
  tiers:
    free: {rate_per_s: 0, burst: 0, concurrency_max: 0}
    slow: {rate_per_s: 0.001, burst: 1}
    narrow: {concurrency_max: 1}
    third: {}
  users:
    slow: {tier: slow}
    narrow: {tier: narrow}
    third: {tier: third}
    acme: {tier: paid, access_key: AK, secret_key: SK}
  commands: {imageInfo: {concurrency_max: 1}}
agent:
  tiers: {free: {queue_per_worker: 2}, slow: {}, narrow: {}, third: {weight: 3}}
  workers: {image: {count: 1}}
  limits: {source_bytes_max: 4000000, source_px_max: 6000000}
)";

TEST_F(OverloadTest, EveryKindOfRefusalIsAnsweredWhileTheWorkersStandStill) {
  // A thread knows only of what it was answered itself that it is probably cached.
  start(kEveryLimit, {{"MILLRACE_GATEWAY_THREADS", "1"}});
  system_->add_photo("bytes.png", encode(make_picture(1400, 1200), ".png[compression=0]"));
  system_->add_photo("pixels.jpg", encode_jpeg(make_picture(3000, 2100), 60));
  system_->add_photo("slow.jpg", encode_jpeg(make_picture(2900, 2000), 70));
  const std::string cached = fresh_target("g.jpg");
  ASSERT_EQ(system_->get(cached).status, 200);

  const std::uint16_t port = system_->media_port();
  std::vector<std::unique_ptr<Held>> held;
  const auto hold = [&](const std::string& target, const std::string& user) {
    held.push_back(std::make_unique<Held>(port, target, user));
    ASSERT_TRUE(held.back()->sent());
    ASSERT_TRUE(in_flight_is(static_cast<double>(held.size()))) << target << user;
  };
  hold("/photos/slow.jpg?imageView2/2/w/1500/format/avif/q/100", "");
  const pid_t worker = system_->busy_worker();  // the only one for work
  ASSERT_NE(worker, 0);
  freeze(worker);
  for (int i = 0; i < 2; ++i) hold(fresh_target("g.jpg"), "");  // all that the free queue takes
  hold(fresh_target("g.jpg"), "narrow");
  hold("/photos/g.jpg?imageInfo", "third");

  EXPECT_EQ(reason_of(system_->get("/photos/g.jpg?imageView2/1/w/0")), "bad_parameter");
  EXPECT_EQ(reason_of(system_->get("/photos/g.jpg?nosuchfop")), "unknown_command");
  EXPECT_EQ(reason_of(system_->get("/photos/%zz?imageInfo")), "bad_target");
  EXPECT_EQ(reason_of(system_->get("/photos/g.jpg", {}, "POST")), "bad_method");
  EXPECT_EQ(reason_of(system_->get("/nowhere/g.jpg?imageInfo")), "no_bucket");
  EXPECT_EQ(reason_of(system_->get("/photos/g.jpg?e=1&token=AK:x")), "bad_signature_form");
  EXPECT_EQ(reason_of(system_->get("/photos/g.jpg?e=1&token=AK:AAAAAAAAAAAAAAAAAAAAAAAAAAA=")),
            "token_invalid");
  EXPECT_EQ(as("slow", "/photos/g.jpg").status, 200);
  EXPECT_EQ(reason_of(as("slow", "/photos/g.jpg")), "user_rate");
  EXPECT_EQ(reason_of(as("narrow", fresh_target("g.jpg"))), "user_concurrency");
  EXPECT_EQ(reason_of(as("acme", "/photos/g.jpg?imageInfo")), "command_concurrency");
  EXPECT_EQ(reason_of(as("acme", fresh_target("missing.jpg"))), "no_key");
  EXPECT_EQ(reason_of(as("acme", fresh_target("bytes.png"))), "source_too_large");
  EXPECT_EQ(reason_of(as("acme", fresh_target("pixels.jpg"))), "too_many_pixels");
  const HttpReply full = variant("g.jpg");
  EXPECT_EQ(full.status, 503);
  EXPECT_EQ(reason_of(full), "queue_full");
  EXPECT_GE(std::stoi(full.header("retry-after")), 1);
  EXPECT_EQ(system_->get(cached).status, 200) << "what is cached needs no worker";
  EXPECT_EQ(system_->get("/photos/g.jpg").status, 200);
  EXPECT_EQ(fetch(system_->ops_port(), "/livez").status, 200);
  EXPECT_TRUE(in_flight_is(static_cast<double>(held.size()))) << "nobody else waits";

  thaw();
  for (const auto& one : held) EXPECT_EQ(one->answer().status, 200);
  EXPECT_EQ(as("third", fresh_target("g.jpg")).status, 200) << "a tier by configuration alone";
}

TEST_F(OverloadTest, TellsWhatTheWorkCostToThoseWhoAsk) {
  start(kNoLimits);
  const FieldList asks = {{"X-Millrace-Cost", "1"}};
  const std::string target = fresh_target("g.jpg");
  const HttpReply made = system_->get(target, asks);
  ASSERT_EQ(made.status, 200);
  double predicted = 0;
  double actual = 0;
  unsigned long long memory_predicted = 0;
  unsigned long long memory_peak = 0;
  ASSERT_EQ(std::sscanf(made.header("x-millrace-cost").c_str(),
                        "predicted=%lf, actual=%lf, memory_predicted=%llu, memory_peak=%llu",
                        &predicted, &actual, &memory_predicted, &memory_peak),
            4)
      << made.header("x-millrace-cost");
  EXPECT_GT(predicted, 0.1);
  EXPECT_GT(actual, 0.1);
  EXPECT_GT(memory_predicted, 10'000'000U);
  EXPECT_GT(memory_peak, 10'000'000U);
  EXPECT_EQ(system_->get(target, asks).header("x-millrace-cost"), "") << "this one cost nothing";
  EXPECT_EQ(variant("g.jpg").header("x-millrace-cost"), "") << "and nobody asked here";
}

// Worker by worker, those for headers and the spare ones too: whoever is frozen holds up the one
// request that it has, and no other.
TEST_F(OverloadTest, AnyFrozenWorkerHoldsUpItsOwnTaskAlone) {
  start(kNoLimits, {{"MILLRACE_AGENT_WORKERS_IMAGE_COUNT", "2"}});
  int file = 0;
  for (const pid_t pid : workers()) {
    freeze(pid);
    std::vector<std::future<HttpReply>> answers;
    std::atomic<int> served{0};
    for (int i = 0; i < 6; ++i) {
      const std::string key = "new" + std::to_string(++file) + ".jpg";
      system_->add_photo(key, encode_jpeg(make_picture(160, 120, file), 70));
      answers.push_back(std::async(std::launch::async, [&, key] {
        HttpReply reply = variant(key);
        if (reply.status == 200) ++served;
        return reply;
      }));
    }
    EXPECT_TRUE(eventually([&] { return served >= 5; }, seconds(20))) << served << " of 6";
    thaw();
    for (auto& answer : answers) EXPECT_EQ(answer.get().status, 200);
  }
}

TEST_F(OverloadTest, AWorkerStoppedForTenSecondsInMidTaskCostsThatTaskAlone) {
  start(kNoLimits, {{"MILLRACE_AGENT_WORKERS_IMAGE_COUNT", "2"}});
  system_->add_photo("slow.jpg", encode_jpeg(make_picture(3000, 2000), 95));
  auto slow = std::async(std::launch::async, [&] {
    return system_->get("/photos/slow.jpg?imageView2/2/w/1500/format/avif/q/100");
  });
  const pid_t victim = system_->busy_worker();
  ASSERT_NE(victim, 0);
  freeze(victim);
  std::atomic<bool> done{false};
  std::atomic<int> served{0};
  std::atomic<int> failed{0};
  std::vector<std::thread> others;
  for (int i = 0; i < 2; ++i) {
    others.emplace_back([&] {
      while (!done) (variant("g.jpg").status == 200 ? served : failed)++;
    });
  }
  const auto then = steady_clock::now() + seconds(10);
  EXPECT_TRUE(eventually([&] { return steady_clock::now() >= then; }));
  EXPECT_EQ(slow.wait_for(seconds(0)), std::future_status::timeout) << "its worker stands still";
  thaw();
  EXPECT_EQ(slow.get().status, 200) << "late, but within its deadline";
  done = true;
  for (std::thread& other : others) other.join();
  EXPECT_GT(served, 20);
  EXPECT_EQ(failed, 0);
}

TEST_F(OverloadTest, OneDeadOriginOfTenIsNotNoticedByTheOthers) {
  const TempDir folder;
  folder.write("a.jpg", encode_jpeg(make_picture(200, 150), 70));
  std::vector<std::unique_ptr<bench::Origin>> origins;
  std::string buckets = "buckets:\n";
  for (int i = 0; i < 10; ++i) {
    origins.push_back(std::make_unique<bench::Origin>(folder.path(), i == 9 ? "hang" : "healthy",
                                                      bench::Milliseconds(0)));
    ASSERT_TRUE(origins.back()->start());
    buckets += "  o" + std::to_string(i) + ": {kind: http, origin: \"http://127.0.0.1:" +
               std::to_string(origins.back()->port()) + "\"}\n";
  }
  start(kNoLimits + buckets);

  std::atomic<bool> done{false};
  std::atomic<int> served{0};
  std::mutex mutex;
  std::vector<std::string> wrong;
  std::vector<std::thread> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back([&, i] {
      for (int n = i; !done; ++n) {
        const std::string bucket = "o" + std::to_string(n % 9);
        std::string target = fresh_target("a.jpg");
        target.replace(1, 6, bucket);
        const HttpReply reply = system_->get(target);
        if (reply.status == 200) {
          ++served;
        } else {
          const std::lock_guard lock(mutex);
          wrong.push_back(bucket + " " + std::to_string(reply.status) + " " + reply.body);
        }
      }
    });
  }
  EXPECT_TRUE(eventually([&] { return served > 30; }));
  const int before = served;
  // More than its share may hold, and on and on; those that are let in hang.
  std::vector<std::unique_ptr<Held>> hanging;
  for (int i = 0; i < 400; ++i) {
    hanging.push_back(std::make_unique<Held>(
        system_->media_port(), "/o9/" + std::to_string(i) + ".jpg?imageView2/2/w/50"));
    if (i % 4 == 0) std::this_thread::yield();
  }
  EXPECT_TRUE(eventually([&] { return served > before + 100; }));
  done = true;
  for (std::thread& client : clients) client.join();
  EXPECT_TRUE(wrong.empty()) << wrong.size() << ", such as " << wrong.front();
  EXPECT_GT(metric("millrace_gateway_requests_total{kind=\"variant\",reason=\"queue_full\"}"), 100)
      << "most of the dead one's are refused at once";
  EXPECT_GE(in_flight(), 5) << "the rest still hangs";
}

TEST_F(OverloadTest, WhoeverIsToldThatTheQueueIsFullAndWaitsAsToldIsServed) {
  start(kNoLimits, {{"MILLRACE_AGENT_WORKERS_IMAGE_COUNT", "1"}});
  system_->add_photo("big.jpg", encode_jpeg(make_picture(2400, 1600), 90));
  const auto big = [](int n) {
    return "/photos/big.jpg?imageView2/2/w/" + std::to_string(900 + n) + "/format/webp";
  };
  ASSERT_EQ(system_->get(big(0)).status, 200);  // something was measured
  // The only worker stands still until somebody was refused: however fast it is, the queue is full.
  freeze_all_workers();
  std::vector<std::unique_ptr<Held>> held;
  for (int i = 1; i <= 40; ++i) {  // one at work, ten in the queue
    held.push_back(std::make_unique<Held>(system_->media_port(), big(i)));
    ASSERT_TRUE(held.back()->sent());
  }
  const auto answered = [&] {
    return metric("millrace_gateway_requests_total{kind=\"variant\",reason=\"queue_full\"}");
  };
  ASSERT_TRUE(eventually([&] { return answered() >= 20; }));
  const HttpReply refused = system_->get(big(100));
  thaw();
  ASSERT_EQ(reason_of(refused), "queue_full");
  const int wait_s = std::stoi(refused.header("retry-after"));
  EXPECT_GE(wait_s, 1);
  const auto then = steady_clock::now() + seconds(wait_s);
  ASSERT_TRUE(eventually([&] { return steady_clock::now() >= then; }, seconds(90)));
  EXPECT_EQ(system_->get(big(500)).status, 200) << "after " << wait_s << " s";
  for (const auto& one : held) {
    const HttpReply reply = one->answer();
    EXPECT_TRUE(reply.status == 200 || reply.status == 503) << reply.status;
  }
}

// A second node beside the one that `up` runs, of the same fleet.
class SecondAgent {
 public:
  SecondAgent(const System& system, const std::map<std::string, std::string>& environment) {
    const std::string config = system.effective_config().string();
    const std::string program = std::string(MILLRACE_BINARY_DIR) + "/millrace-agent";
    std::map<std::string, std::string> all = {
        {"MILLRACE_AGENT_LISTEN", "unix:" + (folder_.path() / "agent.sock").string()},
        {"MILLRACE_AGENT_OPS_LISTEN", "127.0.0.1:0"},
        {"MILLRACE_AGENT_NODE_ID", "second"},
        {"MILLRACE_AGENT_CACHE_DIR", "/dev/shm/" + folder_.path().filename().string() + "-2"}};
    for (const auto& [name, value] : environment) all[name] = value;
    cache_ = all["MILLRACE_AGENT_CACHE_DIR"];
    pid_ = ::fork();
    if (pid_ != 0) return;
    for (const auto& [name, value] : all) ::setenv(name.c_str(), value.c_str(), 1);
    ::execl(program.c_str(), program.c_str(), "--config", config.c_str(), "--die-with-parent",
            nullptr);
    ::_exit(127);
  }
  ~SecondAgent() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
    std::error_code ignored;
    std::filesystem::remove_all(cache_, ignored);
  }
  SecondAgent(const SecondAgent&) = delete;
  SecondAgent& operator=(const SecondAgent&) = delete;
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  TempDir folder_;
  std::filesystem::path cache_;
  pid_t pid_ = 0;
};

class TwoNodesTest : public OverloadTest {
 protected:
  // The first node's cache is too small for the file "large", the second's is not.
  void start_two(const std::string& retry_ratio) {
    start(std::string(kNoLimits) + "agent: {tiers: {free: {queue_per_worker: 1}}}\n",
          {{"MILLRACE_AGENT_NODE_ID", "first"},
           {"MILLRACE_GATEWAY_THREADS", "1"},
           {"MILLRACE_GATEWAY_AGENT_LINK_RETRY_RATIO", retry_ratio},
           {"MILLRACE_AGENT_WORKERS_IMAGE_COUNT", "1"},
           {"MILLRACE_AGENT_CACHE_BYTES_MAX", std::to_string(8 << 20)}});
    second_ = std::make_unique<SecondAgent>(
        *system_, std::map<std::string, std::string>{
                      {"MILLRACE_AGENT_CACHE_BYTES_MAX", std::to_string(512 << 20)}});
    ASSERT_TRUE(eventually([&] { return metric("millrace_gateway_nodes_serving") == 2; }));
    const std::string bytes = encode(make_picture(2200, 1500), ".png[compression=0]");
    for (int i = 0; i < kFiles; ++i)
      system_->add_photo("large" + std::to_string(i) + ".png", bytes);
  }
  static constexpr int kFiles = 16;
  std::unique_ptr<SecondAgent> second_;
};

TEST_F(TwoNodesTest, WhatOneNodeCannotTakeTheOtherDoes) {
  start_two("1");
  for (int i = 0; i < kFiles; ++i) {
    EXPECT_EQ(variant("large" + std::to_string(i) + ".png").status, 200) << i;
  }
  const double retries = metric("millrace_gateway_retries_total");
  EXPECT_GE(retries, 1) << "about half of the files belong to the first node";
  EXPECT_LT(retries, kFiles);
}

TEST_F(TwoNodesTest, SecondTriesStayWithinTheBudgetAndNoneIsMadeWhenBothAreFull) {
  start_two("0.1");
  int served = 0;
  int refused = 0;
  const auto begun = steady_clock::now();
  for (int i = 0; i < 3 * kFiles; ++i) {
    const HttpReply reply = variant("large" + std::to_string(i % kFiles) + ".png");
    if (reply.status == 200) ++served;
    if (reason_of(reply) == "cache_full") ++refused;
  }
  const double retries = metric("millrace_gateway_retries_total");
  EXPECT_EQ(served + refused, 3 * kFiles);
  EXPECT_GE(retries, 1);
  const double took_s = std::chrono::duration<double>(steady_clock::now() - begun).count();
  EXPECT_LE(retries, 0.1 * 3 * kFiles + 3 * (1 + took_s / 10))
      << "a tenth of 48, and three in ten seconds for a quiet gateway";
  EXPECT_EQ(metric("millrace_gateway_retries_denied_total"), refused);

  for (const pid_t pid : process_tree(second_->pid())) {
    if (binary_of(pid) == "millrace-image-worker") freeze(pid);
  }
  freeze_all_workers();
  std::vector<std::unique_ptr<Held>> held;
  const auto next = [&] { return fresh_target("g.jpg"); };
  // Two at work, two in the queues; who finds no room any more is answered.
  ASSERT_TRUE(eventually([&] {
    held.push_back(std::make_unique<Held>(system_->media_port(), next()));
    return metric("millrace_gateway_requests_total{kind=\"variant\",reason=\"queue_full\"}") >= 5;
  }));
  const double tried = metric("millrace_gateway_retries_total");
  const double denied = metric("millrace_gateway_retries_denied_total");
  for (int i = 0; i < 100; ++i) {
    const HttpReply reply = system_->get(next());
    ASSERT_EQ(reply.status, 503);
    ASSERT_EQ(reason_of(reply), "queue_full");
    ASSERT_GE(std::stoi(reply.header("retry-after")), 1);
  }
  const double tries = metric("millrace_gateway_retries_total") - tried;
  EXPECT_LE(tries, 10);
  EXPECT_LE(tries + metric("millrace_gateway_retries_denied_total") - denied, 30)
      << "while both are known to be full, nobody even asks for a second try";
}

}  // namespace
}  // namespace millrace::test
