// SPDX-License-Identifier: Apache-2.0
//
// A worker must be the agent's child, which waits for it and whose end it must not outlive. So it
// is forked twice: the process in between ends at once, and the kernel gives the worker to the
// agent, which takes orphans (PR_SET_CHILD_SUBREAPER). Not clone(2) with CLONE_PARENT, behind
// glibc's back: its locks know the thread by a number that would be the template's, and the
// handlers of pthread_atfork, jemalloc's among them, would not run.
#include "workers/runtime/worker_template.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "ipc/channel.h"
#include "ipc/worker_exit.h"
#include "workers/runtime/file_pages.h"
#include "workers/runtime/threads.h"

namespace millrace::workers {
namespace {

using ipc::WorkerExit;

base::Failure failed(const char* call, int error) {
  return base::fail(base::Reason::Internal, "A worker could not be forked.",
                    fmt::format("{}: {}", call, std::generic_category().message(error)));
}

// One number from the other end; 0 when that was closed.
int hear(int fd) {
  int number = 0;
  ssize_t length = 0;
  do {
    length = ::recv(fd, &number, sizeof number, 0);
  } while (length < 0 && errno == EINTR);
  return length == sizeof number ? number : 0;
}

void say(int fd, int number) { (void)!::send(fd, &number, sizeof number, MSG_NOSIGNAL); }

// As fork(2): 0 in the new process, its pid in this one. By then the new one has been given to
// whoever takes orphans.
base::Result<pid_t> fork_orphan() {
  if (const std::size_t threads = threads_of_process(); threads != 1) {
    return base::fail(base::Reason::Internal, "A worker could not be forked.",
                      fmt::format("the template has {} threads and must have one", threads));
  }
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return failed("socketpair", errno);
  }
  base::UniqueFd here(ends[0]);
  base::UniqueFd there(ends[1]);
  const pid_t between = ::fork();
  if (between < 0) return failed("fork", errno);
  if (between == 0) {
    const pid_t orphan = ::fork();
    if (orphan != 0) {
      say(there.get(), orphan > 0 ? orphan : -errno);
      ::_exit(0);
    }
    here.reset();  // so that the end of the template is heard
    if (hear(there.get()) == 0) ::_exit(static_cast<int>(WorkerExit::ParentGone));
    return 0;
  }
  there.reset();
  const int told = hear(here.get());
  while (::waitpid(between, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (told <= 0) return failed("fork", told == 0 ? ECHILD : -told);
  say(here.get(), told);  // it is nobody's child but the adopter's from now on
  return told;
}

// As top(1) and pgrep(1) show it.
class ProcessName {
 public:
  explicit ProcessName(const std::string& name) {
    ::prctl(PR_GET_NAME, before_.data());
    ::prctl(PR_SET_NAME, name.c_str());
  }
  void restore() const { ::prctl(PR_SET_NAME, before_.data()); }

 private:
  std::array<char, 16> before_{};
};

// The spawn that a frame asks for; nullopt: it makes no sense.
std::optional<ipc::Spawn> spawn_of(const ipc::Frame& frame) {
  const auto spawn = ipc::spawn_from_json(frame.json);
  if (!spawn) {
    base::log_error("message_broken", {{"detail", spawn.error().detail}});
    return std::nullopt;
  }
  if (frame.descriptors.size() != 1) {
    base::log_error("descriptors_missing",
                    {{"count", static_cast<std::int64_t>(frame.descriptors.size())}});
    return std::nullopt;
  }
  return *spawn;
}

// False: nobody listens.
bool answer(int channel_fd, std::uint64_t id, base::Result<pid_t> forked) {
  ipc::Spawned spawned;
  spawned.id = id;
  if (forked) {
    spawned.body = *forked;
  } else {
    base::log_error("worker_not_forked", {{"detail", forked.error().detail}});
    spawned.body = std::move(forked.error());
  }
  return ipc::send_frame(channel_fd, ipc::to_json(spawned), {}).has_value();
}

}  // namespace

int serve_spawns(Worker& worker, int channel_fd) {
  const Introduction introduction(worker);
  release_file_pages();  // read at the start and not again: forked workers map what they need
  const ProcessName name(worker.kind() + "-template");
  while (true) {
    auto frame = ipc::receive_frame(channel_fd);
    if (!frame) {
      base::log_error("channel_failed", {{"detail", frame.error().detail}});
      return static_cast<int>(WorkerExit::Protocol);
    }
    if (!*frame) return static_cast<int>(WorkerExit::PeerClosed);
    const auto spawn = spawn_of(**frame);
    if (!spawn) return static_cast<int>(WorkerExit::Protocol);
    const auto forked = fork_orphan();
    if (forked && *forked == 0) {
      name.restore();
      // Its channel in the place of the template's, which is closed by that.
      if (::dup3((*frame)->descriptors[0].get(), channel_fd, O_CLOEXEC) < 0) {
        return static_cast<int>(WorkerExit::StartFailed);
      }
      frame = std::optional<ipc::Frame>();
      return serve(worker, introduction, channel_fd);
    }
    if (!answer(channel_fd, spawn->id, forked)) return static_cast<int>(WorkerExit::PeerClosed);
  }
}

}  // namespace millrace::workers
