// SPDX-License-Identifier: Apache-2.0
#include "ipc/worker_exit.h"

#include <array>
#include <csignal>
#include <cstring>
#include <string_view>
#include <sys/wait.h>

#include <fmt/format.h>

namespace millrace::ipc {
namespace {

struct ExitWord {
  WorkerExit status;
  std::string_view word;
};
constexpr std::array kExitWords = {
    ExitWord{WorkerExit::PeerClosed, "peer_closed"},
    ExitWord{WorkerExit::Usage, "usage"},
    ExitWord{WorkerExit::Protocol, "protocol"},
    ExitWord{WorkerExit::CpuSpent, "cpu_spent"},
    ExitWord{WorkerExit::MemorySpent, "memory_spent"},
    ExitWord{WorkerExit::InputLost, "input_lost"},
    ExitWord{WorkerExit::ParentGone, "parent_gone"},
    ExitWord{WorkerExit::StartFailed, "start_failed"},
};

}  // namespace

base::Reason reason_of_wait_status(int wait_status) {
  if (WIFEXITED(wait_status)) {
    const int status = WEXITSTATUS(wait_status);
    if (status == static_cast<int>(WorkerExit::CpuSpent) ||
        status == static_cast<int>(WorkerExit::MemorySpent)) {
      return base::Reason::TaskTooExpensive;
    }
  } else if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGXCPU) {
    return base::Reason::TaskTooExpensive;  // a library had put its own handler in place of ours
  }
  return base::Reason::WorkerDied;
}

std::string text_of_wait_status(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    const int signal = WTERMSIG(wait_status);
    const char* name = ::sigabbrev_np(signal);
    return fmt::format("signal {} ({})", signal, name == nullptr ? "unknown" : name);
  }
  if (!WIFEXITED(wait_status)) return fmt::format("wait status {:#x}", wait_status);
  const int status = WEXITSTATUS(wait_status);
  for (const ExitWord& row : kExitWords) {
    if (static_cast<int>(row.status) == status)
      return fmt::format("exit {} ({})", status, row.word);
  }
  return fmt::format("exit {}", status);
}

}  // namespace millrace::ipc
