// SPDX-License-Identifier: Apache-2.0
#include <exception>
#include <iterator>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "ipc/channel.h"
#include "ipc/worker_exit.h"
#include "workers/runtime/guards.h"
#include "workers/runtime/memory_watch.h"
#include "workers/runtime/task_budget.h"
#include "workers/runtime/task_files.h"
#include "workers/runtime/worker.h"

namespace millrace::workers {
namespace {

using base::Reason;
using ipc::WorkerExit;

// What the agent reads at most (docs/formats/ipc.md).
constexpr std::size_t kSentenceBytesMax = 2 << 10;
constexpr std::size_t kDetailBytesMax = 16 << 10;
// A progress frame for each percent at most.
constexpr double kProgressStep = 0.01;

base::Error too_expensive(std::string detail) {
  return base::make_error(Reason::TaskTooExpensive,
                          "The task needs more memory than one task may use.", std::move(detail));
}

// What came along with a run.
struct RunFiles {
  base::UniqueFd input;
  base::UniqueFd output;
  std::vector<base::UniqueFd> others;
};

RunFiles files_of(std::vector<base::UniqueFd> descriptors) {
  RunFiles files{std::move(descriptors[0]), std::move(descriptors[1]), {}};
  files.others.assign(std::make_move_iterator(descriptors.begin() + 2),
                      std::make_move_iterator(descriptors.end()));
  return files;
}

// Calls the worker's code; no exception leaves.
template <class Call>
auto guarded(const Call& call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return base::fail(too_expensive("std::bad_alloc"));
  } catch (const std::exception& error) {
    return base::fail(Reason::Internal, "The worker failed.", error.what());
  } catch (...) {
    return base::fail(Reason::Internal, "The worker failed.", "an exception of unknown type");
  }
}

// A codec calls anything broken that it could not get memory for.
base::Error explained(base::Error error) {
  const bool blames_the_media = error.reason == Reason::CorruptMedia ||
                                error.reason == Reason::UnsupportedMedia ||
                                error.reason == Reason::Internal;
  if (blames_the_media && memory_was_refused())
    error = too_expensive(error.public_message + " " + error.detail);
  if (error.public_message.size() > kSentenceBytesMax)
    error.public_message.resize(kSentenceBytesMax);
  if (error.detail.size() > kDetailBytesMax) error.detail.resize(kDetailBytesMax);
  return error;
}

class Server {
 public:
  Server(Worker& worker, const Introduction& introduction, int channel_fd)
      : worker_(worker), introduction_(introduction), channel_fd_(channel_fd) {}

  WorkerExit run();

 private:
  // False: the frame makes no sense.
  bool answer(ipc::Frame frame);
  void handle(const ipc::ProbeRequest& request, base::UniqueFd input);
  void handle(const ipc::RunRequest& request, RunFiles files);
  base::Result<ipc::RunOutcome> run_task(const ipc::RunRequest& request, RunFiles files);
  void send_progress(std::uint64_t id, double fraction);
  template <class Value>
  void reply(std::uint64_t id, base::Result<Value> result);

