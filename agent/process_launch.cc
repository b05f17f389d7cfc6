// SPDX-License-Identifier: Apache-2.0
#include "agent/process_launch.h"

#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "ipc/channel.h"

namespace millrace::agent {
namespace {

constexpr int kChannelFd = 3;

base::Failure failure(const std::string& call, int error) {
  return base::fail(base::Reason::Internal, "A worker could not be started.",
                    call + ": " + std::generic_category().message(error));
}

// posix_spawn's two C structs, ended together.
struct SpawnPlan {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  int prepare(int channel) {
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    const short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    // The channel first: its number here may be one of those that the other actions reuse, except 0
    // to 2, which are open in any process that we start.
    if (const int e = ::posix_spawn_file_actions_adddup2(&actions, channel, kChannelFd)) return e;
    if (const int e = ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0))
      return e;
    if (const int e = ::posix_spawn_file_actions_adddup2(&actions, 2, 1)) return e;
    if (const int e = ::posix_spawn_file_actions_addclosefrom_np(&actions, kChannelFd + 1))
      return e;
    if (const int e = ::posix_spawnattr_setsigmask(&attributes, &none)) return e;
    if (const int e = ::posix_spawnattr_setsigdefault(&attributes, &all)) return e;
    if (const int e = ::posix_spawnattr_setpgroup(&attributes, 0)) return e;
    return ::posix_spawnattr_setflags(&attributes, flags);
  }
};

void end_child(pid_t pid) {
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

base::Result<void> watch(LaunchedProcess& launched) {
  launched.pidfd.reset(static_cast<int>(::syscall(SYS_pidfd_open, launched.pid, 0)));
  if (launched.pidfd) return {};
  const int error = errno;
  end_child(launched.pid);
  return failure("pidfd_open", error);
}

}  // namespace

base::Result<std::pair<base::UniqueFd, base::UniqueFd>> make_worker_channel() {
  auto pair = ipc::make_channel();
  if (!pair) return pair;
  if (::fcntl(pair->first.get(), F_SETFL, O_NONBLOCK) != 0) return failure("fcntl", errno);
  return pair;
}

base::Result<LaunchedProcess> launch_template(const WorkerProgram& program) {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return failure("prctl", errno);
  auto pair = make_worker_channel();
  if (!pair) return base::fail(std::move(pair.error()));
  LaunchedProcess launched;
  launched.channel = std::move(pair->first);

  std::vector<std::string> words{program.binary, "--channel-fd", std::to_string(kChannelFd)};
  words.insert(words.end(), program.arguments.begin(), program.arguments.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  SpawnPlan plan;
  if (const int error = plan.prepare(pair->second.get())) return failure("posix_spawn", error);
  if (const int error = ::posix_spawn(&launched.pid, program.binary.c_str(), &plan.actions,
                                      &plan.attributes, argv.data(), environ)) {
    return failure("starting " + program.binary, error);
  }
  if (auto watched = watch(launched); !watched) return base::fail(std::move(watched.error()));
  return launched;
}

base::Result<LaunchedProcess> adopt_worker(pid_t pid, base::UniqueFd channel) {
  LaunchedProcess launched;
  launched.pid = pid;
  launched.channel = std::move(channel);
  siginfo_t unused{};
  if (::waitid(P_PID, static_cast<id_t>(pid), &unused, WEXITED | WNOHANG | WNOWAIT) != 0) {
    return failure("waitid", errno);
  }
  // It has not called exec since it was forked, or this would be refused.
  if (::setpgid(pid, pid) != 0) {
    const int error = errno;
    end_child(pid);
    return failure("setpgid", error);
  }
  if (auto watched = watch(launched); !watched) return base::fail(std::move(watched.error()));
  return launched;
}

int reap_template(pid_t pid) {
  ::kill(-pid, SIGKILL);
  int status_of_template = 0;
  while (true) {
    int status = 0;
    const pid_t reaped = ::waitpid(-pid, &status, 0);
    if (reaped == pid) status_of_template = status;
    if (reaped < 0 && errno != EINTR) return status_of_template;
  }
}

namespace {

// True when it worked for any.
bool for_each_thread(pid_t pid, const std::function<bool(pid_t thread)>& change) {
  bool changed = false;
  std::error_code failed;
  const std::filesystem::directory_iterator threads("/proc/" + std::to_string(pid) + "/task",
                                                    failed);
  if (failed) return false;
  for (auto at = begin(threads); at != end(threads); at.increment(failed)) {
    if (failed) break;
    const std::string name = at->path().filename();
    pid_t thread = 0;
    std::from_chars(name.data(), name.data() + name.size(), thread);
    if (thread > 0 && change(thread)) changed = true;
  }
  return changed;
}

}  // namespace

bool pin_process(pid_t pid, int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(core), &set);
  return for_each_thread(
      pid, [&set](pid_t thread) { return ::sched_setaffinity(thread, sizeof set, &set) == 0; });
}

bool set_niceness(pid_t pid, int niceness) {
  return for_each_thread(pid, [niceness](pid_t thread) {
    const auto id = static_cast<id_t>(thread);
    if (::getpriority(PRIO_PROCESS, id) >= niceness) return true;  // started as nice as that
    return ::setpriority(PRIO_PROCESS, id, niceness) == 0;
  });
}

std::vector<int> allowed_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cores;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int core = 0; core < CPU_SETSIZE; ++core) {
      if (CPU_ISSET(static_cast<std::size_t>(core), &set)) cores.push_back(core);
    }
  }
  if (cores.empty()) cores.push_back(0);
  return cores;
}

base::Bytes resident_memory(pid_t pid) {
  std::ifstream statm("/proc/" + std::to_string(pid) + "/statm");
  std::uint64_t total_pages = 0;
  std::uint64_t resident_pages = 0;
  statm >> total_pages >> resident_pages;
  return {resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))};
}

}  // namespace millrace::agent
