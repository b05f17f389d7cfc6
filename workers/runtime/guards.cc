// SPDX-License-Identifier: Apache-2.0
#include "workers/runtime/guards.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/worker_exit.h"
#include "workers/runtime/memory_watch.h"

namespace millrace::workers {
namespace {

// Where a task's inputs are mapped. Written by the thread that works, read by the handler.
struct Range {
  std::atomic<std::uintptr_t> begin{0};  // 0: free
  std::atomic<std::uintptr_t> end{0};
};
constexpr std::size_t kRangesMax = 32;
std::array<Range, kRangesMax> inputs;

bool is_input(std::uintptr_t address) {
  for (const Range& range : inputs) {
    if (address >= range.begin.load() && address < range.end.load()) return true;
  }
  return false;
}

// Fixed: SIGSTKSZ is no constant any more, and handlers here need little.
alignas(16) std::array<std::byte, std::size_t{64} << 10> signal_stack;

[[noreturn]] void leave(ipc::WorkerExit status) { ::_exit(static_cast<int>(status)); }

void on_cpu_spent(int) { leave(ipc::WorkerExit::CpuSpent); }

void on_crash(int signal, siginfo_t* facts, void*) {
  const auto address = reinterpret_cast<std::uintptr_t>(facts->si_addr);
  if (signal == SIGBUS && is_input(address)) leave(ipc::WorkerExit::InputLost);
  if (memory_was_refused()) leave(ipc::WorkerExit::MemorySpent);
  ::signal(signal, SIG_DFL);
  ::raise(signal);  // delivered on return, with everything as it would have been
}

void handle(int signal, void (*handler)(int, siginfo_t*, void*)) {
  struct sigaction action{};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

bool bind_to_parent(int channel_fd) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The agent made the pair, so the kernel knows it as the peer. If it died before prctl, nobody
  // will send the signal. (A parent that is not the peer is a wrapper, which is fine.)
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(channel_fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return true;
  if (peer.pid == 0 || ::getppid() == peer.pid) return true;
  return ::kill(peer.pid, 0) == 0 || errno != ESRCH;
}

void install_guards() {
  for (const int signal : {SIGINT, SIGHUP, SIGPIPE, SIGXFSZ}) ::signal(signal, SIG_IGN);
  stack_t stack{};
  stack.ss_sp = signal_stack.data();
  stack.ss_size = signal_stack.size();
  ::sigaltstack(&stack, nullptr);
  ::signal(SIGXCPU, on_cpu_spent);
  handle(SIGBUS, on_crash);
#ifndef MILLRACE_SANITIZED  // their reports need these
  for (const int signal : {SIGSEGV, SIGABRT, SIGTRAP}) handle(signal, on_crash);
#endif
}

void guard_input(std::span<const std::byte> input) {
  if (input.empty()) return;
  for (Range& range : inputs) {
    if (range.begin.load() != 0) continue;
    const auto begin = reinterpret_cast<std::uintptr_t>(input.data());
    range.end.store(begin + input.size());
    range.begin.store(begin);
    return;
  }
}

void forget_input(std::span<const std::byte> input) {
  for (Range& range : inputs) {
    if (range.begin.load() != reinterpret_cast<std::uintptr_t>(input.data())) continue;
    range.begin.store(0);
    range.end.store(0);
    return;
  }
}

}  // namespace millrace::workers
