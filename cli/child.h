// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace millrace::cli {

struct ChildCommand {
  std::string program;  // path of the binary
  std::vector<std::string> arguments;
  // Inherited as this number (3, …) when valid.
  int pass_fd = -1;
};

// The descriptor number under which a child finds ChildCommand::pass_fd.
inline constexpr int kPassedFd = 3;

// Starts a child that dies with this process, however this one dies: SIGKILL by PR_SET_PDEATHSIG.
// It is in a process group of its own, so that Ctrl-C of the terminal reaches this process alone,
// which then stops its children in order. MILLRACE_ variables are not passed on: their values are
// in the configuration file that the child gets. Call it on the main thread of a process with one
// thread. Internal with errno's text; an exec that fails shows as exit status 127.
base::Result<pid_t> start_child(const ChildCommand& command);

}  // namespace millrace::cli
