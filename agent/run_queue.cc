// SPDX-License-Identifier: Apache-2.0
#include "agent/run_queue.h"

#include <chrono>
#include <utility>

namespace millrace::agent {
namespace {

constexpr base::Duration kMeterHalfLife = std::chrono::seconds(5);

}  // namespace

RunQueue::RunQueue(net::asio::io_context& io, std::shared_ptr<WorkerPool> pool, WorkerRole role,
                   std::map<std::string, TierShare> tiers)
    : io_(io),
      pool_(std::move(pool)),
      role_(role),
      queue_(std::move(tiers)),
      meter_(kMeterHalfLife) {}

void RunQueue::start() {
  pool_->on_free(role_, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->serve();
  });
}

net::Awaitable<base::Result<WorkerLease>> RunQueue::worker(std::shared_ptr<RunQueue> queue,
                                                           std::string tier, std::string user,
                                                           base::Deadline deadline,
                                                           net::CancelToken cancel) {
  if (!queue->queue_.knows(tier)) {
    co_return base::fail(base::Reason::Internal, "The tier is not known on this node.",
                         "tier " + tier);
  }
  if (queue->queue_.depth() == 0) {
    WorkerLease idle = queue->pool_->take(queue->role_);
    if (idle) co_return idle;
  }
  const TicketId id = queue->next_id_++;
  if (queue->queue_.offer(id, tier, user, deadline) != TierQueue::Offer::Queued) {
    co_return base::fail(base::Reason::QueueFull,
                         "The queue in front of the workers is full; try again later.");
  }
  Ticket ticket(queue->io_);
  queue->tickets_.emplace(id, &ticket);
  // Leaves the line however this wait ends, also when the coroutine is destroyed in the middle of
  // it.
  const std::shared_ptr<void> place(nullptr, [&queue, id](void*) {
    queue->queue_.withdraw(id);
    queue->tickets_.erase(id);
  });
  const auto on_cancel = cancel.on_cancel([&ticket] { ticket.told.notify(); });
  co_await ticket.told.wait(deadline);
  if (ticket.lease) co_return std::move(ticket.lease);
  if (cancel.cancelled()) co_return base::fail(base::Reason::ClientGone, "The client went away.");
  co_return base::fail(base::Reason::Deadline,
                       ticket.dropped ? "The work could not have been done before the deadline."
                                      : "No worker was free before the deadline.");
}

void RunQueue::serve() {
  while (queue_.depth() > 0) {
    WorkerLease lease = pool_->take(role_);
    if (!lease) return;
    const TierQueue::Taken taken = queue_.take(base::Clock::now(), meter_.mean_work());
    for (const TicketId id : taken.dropped) {
      Ticket& ticket = *tickets_.at(id);
      ticket.dropped = true;
      ticket.told.notify();
    }
    if (!taken.next) return;
    Ticket& ticket = *tickets_.at(*taken.next);
    ticket.lease = std::move(lease);
    ticket.told.notify();
  }
}

}  // namespace millrace::agent
