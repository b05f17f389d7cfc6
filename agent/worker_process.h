// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "agent/process_launch.h"
#include "agent/wait_point.h"
#include "base/deadline.h"
#include "base/result.h"
#include "ipc/messages.h"
#include "net/asio.h"
#include "net/cancel.h"

namespace millrace::agent {

struct ProcessDescriptors;

// Why a worker ended; the label of the metric.
enum class WorkerEnd {
  Crashed,         // by itself, or somebody else's signal
  TooExpensive,    // its limit of processor time or memory
  Deadline,        // killed: the task's deadline passed
  Cancelled,       // killed: nobody waited any more
  RecycledTasks,   // replaced between tasks, for its age
  RecycledMemory,  // replaced between tasks, for its size
  FailedToStart,   // before it said what it can do
  Stopped,         // with the agent
};
std::string_view word_of(WorkerEnd end);

// One worker process, seen from the agent: it says what it can do, then does one task at a time. On
// one io_context's thread. Keeps itself alive until the process has ended and was reaped.
class WorkerProcess : public std::enable_shared_from_this<WorkerProcess> {
 public:
  struct Events {
    std::function<void(const std::shared_ptr<WorkerProcess>&)> ready;  // once, before any task
    std::function<void(const std::shared_ptr<WorkerProcess>&, WorkerEnd)> ended;  // once
  };
  // A process that was just started; it is killed when it is not ready by `start_deadline`.
  static std::shared_ptr<WorkerProcess> watch(net::asio::io_context& io, LaunchedProcess launched,
                                              base::Deadline start_deadline, Events events);
  WorkerProcess(net::asio::io_context& io, LaunchedProcess launched, Events events);
  ~WorkerProcess();

  [[nodiscard]] pid_t pid() const { return pid_; }
  // May be given a task: it is ready, and nobody has killed it.
  [[nodiscard]] bool usable() const { return describe_.has_value() && !end_ && !doomed_; }
  [[nodiscard]] bool ready() const { return describe_.has_value(); }
  // Only when ready().
  [[nodiscard]] const ipc::Describe& describe() const {
    return *describe_;  // NOLINT(bugprone-unchecked-optional-access)
  }
  [[nodiscard]] std::uint64_t tasks_taken() const { return tasks_taken_; }
  [[nodiscard]] base::Bytes memory_peak() const { return memory_peak_; }

  struct Ask {
    std::string json;  // with the id below
    std::uint64_t id = 0;
    std::vector<int> descriptors;  // borrowed until ask() first suspends
    base::Deadline deadline;       // the worker is killed then
    net::CancelToken cancel;       // and `grace` after this fires
    base::Duration grace{};
  };
  // The worker's answer, which may be an error. WorkerDied, TaskTooExpensive (it spent its
  // processor time), Deadline or ClientGone when it gave none. One call at a time.
  net::Awaitable<base::Result<ipc::Reply>> ask(Ask ask);
  // SIGKILL; `end` is what will be told, if nothing came first.
  void kill(WorkerEnd end);

 private:
  static net::Awaitable<void> read_frames(std::shared_ptr<WorkerProcess> self);
  static net::Awaitable<void> watch_exit(std::shared_ptr<WorkerProcess> self);
  static net::Awaitable<void> watch_start(std::shared_ptr<WorkerProcess> self,
                                          base::Deadline deadline);
  bool read_frame();
  void take_frame(const std::string& json);
  // SIGKILL without a verdict: how it really ended is in its exit status, which may be there
  // already.
  void doom();
  void reap();
  [[nodiscard]] base::Error death() const;

  std::unique_ptr<ProcessDescriptors> descriptors_;
  pid_t pid_;
  Events events_;
  std::optional<ipc::Describe> describe_;
  base::Reason death_ = base::Reason::WorkerDied;  // why its task failed, once it was reaped
  std::optional<WorkerEnd> end_;                   // decided, though perhaps not reaped yet
  bool doomed_ = false;
  bool reaped_ = false;
  bool frames_left_ = false;  // the last read_frame() took one, so there may be more
  std::uint64_t tasks_taken_ = 0;
  base::Bytes memory_peak_;
  std::uint64_t pending_id_ = 0;  // 0: no task
  std::optional<ipc::Reply> reply_;
  WaitPoint told_;     // a reply, the end, or a cancel
  WaitPoint started_;  // ready or ended
};

}  // namespace millrace::agent
