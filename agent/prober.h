// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <unordered_map>

#include "agent/config.h"
#include "agent/flight.h"
#include "agent/policy/cache_key.h"
#include "agent/policy/quarantine.h"
#include "agent/run_queue.h"
#include "agent/source_catalog.h"
#include "base/result.h"
#include "ipc/messages.h"

namespace millrace::agent {

// The limits of a task as the worker enforces them on itself.
ipc::RunLimits run_limits(const TaskLimitsConfig& limits);
// What a header says, against the limits: TooManyPixels, TooManyFrames, or nothing. Pure.
base::Result<void> check_probe(const ipc::Probe& probe, const TaskLimitsConfig& limits);

// Reads each original's header once, in a worker that does nothing else, and keeps what it says
// with the version. Limits are checked on that, before any queue: a bomb costs a header. Who waits
// for it waits by tier and user, as for work. Failures are not kept. One thread.
class Prober : public std::enable_shared_from_this<Prober> {
 public:
  Prober(net::asio::io_context& io, TaskLimitsConfig limits, std::chrono::milliseconds timeout,
         std::shared_ptr<RunQueue> queue, std::shared_ptr<Quarantine> quarantine);

  // Within the limits, or: UnsupportedMedia, CorruptMedia, TooManyPixels, TooManyFrames,
  // WorkerDied, TaskTooExpensive, Quarantined, QueueFull, Deadline, ClientGone. `source` has its
  // bytes. `asker` is read, not changed.
  static net::Awaitable<base::Result<ipc::Probe>> probe(
      std::shared_ptr<Prober> prober, SourceCopy source,
      std::shared_ptr<const RunQueue::Standing> asker, base::Deadline deadline,
      net::CancelToken cancel);

  // Somebody of this tier waits for work on that original: a probe of it waits as theirs.
  void lift(const CacheKey& content, const std::string& tier, const std::string& user);

 private:
  using ProbeFlight = std::shared_ptr<Flight<ipc::Probe>>;
  using StandingPtr = std::shared_ptr<RunQueue::Standing>;
  // What is known of the original, found out if nobody has; not yet held against the limits.
  static net::Awaitable<base::Result<ipc::Probe>> find_out(
      std::shared_ptr<Prober> prober, SourceCopy source,
      std::shared_ptr<const RunQueue::Standing> asker, base::Deadline deadline,
      net::CancelToken cancel);
  static net::Awaitable<void> fly(std::shared_ptr<Prober> self, ProbeFlight flight,
                                  SourceCopy source, StandingPtr standing, base::Deadline deadline);
  net::Awaitable<base::Result<ipc::Probe>> ask(SourceCopy source, StandingPtr standing,
                                               base::Deadline deadline, net::CancelToken cancel);

  net::asio::io_context& io_;
  TaskLimitsConfig limits_;
  std::chrono::milliseconds timeout_;
  std::shared_ptr<RunQueue> queue_;
  std::shared_ptr<Quarantine> quarantine_;
  FlightMap<CacheKey, ipc::Probe, CacheKeyHash> flights_;
  std::unordered_map<CacheKey, StandingPtr, CacheKeyHash> standings_;  // of those in the air
  std::uint64_t next_id_ = 1;
};

}  // namespace millrace::agent
