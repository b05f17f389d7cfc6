// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <csignal>
#include <string>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "ipc/channel.h"
#include "ipc/messages.h"

namespace millrace::workers {

// A file of memory with these bytes.
base::UniqueFd memory_file(std::string_view bytes);
std::string contents(const base::UniqueFd& file);

// A SampleWorker in a process of its own, and the agent's end of its channel. Waiting is bounded by
// the test's own time-out alone.
class WorkerProcess {
 public:
  explicit WorkerProcess(int shared_file = -1);
  // One that was started elsewhere.
  WorkerProcess(pid_t pid, base::UniqueFd channel) : pid_(pid), channel_(std::move(channel)) {}
  ~WorkerProcess();  // kills what still runs
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  // The message that comes next.
  ipc::FromWorker next();
  // The reply that comes next; frames of progress before it are counted.
  ipc::Reply reply();
  // One run from input text to reply, with the output's file in output().
  ipc::Reply run(const std::string& pipeline, std::string_view input = "input",
                 const ipc::RunLimits& limits = {});
  void start_run(const std::string& pipeline, std::string_view input = "input",
                 const ipc::RunLimits& limits = {});
  [[nodiscard]] std::string output() const { return contents(output_); }
  [[nodiscard]] int progress_frames() const { return progress_frames_; }

  [[nodiscard]] int channel() const { return channel_.get(); }
  void close_channel() { channel_.reset(); }
  [[nodiscard]] pid_t pid() const { return pid_; }
  // What waitpid says of its end.
  int wait();

  base::UniqueFd output_;

 private:
  pid_t pid_ = -1;
  base::UniqueFd channel_;
  std::uint64_t next_id_ = 1;
  int progress_frames_ = 0;
};

// Calls `start` in an agent of its own, kills that, and returns when every process that it started,
// held by what `start` gives, has ended: each inherited a pipe, whose end comes with the last.
template <class Start>
void expect_nothing_outlives(const Start& start) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const base::UniqueFd reading(ends[0]);
  base::UniqueFd writing(ends[1]);
  const pid_t agent = ::fork();
  if (agent == 0) {
    const auto started = start();
    if (::write(writing.get(), "x", 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  writing.reset();
  char byte = 0;
  ASSERT_EQ(::read(reading.get(), &byte, 1), 1);
  ASSERT_EQ(::kill(agent, SIGKILL), 0);
  ASSERT_EQ(::waitpid(agent, nullptr, 0), agent);
  EXPECT_EQ(::read(reading.get(), &byte, 1), 0);
}

}  // namespace millrace::workers
