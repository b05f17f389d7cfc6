// SPDX-License-Identifier: Apache-2.0
#include "cli/child.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/prctl.h>
#include <system_error>
#include <unistd.h>

#include "base/config.h"

extern char** environ;

namespace millrace::cli {
namespace {

// Between fork and exec: async-signal-safe calls only.
[[noreturn]] void become(const char* program, char* const* arguments, char* const* environment,
                         int pass_fd, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it died before the line above
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD}) ::signal(signal, SIG_DFL);
  if (pass_fd == kPassedFd) {
    ::fcntl(pass_fd, F_SETFD, 0);
  } else if (pass_fd >= 0) {
    ::dup2(pass_fd, kPassedFd);
  }
  ::execve(program, arguments, environment);
  constexpr std::string_view kMessage = "millrace: cannot execute ";
  (void)!::write(STDERR_FILENO, kMessage.data(), kMessage.size());
  (void)!::write(STDERR_FILENO, program, std::strlen(program));
  (void)!::write(STDERR_FILENO, "\n", 1);
  ::_exit(127);
}

}  // namespace

base::Result<pid_t> start_child(const ChildCommand& command) {
  std::vector<std::string> texts = {command.program};
  texts.insert(texts.end(), command.arguments.begin(), command.arguments.end());
  std::vector<char*> arguments;
  arguments.reserve(texts.size() + 1);
  for (std::string& text : texts) arguments.push_back(text.data());
  arguments.push_back(nullptr);
  std::vector<char*> environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!std::string_view(*variable).starts_with("MILLRACE_")) environment.push_back(*variable);
  }
  environment.push_back(nullptr);

  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    become(command.program.c_str(), arguments.data(), environment.data(), command.pass_fd, parent);
  }
  if (pid < 0) {
    return base::fail(base::Reason::Internal, "cannot start " + command.program,
                      std::generic_category().message(errno));
  }
  return pid;
}

}  // namespace millrace::cli
