// SPDX-License-Identifier: Apache-2.0
#include "tests/workers/runtime/worker_process.h"

#include <array>
#include <csignal>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/workers/runtime/sample_worker.h"

namespace millrace::workers {

base::UniqueFd memory_file(std::string_view bytes) {
  base::UniqueFd file(::memfd_create("test", MFD_CLOEXEC));
  EXPECT_EQ(::pwrite(file.get(), bytes.data(), bytes.size(), 0),
            static_cast<ssize_t>(bytes.size()));
  return file;
}

std::string contents(const base::UniqueFd& file) {
  std::string text;
  std::array<char, 4096> buffer{};
  while (true) {
    const ssize_t count =
        ::pread(file.get(), buffer.data(), buffer.size(), static_cast<off_t>(text.size()));
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

WorkerProcess::WorkerProcess(int shared_file) {
  auto channel = ipc::make_channel();
  EXPECT_TRUE(channel);
  pid_ = ::fork();
  if (pid_ == 0) {
    channel->first.reset();
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    SampleWorker worker(shared_file);
    ::_exit(serve(worker, Introduction(worker), channel->second.get()));
  }
  channel_ = std::move(channel->first);
}

WorkerProcess::~WorkerProcess() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

ipc::FromWorker WorkerProcess::next() {
  auto frame = ipc::receive_frame(channel());
  if (!frame || !*frame) {
    ADD_FAILURE() << "the worker is gone: " << (frame ? "closed" : frame.error().detail);
    return {};
  }
  auto message = ipc::from_worker_from_json((*frame)->json);
  if (!message) {
    ADD_FAILURE() << message.error().detail;
    return {};
  }
  return std::move(*message);
}

ipc::Reply WorkerProcess::reply() {
  while (true) {
    auto message = next();
    if (auto* result = std::get_if<ipc::Reply>(&message)) return std::move(*result);
    if (std::holds_alternative<ipc::Progress>(message)) ++progress_frames_;
    if (::testing::Test::HasFailure()) return {};
  }
}

void WorkerProcess::start_run(const std::string& pipeline, std::string_view input,
                              const ipc::RunLimits& limits) {
  const base::UniqueFd file = memory_file(input);
  output_ = memory_file("");
  const ipc::RunRequest request{next_id_++, pipeline, std::chrono::minutes(5), limits};
  const auto sent = ipc::send_frame(channel(), ipc::to_json(request), {file.get(), output_.get()});
  EXPECT_TRUE(sent);
}

ipc::Reply WorkerProcess::run(const std::string& pipeline, std::string_view input,
                              const ipc::RunLimits& limits) {
  start_run(pipeline, input, limits);
  ipc::Reply result = reply();
  EXPECT_EQ(result.id, next_id_ - 1);
  return result;
}

int WorkerProcess::wait() {
  int status = 0;
  EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
  pid_ = -1;
  return status;
}

}  // namespace millrace::workers
