// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

#include "base/result.h"

namespace millrace::bench {

struct ChildOptions {
  std::map<std::string, std::string> environment;  // beside this process's own
  std::filesystem::path log_file;                  // its output, appended
  std::size_t files_max = 0;                       // that it may have open; 0: as this process may
};

// Starts a program; the first argument is its path, or a name that PATH has. MILLRACE_ variables of
// this process do not reach it. It is sent SIGTERM when this thread ends, and Ctrl-C does not reach
// it. Internal when there can be no more processes; a program that is not there ends with 127.
base::Result<pid_t> start_child(const std::vector<std::string>& arguments,
                                const ChildOptions& options);
// Waits for its end: its exit status, -1 when a signal ended it.
int wait_for_child(pid_t pid);
// True: it has ended, and its pid is free for others.
bool has_ended(pid_t pid);
// SIGTERM, and SIGKILL after a minute.
void stop_child(pid_t pid);

// The last two thousand bytes of a log.
std::string end_of_log(const std::filesystem::path& log_file);

}  // namespace millrace::bench
