// SPDX-License-Identifier: Apache-2.0
#include "ipc/worker_exit.h"

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace millrace::ipc {
namespace {

using base::Reason;

int status_of(void (*end)()) {
  const pid_t child = ::fork();
  if (child == 0) {
    end();
    ::_exit(1);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

TEST(WorkerExitTest, TellsSpentBudgetsFromDeaths) {
  const int cpu = status_of([] { ::_exit(static_cast<int>(WorkerExit::CpuSpent)); });
  EXPECT_EQ(reason_of_wait_status(cpu), Reason::TaskTooExpensive);
  EXPECT_EQ(text_of_wait_status(cpu), "exit 66 (cpu_spent)");
  const int memory = status_of([] { ::_exit(static_cast<int>(WorkerExit::MemorySpent)); });
  EXPECT_EQ(reason_of_wait_status(memory), Reason::TaskTooExpensive);
  const int killed = status_of([] { ::raise(SIGKILL); });
  EXPECT_EQ(reason_of_wait_status(killed), Reason::WorkerDied);
  EXPECT_EQ(text_of_wait_status(killed), "signal 9 (KILL)");
  const int other = status_of([] { ::_exit(3); });
  EXPECT_EQ(reason_of_wait_status(other), Reason::WorkerDied);
  EXPECT_EQ(text_of_wait_status(other), "exit 3");
}

}  // namespace
}  // namespace millrace::ipc
