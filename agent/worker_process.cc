// SPDX-License-Identifier: Apache-2.0
#include "agent/worker_process.h"

#include <cstring>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "agent/process_descriptors.h"
#include "base/log.h"
#include "ipc/channel.h"
#include "ipc/worker_exit.h"

namespace millrace::agent {
std::string_view word_of(WorkerEnd end) {
  switch (end) {
    case WorkerEnd::Crashed:
      return "crashed";
    case WorkerEnd::TooExpensive:
      return "too_expensive";
    case WorkerEnd::Deadline:
      return "deadline";
    case WorkerEnd::Cancelled:
      return "cancelled";
    case WorkerEnd::RecycledTasks:
      return "recycled_tasks";
    case WorkerEnd::RecycledMemory:
      return "recycled_memory";
    case WorkerEnd::FailedToStart:
      return "failed_to_start";
    case WorkerEnd::Stopped:
      return "stopped";
  }
  return "crashed";
}

std::shared_ptr<WorkerProcess> WorkerProcess::watch(net::asio::io_context& io,
                                                    LaunchedProcess launched,
                                                    base::Deadline start_deadline, Events events) {
  auto worker = std::make_shared<WorkerProcess>(io, std::move(launched), std::move(events));
  net::asio::co_spawn(io, read_frames(worker), net::asio::detached);
  net::asio::co_spawn(io, watch_exit(worker), net::asio::detached);
  net::asio::co_spawn(io, watch_start(worker, start_deadline), net::asio::detached);
  return worker;
}

WorkerProcess::WorkerProcess(net::asio::io_context& io, LaunchedProcess launched, Events events)
    : descriptors_(std::make_unique<ProcessDescriptors>(io, launched)),
      pid_(launched.pid),
      events_(std::move(events)),
      told_(io),
      started_(io) {}

// Only when the io_context goes before the process did: nobody is left to reap it later.
WorkerProcess::~WorkerProcess() {
  if (reaped_) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

net::Awaitable<base::Result<ipc::Reply>> WorkerProcess::ask(Ask ask) {
  const auto self = shared_from_this();
  if (!usable()) co_return base::fail(death());
  pending_id_ = ask.id;
  reply_.reset();
  ++tasks_taken_;
  const int channel = descriptors_->channel.native_handle();
  if (const auto sent = ipc::send_frame(channel, ask.json, ask.descriptors); !sent) {
    // A request that cannot be written whole into an idle worker's channel: the worker is of no
    // use.
    base::log_warn("worker_unreachable",
                   {{"pid", static_cast<std::int64_t>(pid_)}, {"detail", sent.error().detail}});
    doom();
  }
  base::Deadline deadline = ask.deadline;
  base::Reason late = base::Reason::Deadline;
  const auto on_cancel = ask.cancel.on_cancel([this] { told_.notify(); });
  bool in_grace = false;
  while (!reply_ && !reaped_) {
    const bool told = co_await told_.wait(deadline);
    if (!told) {
      kill(late == base::Reason::Deadline ? WorkerEnd::Deadline : WorkerEnd::Cancelled);
      break;
    }
    if (ask.cancel.cancelled() && !in_grace) {
      in_grace = true;
      const auto end = base::Deadline::after(base::Clock::now(), ask.grace);
      if (end.at() < deadline.at()) {
        deadline = end;
        late = base::Reason::ClientGone;
      }
    }
  }
  pending_id_ = 0;
  if (reply_) {
    memory_peak_ = reply_->memory_peak;
    co_return std::move(*reply_);
  }
  if (reaped_) co_return base::fail(death());
  if (late == base::Reason::ClientGone) co_return base::fail(late, "The client went away.");
  co_return base::fail(late, "The work was not done before the deadline.");
}

void WorkerProcess::kill(WorkerEnd end) {
  if (!end_) end_ = end;
  if (!reaped_) ::kill(pid_, SIGKILL);
}

void WorkerProcess::doom() {
  doomed_ = true;
  if (!reaped_) ::kill(pid_, SIGKILL);
}

net::Awaitable<void> WorkerProcess::read_frames(std::shared_ptr<WorkerProcess> self) {
  while (true) {
    const bool open = co_await ProcessDescriptors::readable(self->descriptors_->channel);
    if (!open || self->reaped_) co_return;
    // One frame for each time that the channel is readable: what else is there makes it readable
    // again, and a look for it would find nothing nearly every time.
    if (!self->read_frame()) break;
  }
  self->doom();  // it closed its end or spoke nonsense: it will never answer again
}

// False when the channel is of no more use. Nothing may be there.
bool WorkerProcess::read_frame() {
  auto frame = ipc::receive_frame(descriptors_->channel.native_handle());
  if (!frame) {
    frames_left_ = false;
    return frame.error().reason == base::Reason::QueueFull;
  }
  const auto& received = *frame;
  frames_left_ = received.has_value();
  if (!received) return false;
  take_frame(received->json);
  return true;
}

void WorkerProcess::take_frame(const std::string& json) {
  auto message = ipc::from_worker_from_json(json);
  if (!message) {
    base::log_warn("worker_frame_malformed",
                   {{"pid", static_cast<std::int64_t>(pid_)}, {"detail", message.error().detail}});
    doom();
    return;
  }
  if (auto* describe = std::get_if<ipc::Describe>(&*message)) {
    if (describe_ || end_) return;
    describe_ = std::move(*describe);
    started_.notify();
    events_.ready(shared_from_this());
  } else if (auto* reply = std::get_if<ipc::Reply>(&*message)) {
    if (pending_id_ == 0 || reply->id != pending_id_) return;
    reply_ = std::move(*reply);
    told_.notify();
  }
}

net::Awaitable<void> WorkerProcess::watch_exit(std::shared_ptr<WorkerProcess> self) {
  const bool ended = co_await ProcessDescriptors::readable(self->descriptors_->process);
  if (!ended) co_return;
  // What it said before it ended still counts.
  do {
    (void)self->read_frame();
  } while (self->frames_left_);
  self->reap();
}

void WorkerProcess::reap() {
  int status = 0;
  ::waitpid(pid_, &status, 0);
  reaped_ = true;
  death_ = ipc::reason_of_wait_status(status);
  if (!end_) {
    const bool too_expensive = death_ == base::Reason::TaskTooExpensive;
    end_ = !describe_      ? WorkerEnd::FailedToStart
           : too_expensive ? WorkerEnd::TooExpensive
                           : WorkerEnd::Crashed;
  }
  const bool expected = *end_ == WorkerEnd::Stopped || *end_ == WorkerEnd::RecycledTasks ||
                        *end_ == WorkerEnd::RecycledMemory;
  base::log(expected ? base::LogLevel::Debug : base::LogLevel::Warn, "worker_ended",
            {{"pid", static_cast<std::int64_t>(pid_)},
             {"cause", word_of(*end_)},
             {"status", ipc::text_of_wait_status(status)}});
  descriptors_->close();
  told_.notify();
  started_.notify();
  events_.ended(shared_from_this(), *end_);
  events_ = {};
}

net::Awaitable<void> WorkerProcess::watch_start(std::shared_ptr<WorkerProcess> self,
                                                base::Deadline deadline) {
  co_await self->started_.wait(deadline);
  if (!self->describe_) self->kill(WorkerEnd::FailedToStart);
}

base::Error WorkerProcess::death() const {
  if (death_ == base::Reason::TaskTooExpensive) {
    return base::make_error(death_, "The work needed more than a task may use of the node.");
  }
  return base::make_error(base::Reason::WorkerDied,
                          "The worker died while it was working on this file.",
                          "pid " + std::to_string(pid_));
}

}  // namespace millrace::agent
