// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "base/units.h"
#include "ipc/messages.h"
#include "pipeline/pipeline.h"

namespace millrace::workers {

// A task's input, mapped read-only for as long as the task lasts. Whoever truncates the file under
// it ends the process (WorkerExit::InputLost).
using InputBytes = std::span<const std::byte>;

// Where a task's result goes: the descriptor that came with the run. Whole on success, and of no
// interest on failure.
class OutputFile {
 public:
  explicit OutputFile(int fd, base::Bytes bytes_max = {UINT64_MAX})
      : fd_(fd), bytes_max_(bytes_max) {}  // fd: not owned
  // Appends. CacheFull when the memory file system is full, ResultTooLarge above the limit.
  base::Result<void> write(std::span<const std::byte> bytes);
  [[nodiscard]] std::uint64_t written() const { return written_; }
  // For a library that writes by itself, from offset 0 on: then write() is not used, and the file's
  // length is the result's.
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
  base::Bytes bytes_max_;
  std::uint64_t written_ = 0;
};

// Another picture that the pipeline names.
struct OtherInput {
  std::string value;  // as in the pipeline's canonical text: base64url of kodo://<bucket>/<key>
  InputBytes bytes;
};

struct RunContext {
  const pipeline::Pipeline& pipeline;
  InputBytes input;
  OutputFile& output;
  ipc::RunLimits limits;
  base::Deadline deadline;
  std::function<void(double fraction)> progress;  // 0..1; may be called often, few are sent
  std::vector<OtherInput> others = {};            // in the order of pipeline::pictures_of
  // As ipc::RunRequest: tasks of the same input, and what those that follow are to make of it.
  std::uint64_t group = 0;
  std::vector<pipeline::Pipeline> next = {};
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
  // `bytes` of the outcome is filled in afterwards, from what was written.
  virtual base::Result<ipc::RunOutcome> run(RunContext& context) = 0;
  // Between tasks, after the reply has been sent: give memory back.
  virtual void rest() {}
};

// What a worker says of itself, and the pipelines that it understands. It takes milliseconds and
// some memory, and is made once for all workers of a template.
class Introduction {
 public:
  explicit Introduction(const Worker& worker);
  [[nodiscard]] const std::string& describe_json() const { return describe_json_; }
  [[nodiscard]] const pipeline::Catalogue& catalogue() const { return catalogue_; }

 private:
  std::string describe_json_;
  pipeline::Catalogue catalogue_;
};

// Speaks ipc on `channel_fd` (not owned) until the peer closes it; returns the process' exit
// status, an ipc::WorkerExit. Dies with its parent (PR_SET_PDEATHSIG). Per task: RLIMIT_CPU from
// cpu_max, rounded up to whole seconds and one more (the process ends with WorkerExit::CpuSpent),
// and RLIMIT_DATA from memory_max, counted from what the process had when it began to serve.
// std::bad_alloc, and every failure of a codec after an allocation was refused, is
// TaskTooExpensive; any other exception is Internal, and the loop goes on.
int serve(Worker& worker, const Introduction& introduction, int channel_fd);

}  // namespace millrace::workers
