// SPDX-License-Identifier: Apache-2.0
#include "workers/runtime/worker_template.h"

#include <array>
#include <csignal>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <tuple>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ipc/worker_exit.h"
#include "tests/workers/runtime/sample_worker.h"
#include "tests/workers/runtime/worker_process.h"
#include "workers/runtime/guards.h"
#include "workers/runtime/task_budget.h"

namespace millrace::workers {
namespace {

using ::testing::HasSubstr;

#ifdef MILLRACE_SANITIZED  // its allocator keeps for a while what was freed
constexpr int kGrowthMaxKib = 16 << 10;
#else
constexpr int kGrowthMaxKib = 64;
#endif

// A field of /proc/<pid>/status: a word, or a number in KiB.
template <class Value>
Value status_of(pid_t pid, const std::string& field) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  Value value{};
  for (std::string word; status >> word;) {
    if (word == field + ":" && status >> value) break;
  }
  return value;
}

// A template in a process of its own. This process is its agent, and takes over what it forks.
class TemplateProcess {
 public:
  // `before`: what happens in it before it serves.
  explicit TemplateProcess(const std::function<void()>& before = {}) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    auto channel = ipc::make_channel();
    EXPECT_TRUE(channel);
    pid_ = ::fork();
    if (pid_ == 0) {
      channel->first.reset();
      if (!bind_to_parent(channel->second.get())) ::_exit(1);
      if (before) before();
      SampleWorker worker;
      ::_exit(serve_spawns(worker, channel->second.get()));
    }
    channel_ = std::move(channel->first);
  }
  ~TemplateProcess() {
    if (pid_ > 0) end();
  }
  TemplateProcess(const TemplateProcess&) = delete;
  TemplateProcess& operator=(const TemplateProcess&) = delete;

