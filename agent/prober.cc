// SPDX-License-Identifier: Apache-2.0
#include "agent/prober.h"

#include <optional>
#include <string>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "agent/policy/sharing.h"

namespace millrace::agent {
namespace {

std::string size_text(std::int64_t width, std::int64_t height) {
  return std::to_string(width) + "x" + std::to_string(height);
}

}  // namespace

ipc::RunLimits run_limits(const TaskLimitsConfig& limits) {
  ipc::RunLimits run;
  run.source_max = limits.source_px;
  run.result_max = limits.result_px;
  run.result_side_px_max = limits.result_side_px_max;
  run.frames_max = limits.frames_max;
  run.result_bytes_max = limits.result_max;
  run.memory_max = limits.worker_memory_max;
  run.cpu_max = limits.worker_cpu;
  return run;
}

base::Result<void> check_probe(const ipc::Probe& probe, const TaskLimitsConfig& limits) {
  const std::int64_t side_max = limits.source_side_px_max;
  if (probe.width > side_max || probe.height > side_max) {
    return base::fail(base::Reason::TooManyPixels,
                      "The original is " + size_text(probe.width, probe.height) +
                          " px; no side may be longer than " + std::to_string(side_max) + ".");
  }
  // Both sides are bounded by now, so the product cannot overflow.
  const auto pixels =
      static_cast<std::uint64_t>(probe.width) * static_cast<std::uint64_t>(probe.height);
  if (pixels > limits.source_px.count) {
    return base::fail(base::Reason::TooManyPixels,
                      "The original is " + size_text(probe.width, probe.height) + " px; at most " +
                          std::to_string(limits.source_px.count) + " pixels are allowed.");
  }
  if (probe.frames > limits.frames_max) {
    return base::fail(base::Reason::TooManyFrames,
                      "The original has " + std::to_string(probe.frames) + " frames; at most " +
                          std::to_string(limits.frames_max) + " are allowed.");
  }
  return {};
}

Prober::Prober(net::asio::io_context& io, TaskLimitsConfig limits,
               std::chrono::milliseconds timeout, std::shared_ptr<RunQueue> queue,
               std::shared_ptr<Quarantine> quarantine)
    : io_(io),
      limits_(limits),
      timeout_(timeout),
      queue_(std::move(queue)),
      quarantine_(std::move(quarantine)) {}

net::Awaitable<base::Result<ipc::Probe>> Prober::probe(
    std::shared_ptr<Prober> prober, SourceCopy source,
    std::shared_ptr<const RunQueue::Standing> asker, base::Deadline deadline,
    net::CancelToken cancel) {
  auto found =
      co_await find_out(prober, std::move(source), std::move(asker), deadline, std::move(cancel));
  if (!found) co_return found;
  auto allowed = check_probe(*found, prober->limits_);
  if (!allowed) co_return base::fail(std::move(allowed.error()));
  co_return found;
}

net::Awaitable<base::Result<ipc::Probe>> Prober::find_out(
    std::shared_ptr<Prober> prober, SourceCopy source,
    std::shared_ptr<const RunQueue::Standing> asker, base::Deadline deadline,
    net::CancelToken cancel) {
  std::optional<ipc::Probe>& known = source.version->probe;
  for (;;) {
    if (known) co_return *known;
    const auto joined = prober->flights_.join(prober->io_, source.version->content);
    if (joined.is_new) {
      auto standing = std::make_shared<RunQueue::Standing>();
      standing->tier = asker->tier;
      standing->user = asker->user;
      prober->standings_[source.version->content] = standing;
      net::asio::co_spawn(prober->io_,
                          fly(prober, joined.flight, source, std::move(standing), deadline),
                          net::asio::detached);
    } else {
      prober->lift(source.version->content, asker->tier, asker->user);
    }
    auto outcome = co_await Flight<ipc::Probe>::wait(joined.flight, deadline, cancel);
    if (outcome) {
      known = *outcome;
      co_return outcome;
    }
    // Somebody with less time began it, and it ended at that one's deadline: this caller begins its
    // own.
    const bool others = ended_for_its_beginner(outcome.error().reason);
    const bool own = joined.is_new || cancel.cancelled() || deadline.expired(base::Clock::now());
    if (own || !others) co_return outcome;
  }
}

void Prober::lift(const CacheKey& content, const std::string& tier, const std::string& user) {
  const auto found = standings_.find(content);
  // A line that is full for it: a probe is short, and it waits with the one that began it.
  if (found != standings_.end()) (void)queue_->lift(*found->second, tier, user);
}

net::Awaitable<void> Prober::fly(std::shared_ptr<Prober> self, ProbeFlight flight,
                                 SourceCopy source, StandingPtr standing, base::Deadline deadline) {
  auto outcome = co_await self->ask(source, standing, deadline, flight->cancel_token());
  // Unless all had left it, and a new one is in the air.
  const auto kept = self->standings_.find(source.version->content);
  if (kept != self->standings_.end() && kept->second == standing) self->standings_.erase(kept);
  self->flights_.finish(source.version->content, flight, std::move(outcome));
}

net::Awaitable<base::Result<ipc::Probe>> Prober::ask(SourceCopy source, StandingPtr standing,
                                                     base::Deadline deadline,
                                                     net::CancelToken cancel) {
  const CacheKey plan = cache_key_of({"probe", base::hex(source.version->content)});
  if (quarantine_->holds(plan, base::Clock::now())) {
    co_return base::fail(base::Reason::Quarantined,
                         "This file killed workers that read it; it is refused for a while.");
  }
  auto worker = co_await RunQueue::worker(queue_, std::move(standing), {}, deadline, cancel);
  if (!worker) co_return base::fail(std::move(worker.error()));
  const auto input = source.bytes.file().descriptor();
  if (!input) co_return base::fail(input.error());

  const base::TimePoint begun = base::Clock::now();
  WorkerProcess::Ask ask;
  ask.id = next_id_++;
  ipc::ProbeRequest request;
  request.id = ask.id;
  request.limits = run_limits(limits_);
  ask.json = ipc::to_json(request);
  ask.descriptors.push_back(*input);
  ask.deadline = deadline.earlier_of(base::Deadline::after(begun, timeout_));
  ask.cancel = cancel;
  ask.grace = timeout_;
  auto reply = co_await (*worker)->ask(std::move(ask));
  const base::TimePoint ended = base::Clock::now();
  if (!reply) {
    const base::Reason reason = reply.error().reason;
    // Not the caller's deadline but the probe's own: the file is to blame, and whoever else waits
    // for it would only hold the worker for as long again.
    const bool overran = reason == base::Reason::Deadline && ended - begun >= timeout_;
    const bool died =
        reason == base::Reason::WorkerDied || reason == base::Reason::TaskTooExpensive;
    if (died || overran) quarantine_->died(plan, ended);
    if (overran) {
      co_return base::fail(base::Reason::TaskTooExpensive,
                           "Reading this file's header took longer than " +
                               std::to_string(timeout_.count()) + " ms.");
    }
    co_return base::fail(std::move(reply.error()));
  }
  worker->finished(ended - begun);
  if (auto* probe = std::get_if<ipc::Probe>(&reply->body)) co_return std::move(*probe);
  if (auto* error = std::get_if<base::Error>(&reply->body)) co_return base::fail(std::move(*error));
  co_return base::fail(base::Reason::Internal, "A worker's answer made no sense.",
                       "a run's outcome for a probe");
}

}  // namespace millrace::agent
