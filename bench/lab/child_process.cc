// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/child_process.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <string_view>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

extern char** environ;

namespace millrace::bench {
namespace {

constexpr std::chrono::seconds kStopPatience{60};
constexpr std::chrono::milliseconds kPoll{20};
constexpr std::size_t kLogTailBytes = 2'000;

}  // namespace

base::Result<pid_t> start_child(const std::vector<std::string>& arguments,
                                const ChildOptions& options) {
  std::vector<std::string> texts = arguments;
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with("MILLRACE_")) variables.emplace_back(*entry);
  }
  for (const auto& [name, value] : options.environment)
    variables.push_back(fmt::format("{}={}", name, value));
  std::vector<char*> argv;
  std::vector<char*> envp;
  argv.reserve(texts.size() + 1);
  envp.reserve(variables.size() + 1);
  for (std::string& text : texts) argv.push_back(text.data());
  for (std::string& text : variables) envp.push_back(text.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) {
    return base::fail(base::Reason::Internal, "cannot fork",
                      std::generic_category().message(errno));
  }
  if (pid == 0) {
    ::setpgid(0, 0);  // Ctrl-C reaches the bench, which stops its servers itself
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(1);
    if (options.files_max > 0) {
      const rlimit files{options.files_max, options.files_max};
      ::setrlimit(RLIMIT_NOFILE, &files);
    }
    const int out = ::open(options.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    ::execvpe(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  return pid;
}

int wait_for_child(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool has_ended(pid_t pid) {
  int status = 0;
  return ::waitpid(pid, &status, WNOHANG) == pid;
}

void stop_child(pid_t pid) {
  ::kill(pid, SIGTERM);
  const auto end = std::chrono::steady_clock::now() + kStopPatience;
  while (!has_ended(pid)) {
    if (std::chrono::steady_clock::now() > end) {
      ::kill(pid, SIGKILL);  // its children die with it
      wait_for_child(pid);
      return;
    }
    std::this_thread::sleep_for(kPoll);
  }
}

std::string end_of_log(const std::filesystem::path& log_file) {
  std::ifstream in(log_file, std::ios::binary);
  std::string log{std::istreambuf_iterator<char>(in), {}};
  if (log.size() > kLogTailBytes) log.erase(0, log.size() - kLogTailBytes);
  return log;
}

}  // namespace millrace::bench
