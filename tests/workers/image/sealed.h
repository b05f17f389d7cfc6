// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace millrace::workers::image {

// From here on this process is killed (SIGSYS) when it opens a file, makes a socket, starts a
// program or forks. It may still make threads, map memory and write to what is open. Not undone.
void seal_this_process();

// What became of a child process.
struct SealedRun {
  bool ended_well = false;
  int signal = 0;                    // that ended it
  std::vector<std::string> answers;  // what `work` gave
};

// Forks; the child does `prepare`, seals itself, and does `work`. Call it before this process has
// started any thread.
SealedRun run_sealed(const std::function<void()>& prepare,
                     const std::function<std::vector<std::string>()>& work);

}  // namespace millrace::workers::image
