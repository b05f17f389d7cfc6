// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "ipc/messages.h"
#include "pipeline/pipeline.h"

namespace millrace::workers {

// A task's input, mapped read-only for as long as the task lasts.
using InputBytes = std::span<const std::byte>;

// Where a task's result goes: the descriptor that came with the run. Whole on success, and of no interest on failure.
class OutputFile {
 public:
  explicit OutputFile(int fd) : fd_(fd) {}  // not owned
  base::Result<void> write(std::span<const std::byte> bytes);  // CacheFull when the memory file system is full
  [[nodiscard]] std::uint64_t written() const { return written_; }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
  std::uint64_t written_ = 0;
};

struct RunContext {
  const pipeline::Pipeline& pipeline;
  InputBytes input;
  OutputFile& output;
  ipc::RunLimits limits;
  base::Deadline deadline;
  std::function<void(double fraction)> progress;
};

// What one kind of worker can do. Blocking code on one thread; one task at a time.
class Worker {
 public:
  virtual ~Worker() = default;
  [[nodiscard]] virtual std::string kind() const = 0;
  [[nodiscard]] virtual std::string build() const = 0;
  [[nodiscard]] virtual std::vector<pipeline::CommandSpec> commands() const = 0;
  [[nodiscard]] virtual std::vector<std::string> notes() const { return {}; }
  virtual base::Result<ipc::Probe> probe(InputBytes input, const ipc::RunLimits& limits) = 0;
  virtual base::Result<ipc::RunOutcome> run(RunContext& context) = 0;
  // Between tasks, after the reply has been sent: give memory back.
  virtual void rest() {}
};

// Speaks ipc on `channel_fd` until the peer closes it; returns the process' exit status. Dies with its parent
// (PR_SET_PDEATHSIG), sets rlimits from the limits of each task, turns std::bad_alloc into TaskTooExpensive.
int serve(Worker& worker, int channel_fd);

}  // namespace millrace::workers
