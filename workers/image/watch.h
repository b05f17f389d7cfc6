// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <utility>

#include "base/deadline.h"
#include "base/result.h"

namespace millrace::workers::image {

// Ends a task that takes too long, between two strips of pixels: Deadline when nobody waits any
// more, TaskTooExpensive when the task has used the processor time that it may. The clocks are
// passed in.
class TaskWatch {
 public:
  struct Clocks {
    std::function<base::TimePoint()> now;
    std::function<std::chrono::microseconds()> cpu_time;  // of the process
  };
  static Clocks clocks_of_process();

  TaskWatch(base::Deadline deadline, std::chrono::milliseconds cpu_max, Clocks clocks);

  // Microseconds; called for each strip.
  [[nodiscard]] base::Result<void> check() const;

 private:
  base::Deadline deadline_;
  std::chrono::milliseconds cpu_max_;
  Clocks clocks_;
  std::chrono::microseconds cpu_at_start_;
};

}  // namespace millrace::workers::image
