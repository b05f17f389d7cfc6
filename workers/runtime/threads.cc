// SPDX-License-Identifier: Apache-2.0
#include "workers/runtime/threads.h"

#include <filesystem>
#include <iterator>
#include <system_error>

namespace millrace::workers {
namespace {

// One of its own, which comes with the second thread of the process at the latest and is stopped
// and started again around fork(2).
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
constexpr std::size_t kOfTheSanitizer = 1;
#else
constexpr std::size_t kOfTheSanitizer = 0;
#endif

}  // namespace

std::size_t threads_of_process() {
  std::error_code failed;
  const std::filesystem::directory_iterator threads("/proc/self/task", failed);
  if (failed) return 0;
  const auto count = static_cast<std::size_t>(std::distance(begin(threads), end(threads)));
  return count > 1 ? count - kOfTheSanitizer : count;
}

}  // namespace millrace::workers
