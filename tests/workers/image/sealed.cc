// SPDX-License-Identifier: Apache-2.0
#include "tests/workers/image/sealed.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace millrace::workers::image {
namespace {

constexpr std::array kDeadly = {
#ifdef SYS_open
    SYS_open,   SYS_creat,   SYS_fork,   SYS_vfork,
#endif
    SYS_openat, SYS_openat2, SYS_execve, SYS_execveat, SYS_socket, SYS_socketpair,
};

sock_filter load(std::size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}
sock_filter answer(std::uint32_t action) { return BPF_STMT(BPF_RET | BPF_K, action); }

// Jumps over `count` instructions when the loaded number is another.
sock_filter skip_unless(long number, std::uint8_t count) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, count);
}

void write_all(int fd, const void* bytes, std::size_t size) {
  const auto* from = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t written = ::write(fd, from, size);
    if (written <= 0) std::_Exit(3);
    from += written;
    size -= static_cast<std::size_t>(written);
  }
}

std::string read_all(int fd) {
  std::string all;
  std::array<char, 65536> part{};
  while (true) {
    const ssize_t got = ::read(fd, part.data(), part.size());
    if (got <= 0) return all;
    all.append(part.data(), static_cast<std::size_t>(got));
  }
}

// Each with its length before it.
std::vector<std::string> split(const std::string& all) {
  std::vector<std::string> answers;
  for (std::size_t at = 0; at + sizeof(std::uint64_t) <= all.size();) {
    std::uint64_t size = 0;
    std::memcpy(&size, all.data() + at, sizeof size);
    at += sizeof size;
    answers.push_back(all.substr(at, size));
    at += size;
  }
  return answers;
}

}  // namespace

void seal_this_process() {
  std::vector<sock_filter> program = {load(offsetof(seccomp_data, nr))};
  for (const long number : kDeadly) {
    program.push_back(skip_unless(number, 1));
    program.push_back(answer(SECCOMP_RET_KILL_PROCESS));
  }
  // libc falls back on clone, whose flags can be looked at.
  program.push_back(skip_unless(SYS_clone3, 1));
  program.push_back(answer(SECCOMP_RET_ERRNO | (ENOSYS & SECCOMP_RET_DATA)));
  program.push_back(skip_unless(SYS_clone, 3));
  program.push_back(load(offsetof(seccomp_data, args[0])));
  program.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0));
  program.push_back(answer(SECCOMP_RET_KILL_PROCESS));
  program.push_back(answer(SECCOMP_RET_ALLOW));
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) != 0) {
    std::_Exit(4);
  }
}

SealedRun run_sealed(const std::function<void()>& prepare,
                     const std::function<std::vector<std::string>()>& work) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) std::abort();
  const base::UniqueFd from_child(ends[0]);
  base::UniqueFd to_parent(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    prepare();
    seal_this_process();
    for (const std::string& answer : work()) {
      const std::uint64_t size = answer.size();
      write_all(to_parent.get(), &size, sizeof size);
      write_all(to_parent.get(), answer.data(), answer.size());
    }
    std::_Exit(0);
  }
  to_parent.reset();
  SealedRun run;
  run.answers = split(read_all(from_child.get()));
  int status = 0;
  ::waitpid(child, &status, 0);
  run.ended_well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  run.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  return run;
}

}  // namespace millrace::workers::image
