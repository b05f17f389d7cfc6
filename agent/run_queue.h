// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "agent/metrics.h"
#include "agent/policy/queue_decider.h"
#include "agent/wait_point.h"
#include "agent/worker_pool.h"
#include "base/result.h"
#include "ipc/messages.h"
#include "net/cancel.h"

namespace millrace::agent {

class RunQueue;

// A task's permission to be fetched and probed, in the account of its tier and origin until it has
// arrived, or until this goes.
class Preparing {
 public:
  Preparing(std::shared_ptr<RunQueue> queue, TicketId id) : queue_(std::move(queue)), id_(id) {}
  Preparing(const Preparing&) = delete;
  Preparing& operator=(const Preparing&) = delete;
  ~Preparing();
  // It is about to ask for a worker.
  void arrived();

 private:
  std::shared_ptr<RunQueue> queue_;
  TicketId id_;
};

// Tasks of a batch that have one worker, one after the other.
struct Convoy {
  std::uint64_t group = 0;
  bool has_begun = false;
  std::deque<TicketId> following;
};

// A worker for a task that waited for it. When this goes it is the next of its convoy's, or back.
class QueuedWorker {
 public:
  QueuedWorker(std::shared_ptr<RunQueue> queue, TicketId id, WorkerLease lease,
               std::shared_ptr<Convoy> convoy, bool is_pressed)
      : queue_(std::move(queue)),
        id_(id),
        lease_(std::move(lease)),
        convoy_(std::move(convoy)),
        is_pressed_(is_pressed) {}
  QueuedWorker(QueuedWorker&&) noexcept = default;
  QueuedWorker& operator=(QueuedWorker&&) = delete;
  QueuedWorker(const QueuedWorker&) = delete;
  QueuedWorker& operator=(const QueuedWorker&) = delete;
  ~QueuedWorker();
  // The task was done. Not called: it gave nothing.
  void finished(base::Duration work);
  // Puts the convoy that this is one of into a request; nothing, when it is alone.
  void tell_convoy(ipc::RunRequest& request);
  // So many waited behind it that its work should be made smaller where it can be.
  [[nodiscard]] bool is_pressed() const { return is_pressed_; }
  [[nodiscard]] WorkerProcess* operator->() const { return lease_.operator->(); }

 private:
  std::shared_ptr<RunQueue> queue_;  // null: moved away
  TicketId id_;
  WorkerLease lease_;
  std::shared_ptr<Convoy> convoy_;  // null: alone
  bool is_pressed_;
};

// The line in front of the workers of one role: QueueDecider decides, this waits. One thread.
class RunQueue : public std::enable_shared_from_this<RunQueue> {
 public:
  // As whom a task waits. Shared with those who wait for the same result, for lift().
  struct Standing {
    std::string tier;
    std::string user;
    TicketId waiting = 0;   // 0: not in the line
    bool too_late = false;  // it was dropped: what it takes at the least was more than was left
  };
  // What a task is, for those who decide when it is done and with which others.
  struct Task {
    ExpectedWork work{};
    std::string batch{};     // WaitingTask::batch
    std::string pipeline{};  // of a task with a batch: canonical text
  };
  RunQueue(net::asio::io_context& io, std::shared_ptr<WorkerPool> pool, WorkerRole role,
           const QueueDecider::Options& options, const AgentMetrics& metrics);
  // Begins to serve the line whenever a worker is free. Once, before the pool starts.
  void start();

  // Before anything is fetched for a task. QueueFull; Internal for a tier that is not configured.
  [[nodiscard]] base::Result<std::shared_ptr<Preparing>> prepare(const std::string& tier,
                                                                 const std::string& user,
                                                                 const std::string& origin);
  // A worker, at once when one is idle and nobody waits. QueueFull (also when the place was given
  // to another user later), Deadline (also when it could not be met any more), ClientGone, Internal
  // for a tier that is not configured.
  static net::Awaitable<base::Result<QueuedWorker>> worker(std::shared_ptr<RunQueue> queue,
                                                           std::shared_ptr<Standing> standing,
                                                           Task task, base::Deadline deadline,
                                                           net::CancelToken cancel);
  // Somebody of `tier` comes to wait for the same task: it waits as theirs where that is better.
  // QueueFull when that tier's line has no place for it: it waits on as before.
  base::Result<void> lift(Standing& standing, const std::string& tier, const std::string& user);
  // It was seen before it came to wait that its deadline cannot be met.
  void refuse_late(const std::string& tier) const;

  [[nodiscard]] const QueueDecider& decider() const { return decider_; }
  [[nodiscard]] std::size_t retry_after_s(const std::string& tier) const {
    return decider_.retry_after_s(tier, base::Clock::now());
  }

 private:
  friend class Preparing;
  friend class QueuedWorker;
  enum class Fate { Waiting, Dropped, Displaced };
  struct Ticket {
    explicit Ticket(net::asio::io_context& io) : told(io) {}
    WaitPoint told;
    WorkerLease lease;
    Fate fate = Fate::Waiting;
    std::string pipeline;
    std::shared_ptr<Convoy> convoy;  // it was called: a worker is, or will be, there for it
    bool is_pressed = false;         // when it was called
  };
  // The series of a tier are those of its work, not of its probes; null then.
  [[nodiscard]] const TierMetrics* series(const std::string& tier) const;
  base::Failure refuse_full(const std::string& tier) const;
  void serve();
  void call(const TierQueue::Taken& taken, WorkerLease lease);
  // It waits no more, however that ended.
  void leave(TicketId id, const Ticket& ticket);
  void pass_on(std::shared_ptr<Convoy> convoy, WorkerLease lease);
  void end(TicketId id, const std::string& tier, Fate fate);
  [[nodiscard]] base::Error error_of(const Ticket& ticket, Standing& standing,
                                     base::Deadline deadline, const net::CancelToken& cancel) const;

  net::asio::io_context& io_;
  std::shared_ptr<WorkerPool> pool_;
  WorkerRole role_;
  QueueDecider decider_;
  const AgentMetrics& metrics_;
  std::unordered_map<TicketId, Ticket*> tickets_;  // in the frames of those who wait
  std::deque<std::shared_ptr<Convoy>> stranded_;   // their worker is gone: the next ones served
  TicketId next_id_ = 1;
  std::uint64_t next_group_ = 1;
};

}  // namespace millrace::agent
