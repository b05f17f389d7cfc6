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
// to them later. One thread.
class UsageMeter {
 public:
  UsageMeter();
  // Forgets the high-water mark, where the kernel allows that and it stands more than a mebibyte
  // above what was resident when it was last forgotten.
  void begin_task();
  [[nodiscard]] TaskUsage since_begin();
  // CPU time of the process when the task began.
  [[nodiscard]] std::chrono::microseconds cpu_at_begin() const { return cpu_at_begin_; }
  // Private writable memory of the process, which RLIMIT_DATA counts; nullopt: unknown.
  [[nodiscard]] static std::optional<base::Bytes> private_memory();

 private:
  [[nodiscard]] base::Bytes peak_of_status() const;

  base::UniqueFd status_;
  base::UniqueFd statm_;
  base::UniqueFd clear_refs_;
  std::chrono::microseconds cpu_at_begin_{0};
  base::Bytes inherited_mark_;  // what getrusage tells at least, whatever this process does
  base::Bytes resident_at_reset_;
  base::Bytes peak_{UINT64_MAX};  // as last told
};

// CPU time of the process so far, user + system.
std::chrono::microseconds cpu_time_of_process();

// The limits that tasks put on the process. What the kernel has been told is remembered, so that a
// short task costs few calls. The only one in the process; one thread.
class ProcessLimits {
 public:
  // `baseline`: private memory before the first task; nullopt: memory is not limited.
  explicit ProcessLimits(std::optional<base::Bytes> baseline);
  void begin_task(const ipc::RunLimits& limits, std::chrono::microseconds cpu_used);
  // Memory is not limited any more. That of processor time stands until rest(): the next task's is
  // the same most times.
  void end_task();
  // Between tasks, with what the process has used by now: it is never ended for time that it needs
  // to wait for the next one.
  void rest(std::chrono::microseconds cpu_used);

 private:
  void set_cpu(std::uint64_t seconds);

  std::optional<base::Bytes> baseline_;
  std::uint64_t cpu_hard_ = 0;
  std::uint64_t data_hard_ = 0;
  std::uint64_t cpu_set_;
};

// Limits of one task on the process, from construction to destruction.
class TaskBudget {
 public:
  TaskBudget(ProcessLimits& process, const ipc::RunLimits& limits,
             std::chrono::microseconds cpu_used)
      : process_(process) {
    process_.begin_task(limits, cpu_used);
  }
  ~TaskBudget() { process_.end_task(); }
  TaskBudget(const TaskBudget&) = delete;
  TaskBudget& operator=(const TaskBudget&) = delete;

 private:
  ProcessLimits& process_;
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
