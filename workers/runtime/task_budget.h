// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/unique_fd.h"
#include "base/units.h"
#include "ipc/messages.h"

namespace millrace::workers {

// What a task cost.
struct TaskUsage {
  std::chrono::microseconds cpu_time{0};  // user + system, all threads
  base::Bytes memory_peak;                // resident set's high-water mark of the process
};

// Reads what the process uses. Keeps its files of /proc open, because a sandbox may close the way
// to them later.
class UsageMeter {
 public:
  UsageMeter();
  // Forgets the high-water mark, where the kernel allows that.
  void begin_task();
  [[nodiscard]] TaskUsage since_begin() const;
  // Private writable memory of the process, which RLIMIT_DATA counts; nullopt: unknown.
  [[nodiscard]] static std::optional<base::Bytes> private_memory();

 private:
  base::UniqueFd status_;
  base::UniqueFd clear_refs_;
  std::chrono::microseconds cpu_at_begin_{0};
};

// CPU time of the process so far, user + system.
std::chrono::microseconds cpu_time_of_process();

// Limits of one task on the process, from construction to destruction.
class TaskBudget {
 public:
  // `baseline`: private memory before the first task; nullopt: memory is not limited.
  TaskBudget(const ipc::RunLimits& limits, std::optional<base::Bytes> baseline);
  ~TaskBudget();
  TaskBudget(const TaskBudget&) = delete;
  TaskBudget& operator=(const TaskBudget&) = delete;
};

// Less processor time than the task has left, for a library that cannot be asked to stop: when it
// is spent the process ends with WorkerExit::CpuSpent. From construction to destruction; the limit
// that stood before comes back. In whole seconds, rounded up.
class CpuTimeCap {
 public:
  explicit CpuTimeCap(std::chrono::seconds cpu_max);
  ~CpuTimeCap();
  CpuTimeCap(const CpuTimeCap&) = delete;
  CpuTimeCap& operator=(const CpuTimeCap&) = delete;

 private:
  std::uint64_t before_ = 0;
};

}  // namespace millrace::workers
