// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "ipc/worker_exit.h"
#include "pipeline/picture.h"
#include "tests/workers/runtime/worker_process.h"

namespace millrace::workers {
namespace {

using base::Reason;
using ipc::WorkerExit;

class ServeLimitsTest : public ::testing::Test {
 protected:
  void SetUp() override { worker_.next(); }
  static ipc::RunLimits little_memory() {
    ipc::RunLimits limits;
    limits.memory_max = base::mebibytes(256);
    return limits;
  }
  void expect_too_expensive(const std::string& command) {
    const ipc::Reply reply = worker_.run(command, "input", little_memory());
    const auto* error = std::get_if<base::Error>(&reply.body);
    ASSERT_NE(error, nullptr) << command;
    EXPECT_EQ(error->reason, Reason::TaskTooExpensive) << error->detail;
    // What follows is judged by itself.
    const ipc::Reply next = worker_.run("fail", "input", little_memory());
    ASSERT_TRUE(std::holds_alternative<base::Error>(next.body));
    EXPECT_EQ(std::get<base::Error>(next.body).reason, Reason::CorruptMedia);
  }
  static void expect_exit(int status, WorkerExit expected) {
    ASSERT_TRUE(WIFEXITED(status)) << ipc::text_of_wait_status(status);
    EXPECT_EQ(WEXITSTATUS(status), static_cast<int>(expected)) << ipc::text_of_wait_status(status);
  }

  WorkerProcess worker_;
};

TEST_F(ServeLimitsTest, ASpentCpuLimitEndsTheProcessWithItsOwnStatus) {
  ipc::RunLimits limits;
  limits.cpu_max = std::chrono::milliseconds(1);
  worker_.start_run("burn-for-ever", "input", limits);
  const int status = worker_.wait();
  expect_exit(status, WorkerExit::CpuSpent);
  EXPECT_EQ(ipc::reason_of_wait_status(status), Reason::TaskTooExpensive);
}

TEST_F(ServeLimitsTest, EveryTaskHasItsOwnCpuLimit) {
  ipc::RunLimits limits;
  limits.cpu_max = std::chrono::milliseconds(1);
  // Together more than one task may use, each well below it.
  for (int i = 0; i < 45; ++i) {
    const ipc::Reply reply = worker_.run("burn", "input", limits);
    ASSERT_TRUE(std::holds_alternative<ipc::RunOutcome>(reply.body)) << i;
  }
}

TEST_F(ServeLimitsTest, TellsCpuTimeOfTheTaskAlone) {
  const ipc::Reply burnt = worker_.run("burn");
  EXPECT_GE(burnt.cpu_time, std::chrono::milliseconds(50));
  const ipc::Reply idle = worker_.run("echo");
  EXPECT_LT(idle.cpu_time, burnt.cpu_time);
}

TEST_F(ServeLimitsTest, TellsPeakMemoryOfTheTaskAlone) {
  const ipc::Reply touched = worker_.run("touch-memory");
  EXPECT_GE(touched.memory_peak, base::mebibytes(64));
  const ipc::Reply idle = worker_.run("echo");
  if (::access("/proc/self/clear_refs", W_OK) == 0) {
    EXPECT_LT(idle.memory_peak.count + base::mebibytes(32).count, touched.memory_peak.count);
  } else {
    EXPECT_GE(idle.memory_peak, touched.memory_peak) << "since the start of the process";
  }
}

TEST_F(ServeLimitsTest, ATruncatedInputEndsTheProcessWithItsOwnStatus) {
  const base::UniqueFd input = memory_file(std::string(100'000, 'x'));
  WorkerProcess worker(input.get());
  worker.next();
  const base::UniqueFd output = memory_file("");
  ASSERT_TRUE(ipc::send_frame(
      worker.channel(), ipc::to_json(ipc::RunRequest{1, "truncate", std::chrono::minutes(5), {}}),
      {input.get(), output.get()}));
  expect_exit(worker.wait(), WorkerExit::InputLost);
}

TEST_F(ServeLimitsTest, SoDoesATruncatedOtherPicture) {
  const base::UniqueFd other = memory_file(std::string(100'000, 'x'));
  WorkerProcess worker(other.get());
  worker.next();
  const base::UniqueFd input = memory_file("input");
  const base::UniqueFd output = memory_file("");
  const std::string pipeline = "truncate-other/key/" + pipeline::picture_value("b", "k");
  ASSERT_TRUE(ipc::send_frame(
      worker.channel(), ipc::to_json(ipc::RunRequest{1, pipeline, std::chrono::minutes(5), {}}),
      {input.get(), output.get(), other.get()}));
  expect_exit(worker.wait(), WorkerExit::InputLost);
}

#ifndef MILLRACE_SANITIZED  // a sanitizer's allocator does not survive being refused

TEST_F(ServeLimitsTest, ARefusedOperatorNewIsTooExpensive) { expect_too_expensive("allocate"); }

TEST_F(ServeLimitsTest, ARefusedMappingIsTooExpensiveWhateverTheCodecSays) {
  expect_too_expensive("map-memory");
}

#ifdef MILLRACE_TEST_JEMALLOC
TEST_F(ServeLimitsTest, ARefusedMallocIsTooExpensiveWhateverTheCodecSays) {
  expect_too_expensive("malloc");
}
#endif

TEST_F(ServeLimitsTest, AnAbortAfterARefusalHasItsOwnStatus) {
  worker_.start_run("map-or-die", "input", little_memory());
  const int status = worker_.wait();
  expect_exit(status, WorkerExit::MemorySpent);
  EXPECT_EQ(ipc::reason_of_wait_status(status), Reason::TaskTooExpensive);
}

TEST_F(ServeLimitsTest, AnyOtherAbortIsADeath) {
  worker_.start_run("abort", "input", little_memory());
  const int status = worker_.wait();
  ASSERT_TRUE(WIFSIGNALED(status)) << ipc::text_of_wait_status(status);
  EXPECT_EQ(WTERMSIG(status), SIGABRT);
  EXPECT_EQ(ipc::reason_of_wait_status(status), Reason::WorkerDied);
}

TEST_F(ServeLimitsTest, MemoryWithinTheLimitIsGranted) {
  const ipc::Reply reply = worker_.run("touch-memory", "input", little_memory());
  EXPECT_TRUE(std::holds_alternative<ipc::RunOutcome>(reply.body));
}

#endif

}  // namespace
}  // namespace millrace::workers
