// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <sys/types.h>

#include "agent/process_launch.h"
#include "base/deadline.h"
#include "base/result.h"
#include "net/asio.h"

namespace millrace::agent {

struct ProcessDescriptors;

// The process that workers of one kind are forked from, seen from the agent. It is sent no byte of
// anybody's file. On one io_context's thread. Keeps itself alive until the process has ended and
// was reaped, with all that it forked and nobody has taken over.
class WorkerTemplate : public std::enable_shared_from_this<WorkerTemplate> {
 public:
  using Ended = std::function<void(const WorkerTemplate&)>;  // once
  static base::Result<std::shared_ptr<WorkerTemplate>> start(net::asio::io_context& io,
                                                             const WorkerProgram& program,
                                                             Ended ended);
  WorkerTemplate(net::asio::io_context& io, LaunchedProcess launched, Ended ended);
  ~WorkerTemplate();

  // A new worker, which need not be ready. While the template starts this waits for it. Internal
  // when it refuses, ends, or has not answered by `deadline`: then it hangs, and is killed.
  static net::Awaitable<base::Result<LaunchedProcess>> spawn(std::shared_ptr<WorkerTemplate> self,
                                                             base::Deadline deadline);
  // SIGKILL: it is not needed any more.
  void stop();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool ended() const { return reaped_; }
  // Some worker came out of it: that it starts at all need not be doubted.
  [[nodiscard]] bool proved() const { return proved_; }

 private:
  struct Order;  // one spawn, until it is answered
  static net::Awaitable<void> read_frames(std::shared_ptr<WorkerTemplate> self);
  static net::Awaitable<void> watch_exit(std::shared_ptr<WorkerTemplate> self);
  // False when the channel is of no more use.
  bool read_frame();
  bool take_frame(const std::string& json);
  void kill();
  void reap();

  net::asio::io_context& io_;
  std::unique_ptr<ProcessDescriptors> descriptors_;
  pid_t pid_;
  Ended ended_;
  std::map<std::uint64_t, Order*> orders_;
  std::uint64_t next_id_ = 1;
  bool proved_ = false;
  bool stopped_ = false;
  bool killed_ = false;
  bool reaped_ = false;
};

}  // namespace millrace::agent
