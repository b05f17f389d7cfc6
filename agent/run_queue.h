// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "agent/policy/drain_meter.h"
#include "agent/policy/tier_queue.h"
#include "agent/wait_point.h"
#include "agent/worker_pool.h"
#include "base/result.h"
#include "net/cancel.h"

namespace millrace::agent {

// The line in front of the workers of one role: TierQueue decides, this waits. One thread.
class RunQueue : public std::enable_shared_from_this<RunQueue> {
 public:
  RunQueue(net::asio::io_context& io, std::shared_ptr<WorkerPool> pool, WorkerRole role,
           std::map<std::string, TierShare> tiers);
  // Begins to serve the line whenever a worker is free. Once, before the pool starts.
  void start();

  // A worker, at once when one is idle and nobody waits. QueueFull, Deadline (also when it could
  // not be met any more), ClientGone, BadParameter for a tier that is not configured.
  static net::Awaitable<base::Result<WorkerLease>> worker(std::shared_ptr<RunQueue> queue,
                                                          std::string tier, std::string user,
                                                          base::Deadline deadline,
                                                          net::CancelToken cancel);
  // A task was done; what it took is what later ones are expected to take.
  void finished(base::Duration work) { meter_.finished(base::Clock::now(), work); }

  [[nodiscard]] std::size_t depth() const { return queue_.depth(); }
  [[nodiscard]] std::size_t depth(const std::string& tier) const { return queue_.depth(tier); }
  [[nodiscard]] bool full(const std::string& tier) const { return queue_.full(tier); }
  [[nodiscard]] base::Duration mean_work() const { return meter_.mean_work(); }
  [[nodiscard]] double drain_per_s() const { return meter_.rate_per_s(base::Clock::now()); }
  [[nodiscard]] std::size_t retry_after_s() const {
    return meter_.retry_after_s(queue_.depth(), base::Clock::now());
  }

 private:
  struct Ticket {
    explicit Ticket(net::asio::io_context& io) : told(io) {}
    WaitPoint told;
    WorkerLease lease;
    bool dropped = false;
  };
  void serve();

  net::asio::io_context& io_;
  std::shared_ptr<WorkerPool> pool_;
  WorkerRole role_;
  TierQueue queue_;
  DrainMeter meter_;
  std::unordered_map<TicketId, Ticket*> tickets_;  // in the frames of those who wait
  TicketId next_id_ = 1;
};

}  // namespace millrace::agent