  Worker& worker_;
  const Introduction& introduction_;
  int channel_fd_;
  UsageMeter meter_;
  std::optional<ProcessLimits> limits_;  // once it serves
  double progress_sent_ = 0;
};

WorkerExit Server::run() {
  if (auto sent = ipc::send_frame(channel_fd_, introduction_.describe_json(), {}); !sent) {
    if (sent.error().reason == Reason::WorkerDied) return WorkerExit::PeerClosed;
    base::log_error("describe_failed", {{"detail", sent.error().detail}});
    return WorkerExit::StartFailed;
  }
  limits_.emplace(UsageMeter::private_memory());
  while (true) {
    auto received = ipc::receive_frame(channel_fd_);
    if (!received) {
      base::log_error("channel_failed", {{"detail", received.error().detail}});
      return WorkerExit::Protocol;
    }
    std::optional<ipc::Frame> frame = *std::move(received);
    if (!frame) return WorkerExit::PeerClosed;
    if (!answer(*std::move(frame))) return WorkerExit::Protocol;
    const auto rested = guarded([this]() -> base::Result<void> {
      worker_.rest();
      return {};
    });
    if (!rested) base::log_warn("rest_failed", {{"detail", rested.error().detail}});
  }
}

bool Server::answer(ipc::Frame frame) {
  const auto message = ipc::to_worker_from_json(frame.json);
  if (!message) {
    base::log_error("message_broken", {{"detail", message.error().detail}});
    return false;
  }
  const auto* probe = std::get_if<ipc::ProbeRequest>(&*message);
  const auto* run = std::get_if<ipc::RunRequest>(&*message);
  const std::size_t count = frame.descriptors.size();
  if (probe != nullptr ? count != 1 : count < 2) {
    base::log_error("descriptors_missing",
                    {{"count", static_cast<std::int64_t>(frame.descriptors.size())}});
    return false;
  }
  forget_refusals();
  meter_.begin_task();
  if (probe != nullptr) {
    handle(*probe, std::move(frame.descriptors[0]));
  } else {
    handle(*run, files_of(std::move(frame.descriptors)));
  }
  return true;
}

void Server::handle(const ipc::ProbeRequest& request, base::UniqueFd input) {
  auto result = guarded([&]() -> base::Result<ipc::Probe> {
    auto mapped = MappedInput::map(std::move(input), MappedInput::Reading::Header);
    if (!mapped) return base::fail(std::move(mapped.error()));
    const TaskBudget budget(*limits_, request.limits, meter_.cpu_at_begin());
    return worker_.probe(mapped->bytes(), request.limits);
  });
  reply(request.id, std::move(result));
}

void Server::handle(const ipc::RunRequest& request, RunFiles files) {
  progress_sent_ = 0;
  reply(request.id, guarded([&] { return run_task(request, std::move(files)); }));
}

base::Result<ipc::RunOutcome> Server::run_task(const ipc::RunRequest& request, RunFiles files) {
  if (request.time_left <= std::chrono::milliseconds::zero()) {
    return base::fail(Reason::Deadline, "The time of the request was up before the work began.");
  }
  const auto deadline = base::Deadline::after(base::Clock::now(), request.time_left);
  const auto pipeline = introduction_.catalogue().check(request.pipeline);
  if (!pipeline) return base::fail(pipeline.error());
  auto mapped = MappedInput::map(std::move(files.input), MappedInput::Reading::Whole);
  if (!mapped) return base::fail(std::move(mapped.error()));
  const auto others = MappedOthers::map(*pipeline, std::move(files.others));
  if (!others) return base::fail(others.error());

  OutputFile file(files.output.get(), request.limits.result_bytes_max);
  RunContext context{*pipeline,
                     mapped->bytes(),
                     file,
                     request.limits,
                     deadline,
                     [this, id = request.id](double fraction) { send_progress(id, fraction); },
                     others->inputs(),
                     request.group,
                     {}};
  for (const std::string& text : request.next) {
    // One that is not understood will be told so when it comes.
    if (auto next = introduction_.catalogue().check(text)) context.next.push_back(*std::move(next));
  }
  const TaskBudget budget(*limits_, request.limits, meter_.cpu_at_begin());
  auto outcome = worker_.run(context);
  if (!outcome) return outcome;
  const auto bytes = finish_output(file, request.limits.result_bytes_max);
  if (!bytes) return base::fail(bytes.error());
  outcome->bytes = *bytes;
  return outcome;
}

void Server::send_progress(std::uint64_t id, double fraction) {
  if (!(fraction >= progress_sent_ + kProgressStep && fraction <= 1)) return;
  progress_sent_ = fraction;
  // A peer that is gone is noticed at the next frame.
  static_cast<void>(ipc::send_frame(channel_fd_, ipc::to_json(ipc::Progress{id, fraction}), {}));
}

template <class Value>
void Server::reply(std::uint64_t id, base::Result<Value> result) {
  ipc::Reply reply;
  reply.id = id;
  if (result) {
    reply.body = std::move(*result);
  } else {
    reply.body = explained(std::move(result.error()));
  }
  const TaskUsage usage = meter_.since_begin();
  reply.cpu_time = usage.cpu_time;
  reply.memory_peak = usage.memory_peak;
  limits_->rest(meter_.cpu_at_begin() + usage.cpu_time);
  const auto sent = ipc::send_frame(channel_fd_, ipc::to_json(reply), {});
  if (!sent && sent.error().reason != Reason::WorkerDied) {
    base::log_error("reply_failed", {{"detail", sent.error().detail}});
  }
}

}  // namespace

Introduction::Introduction(const Worker& worker)
    : describe_json_(ipc::to_json(
          ipc::Describe{worker.kind(), worker.build(), worker.commands(), worker.notes()})),
      catalogue_(worker.commands()) {}

int serve(Worker& worker, const Introduction& introduction, int channel_fd) {
  if (!bind_to_parent(channel_fd)) return static_cast<int>(WorkerExit::ParentGone);
  install_guards();
  watch_operator_new();
  return static_cast<int>(Server(worker, introduction, channel_fd).run());
}

}  // namespace millrace::workers