  // The answer to a spawn; `channel` is our end of the new worker's.
  base::Result<pid_t> spawn(base::UniqueFd& channel) {
    auto pair = ipc::make_channel();
    EXPECT_TRUE(pair);
    channel = std::move(pair->first);
    const ipc::Spawn request{next_id_++};
    EXPECT_TRUE(ipc::send_frame(channel_.get(), ipc::to_json(request), {pair->second.get()}));
    auto frame = ipc::receive_frame(channel_.get());
    if (!frame || !*frame) return base::fail(base::Reason::Internal, "The template is gone.");
    auto spawned = ipc::spawned_from_json((*frame)->json);
    if (!spawned) return base::fail(spawned.error());
    EXPECT_EQ(spawned->id, request.id);
    if (auto* error = std::get_if<base::Error>(&spawned->body)) return base::fail(*error);
    return std::get<pid_t>(spawned->body);
  }
  // One that has described itself.
  std::unique_ptr<WorkerProcess> worker() {
    base::UniqueFd channel;
    const auto pid = spawn(channel);
    EXPECT_TRUE(pid) << pid.error().detail;
    auto worker = std::make_unique<WorkerProcess>(pid.value_or(-1), std::move(channel));
    EXPECT_EQ(std::get<ipc::Describe>(worker->next()).kind, "sample");
    return worker;
  }
  // The exit status that it ends with by itself.
  int wait() {
    int status = 0;
    EXPECT_GT(::waitpid(std::exchange(pid_, -1), &status, 0), 0);
    EXPECT_TRUE(WIFEXITED(status)) << ipc::text_of_wait_status(status);
    return WEXITSTATUS(status);
  }
  void end() {
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int channel() const { return channel_.get(); }
  void close_channel() { channel_.reset(); }

 private:
  pid_t pid_ = -1;
  base::UniqueFd channel_;
  std::uint64_t next_id_ = 1;
};

TEST(WorkerTemplateTest, WhatItForksIsAWorkerAndAChildOfTheAgent) {
  TemplateProcess from;
  const auto first = from.worker();
  const auto second = from.worker();
  EXPECT_NE(first->pid(), second->pid());
  EXPECT_EQ(status_of<pid_t>(first->pid(), "PPid"), ::getpid());
  EXPECT_EQ(status_of<pid_t>(second->pid(), "PPid"), ::getpid());
  first->run("echo", "one");
  second->run("echo", "two");
  EXPECT_EQ(first->output(), "one");
  EXPECT_EQ(second->output(), "two");
}

TEST(WorkerTemplateTest, IsToldApartFromItsWorkersByName) {
  TemplateProcess from;
  const auto worker = from.worker();
  EXPECT_EQ(status_of<std::string>(from.pid(), "Name"), "sample-template");
  EXPECT_EQ(status_of<std::string>(worker->pid(), "Name"),
            status_of<std::string>(::getpid(), "Name"));
}

TEST(WorkerTemplateTest, TheAgentLearnsHowAWorkerEnded) {
  TemplateProcess from;
  const auto closed = from.worker();
  closed->close_channel();
  EXPECT_EQ(closed->wait(), 0);
  const auto spent = from.worker();
  ipc::RunLimits limits;
  limits.cpu_max = std::chrono::milliseconds(1);
  spent->start_run("burn-for-ever", "input", limits);
  const int status = spent->wait();
  ASSERT_TRUE(WIFEXITED(status)) << ipc::text_of_wait_status(status);
  EXPECT_EQ(WEXITSTATUS(status), static_cast<int>(ipc::WorkerExit::CpuSpent));
  const auto killed = from.worker();
  killed->start_run("hang");
  ::kill(killed->pid(), SIGKILL);
  const int signal = killed->wait();
  EXPECT_TRUE(WIFSIGNALED(signal) && WTERMSIG(signal) == SIGKILL)
      << ipc::text_of_wait_status(signal);
  from.worker()->run("echo");
}

TEST(WorkerTemplateTest, LimitsAndUsageOfAWorkerCountFromItsOwnStart) {
  TemplateProcess from([] {
    // Seconds of processor time, a high mark of memory, and memory that is still there.
    while (cpu_time_of_process() < std::chrono::milliseconds(1'100)) {
    }
    constexpr std::size_t kMuch = std::size_t{300} << 20;
    const int protection = PROT_READ | PROT_WRITE;
    void* touched = ::mmap(nullptr, kMuch, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    std::memset(touched, 1, kMuch);
    ::munmap(touched, kMuch);
    void* kept = ::mmap(nullptr, kMuch, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (touched == MAP_FAILED || kept == MAP_FAILED) ::_exit(1);
  });
  const auto worker = from.worker();
  ipc::RunLimits limits;
  limits.memory_max = base::mebibytes(256);
  limits.cpu_max = std::chrono::milliseconds(1);
  const ipc::Reply reply = worker->run("touch-memory", "input", limits);
  EXPECT_TRUE(std::holds_alternative<ipc::RunOutcome>(reply.body)) << "64 MiB are allowed";
  EXPECT_LT(reply.cpu_time, std::chrono::milliseconds(1'000));
  EXPECT_LT(reply.memory_peak, base::mebibytes(250));
#ifndef MILLRACE_SANITIZED  // no task has a limit of memory there
  const ipc::Reply refused = worker->run("map-memory", "input", limits);
  ASSERT_TRUE(std::holds_alternative<base::Error>(refused.body));
  EXPECT_EQ(std::get<base::Error>(refused.body).reason, base::Reason::TaskTooExpensive);
#endif
}

TEST(WorkerTemplateTest, WorkersLiveOnWithoutIt) {
  TemplateProcess from;
  const auto worker = from.worker();
  from.end();
  worker->run("echo", "still here");
  EXPECT_EQ(worker->output(), "still here");
}

TEST(WorkerTemplateTest, RefusesToForkWhileItHasASecondThread) {
  std::array<int, 2> stop{};
  ASSERT_EQ(::pipe(stop.data()), 0);
  std::thread([] {}).join();  // a sanitizer that keeps a thread of its own has it from now on
  TemplateProcess from([&] {
    std::thread([&] {
      char byte = 0;
      (void)!::read(stop[0], &byte, 1);
    }).detach();
  });
  base::UniqueFd unused;
  const auto refused = from.spawn(unused);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("2 threads"));
  EXPECT_FALSE(ipc::receive_frame(unused.get()).value()) << "nobody has the other end";
  ASSERT_EQ(::write(stop[1], "x", 1), 1);
  while (!(status_of<int>(from.pid(), "Threads") == status_of<int>(::getpid(), "Threads"))) {
    ::usleep(1'000);
  }
  from.worker()->run("echo");
  for (const int fd : stop) ::close(fd);
}

TEST(WorkerTemplateTest, TakesNoWork) {
  for (const std::string& json :
       {ipc::to_json(ipc::ProbeRequest{.id = 1, .limits = {}}),
        ipc::to_json(ipc::RunRequest{1, "echo", std::chrono::minutes(5), {}}), std::string("{}")}) {
    TemplateProcess from;
    const base::UniqueFd file = memory_file("x");
    ASSERT_TRUE(ipc::send_frame(from.channel(), json, {file.get()}));
    EXPECT_FALSE(ipc::receive_frame(from.channel()).value()) << json;
    EXPECT_EQ(from.wait(), static_cast<int>(ipc::WorkerExit::Protocol));
  }
}

TEST(WorkerTemplateTest, EndsWellWhenTheAgentCloses) {
  TemplateProcess from;
  const auto worker = from.worker();
  from.close_channel();
  EXPECT_EQ(from.wait(), static_cast<int>(ipc::WorkerExit::PeerClosed));
  worker->run("echo");
}

TEST(WorkerTemplateTest, DoesNotGrow) {
  TemplateProcess from;
  for (int i = 0; i < 10; ++i) from.worker();
  const int before_kib = status_of<int>(from.pid(), "RssAnon");
  for (int i = 0; i < 100; ++i) from.worker();
  EXPECT_LE(status_of<int>(from.pid(), "RssAnon"), before_kib + kGrowthMaxKib);
}

TEST(WorkerTemplateTest, ItAndItsWorkersEndWithTheAgent) {
  expect_nothing_outlives([] {
    auto from = std::make_shared<TemplateProcess>();
    const std::shared_ptr idle = from->worker();
    const std::shared_ptr busy = from->worker();
    busy->start_run("hang");
    busy->next();  // progress: it hangs from now on
    return std::tuple{from, idle, busy};
  });
}

}  // namespace
}  // namespace millrace::workers
