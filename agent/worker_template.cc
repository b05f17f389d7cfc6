// SPDX-License-Identifier: Apache-2.0
//
// A worker belongs to the template's process group from its first moment, and leaves it the moment
// that its pid is read here. So whenever a template ends, its group is all that it may have forked
// and that nobody knows of; killing and reaping the group leaves no process behind, whatever it was
// at.
#include "agent/worker_template.h"

#include <optional>
#include <signal.h>
#include <utility>
#include <variant>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "agent/process_descriptors.h"
#include "agent/wait_point.h"
#include "base/log.h"
#include "ipc/channel.h"
#include "ipc/messages.h"
#include "ipc/worker_exit.h"

namespace millrace::agent {
namespace {

base::Failure no_worker(std::string detail) {
  return base::fail(base::Reason::Internal, "A worker could not be started.", std::move(detail));
}

}  // namespace

struct WorkerTemplate::Order {
  Order(net::asio::io_context& io, base::UniqueFd our_end)
      : channel(std::move(our_end)), told(io) {}
  base::UniqueFd channel;
  std::optional<base::Result<LaunchedProcess>> worker;
  WaitPoint told;  // it was answered, or the template has ended
};

base::Result<std::shared_ptr<WorkerTemplate>> WorkerTemplate::start(net::asio::io_context& io,
                                                                    const WorkerProgram& program,
                                                                    Ended ended) {
  auto launched = launch_template(program);
  if (!launched) return base::fail(std::move(launched.error()));
  auto started = std::make_shared<WorkerTemplate>(io, std::move(*launched), std::move(ended));
  base::log_info("template_started",
                 {{"kind", program.kind}, {"pid", static_cast<std::int64_t>(started->pid_)}});
  net::asio::co_spawn(io, read_frames(started), net::asio::detached);
  net::asio::co_spawn(io, watch_exit(started), net::asio::detached);
  return started;
}

WorkerTemplate::WorkerTemplate(net::asio::io_context& io, LaunchedProcess launched, Ended ended)
    : io_(io),
      descriptors_(std::make_unique<ProcessDescriptors>(io, launched)),
      pid_(launched.pid),
      ended_(std::move(ended)) {}

// Only when the io_context goes before the process did: nobody is left to reap it later.
WorkerTemplate::~WorkerTemplate() {
  if (!reaped_) reap_template(pid_);
}

net::Awaitable<base::Result<LaunchedProcess>> WorkerTemplate::spawn(
    std::shared_ptr<WorkerTemplate> self, base::Deadline deadline) {
  if (self->reaped_) co_return no_worker("the template has ended");
  auto pair = make_worker_channel();
  if (!pair) co_return base::fail(std::move(pair.error()));
  Order order(self->io_, std::move(pair->first));
  const ipc::Spawn request{.id = self->next_id_++};
  // A template that starts finds it when it has started.
  const auto sent = ipc::send_frame(self->descriptors_->channel.native_handle(),
                                    ipc::to_json(request), {pair->second.get()});
  pair->second.reset();
  if (!sent) {
    self->kill();
    co_return base::fail(sent.error());
  }
  self->orders_.emplace(request.id, &order);
  const bool told = co_await order.told.wait(deadline);
  self->orders_.erase(request.id);
  if (order.worker) co_return std::move(*order.worker);
  if (told) co_return no_worker("the template ended before it had forked it");
  self->kill();
  co_return no_worker("the template did not answer in time");
}

void WorkerTemplate::stop() {
  stopped_ = true;
  kill();
}

void WorkerTemplate::kill() {
  killed_ = true;
  if (!reaped_) ::kill(-pid_, SIGKILL);
}

net::Awaitable<void> WorkerTemplate::read_frames(std::shared_ptr<WorkerTemplate> self) {
  do {
    const bool open = co_await ProcessDescriptors::readable(self->descriptors_->channel);
    if (!open || self->killed_) co_return;
  } while (self->read_frame());
  self->kill();  // it closed its end or spoke nonsense
}

bool WorkerTemplate::read_frame() {
  auto frame = ipc::receive_frame(descriptors_->channel.native_handle());
  if (!frame) return frame.error().reason == base::Reason::QueueFull;  // nothing is there
  const auto& received = *frame;
  return received.has_value() && take_frame(received->json);
}

bool WorkerTemplate::take_frame(const std::string& json) {
  auto spawned = ipc::spawned_from_json(json);
  const auto order = spawned ? orders_.find(spawned->id) : orders_.end();
  if (order == orders_.end() || order->second->worker) {
    base::log_warn("template_frame_malformed",
                   {{"pid", static_cast<std::int64_t>(pid_)},
                    {"detail", spawned ? "an answer that nobody waits for"
                                       : std::string_view(spawned.error().detail)}});
    return false;
  }
  if (auto* error = std::get_if<base::Error>(&spawned->body)) {
    order->second->worker = base::fail(std::move(*error));
  } else {
    order->second->worker =
        adopt_worker(std::get<pid_t>(spawned->body), std::move(order->second->channel));
    proved_ = proved_ || order->second->worker->has_value();
  }
  order->second->told.notify();
  return true;
}

net::Awaitable<void> WorkerTemplate::watch_exit(std::shared_ptr<WorkerTemplate> self) {
  const bool ended = co_await ProcessDescriptors::readable(self->descriptors_->process);
  if (ended) self->reap();
}

void WorkerTemplate::reap() {
  const int status = reap_template(pid_);
  reaped_ = true;
  killed_ = true;
  base::log(
      stopped_ ? base::LogLevel::Debug : base::LogLevel::Warn, "template_ended",
      {{"pid", static_cast<std::int64_t>(pid_)}, {"status", ipc::text_of_wait_status(status)}});
  descriptors_->close();
  for (const auto& [id, order] : orders_) order->told.notify();
  if (const auto tell = std::exchange(ended_, {})) tell(*this);
}

}  // namespace millrace::agent
