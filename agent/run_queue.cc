// SPDX-License-Identifier: Apache-2.0
#include "agent/run_queue.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace millrace::agent {
namespace {

// A run tells of all that follow it.
static_assert(TierQueue::kCompanionsMax <= ipc::kNextMax);

base::Failure unknown_tier(const std::string& tier) {
  return base::fail(base::Reason::Internal, "The tier is not known on this node.", "tier " + tier);
}

}  // namespace

Preparing::~Preparing() { queue_->decider_.abandon(id_); }

void Preparing::arrived() { queue_->decider_.prepared(id_, base::Clock::now()); }

// NOLINTNEXTLINE(bugprone-exception-escape): passing on fails for want of memory only
QueuedWorker::~QueuedWorker() {
  if (!queue_) return;
  queue_->decider_.failed(id_);
  if (convoy_) queue_->pass_on(std::move(convoy_), std::move(lease_));
}

void QueuedWorker::finished(base::Duration work) {
  queue_->decider_.finished(id_, work, base::Clock::now());
}

void QueuedWorker::tell_convoy(ipc::RunRequest& request) {
  if (!convoy_) return;
  request.group = convoy_->group;
  if (std::exchange(convoy_->has_begun, true)) return;
  for (const TicketId id : convoy_->following) {
    request.next.push_back(queue_->tickets_.at(id)->pipeline);
  }
}

RunQueue::RunQueue(net::asio::io_context& io, std::shared_ptr<WorkerPool> pool, WorkerRole role,
                   const QueueDecider::Options& options, const AgentMetrics& metrics)
    : io_(io), pool_(std::move(pool)), role_(role), decider_(options), metrics_(metrics) {}

void RunQueue::start() {
  pool_->on_free(role_, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->serve();
  });
}

const TierMetrics* RunQueue::series(const std::string& tier) const {
  return role_ == WorkerRole::Work ? metrics_.tier(tier) : nullptr;
}

base::Failure RunQueue::refuse_full(const std::string& tier) const {
  if (const TierMetrics* metrics = series(tier)) metrics->full.add();
  return base::fail(base::Reason::QueueFull,
                    "The queue in front of the workers is full; try again later.");
}

void RunQueue::refuse_late(const std::string& tier) const {
  if (const TierMetrics* metrics = series(tier)) metrics->too_late.add();
}

base::Result<std::shared_ptr<Preparing>> RunQueue::prepare(const std::string& tier,
                                                           const std::string& user,
                                                           const std::string& origin) {
  if (!decider_.knows(tier)) return unknown_tier(tier);
  const TicketId id = next_id_++;
  if (!decider_.prepare(id, tier, user, origin, base::Clock::now())) return refuse_full(tier);
  return std::make_shared<Preparing>(shared_from_this(), id);
}

net::Awaitable<base::Result<QueuedWorker>> RunQueue::worker(std::shared_ptr<RunQueue> queue,
                                                            std::shared_ptr<Standing> standing,
                                                            Task task, base::Deadline deadline,
                                                            net::CancelToken cancel) {
  const TicketId id = queue->next_id_++;
  const base::TimePoint now = base::Clock::now();
  const auto offered = queue->decider_.offer(
      standing->tier,
      WaitingTask{id, standing->user, deadline, task.work, now, std::move(task.batch)}, now);
  if (offered.verdict == TierQueue::Verdict::UnknownTier) co_return unknown_tier(standing->tier);
  if (offered.verdict == TierQueue::Verdict::Full) co_return queue->refuse_full(standing->tier);
  if (offered.displaced) queue->end(*offered.displaced, standing->tier, Fate::Displaced);
  Ticket ticket(queue->io_);
  ticket.pipeline = std::move(task.pipeline);
  queue->tickets_.emplace(id, &ticket);
  standing->waiting = id;
  // Leaves the line however this wait ends, also when the coroutine is destroyed in the middle of
  // it.
  const std::shared_ptr<void> place(nullptr, [&queue, &standing, &ticket, id](void*) {
    queue->leave(id, ticket);
    standing->waiting = 0;
  });
  queue->serve();
  const auto on_cancel = cancel.on_cancel([&ticket] { ticket.told.notify(); });
  co_await ticket.told.wait(deadline);
  if (ticket.lease) {
    co_return QueuedWorker(queue, id, std::move(ticket.lease), std::move(ticket.convoy),
                           ticket.is_pressed);
  }
  co_return base::fail(queue->error_of(ticket, *standing, deadline, cancel));
}

base::Error RunQueue::error_of(const Ticket& ticket, Standing& standing, base::Deadline deadline,
                               const net::CancelToken& cancel) const {
  if (ticket.fate == Fate::Displaced) {
    return base::make_error(base::Reason::QueueFull,
                            "The queue is full and this user has more in it than others; try "
                            "again later.");
  }
  if (ticket.fate == Fate::Dropped) {
    standing.too_late = true;
    return base::make_error(base::Reason::Deadline,
                            "The work could not have been done before the deadline.");
  }
  // Whoever waited for it may have left at that deadline a moment before.
  if (cancel.cancelled() && !deadline.expired(base::Clock::now())) {
    return base::make_error(base::Reason::ClientGone, "The client went away.");
  }
  if (const TierMetrics* metrics = series(standing.tier)) metrics->expired.add();
  return base::make_error(base::Reason::Deadline, "No worker was free before the deadline.");
}

void RunQueue::serve() {
  while (true) {
    std::erase_if(stranded_, [](const auto& convoy) { return convoy->following.empty(); });
    if (stranded_.empty() && decider_.depth() == 0) return;
    WorkerLease lease = pool_->take(role_);
    if (!lease) return;
    if (!stranded_.empty()) {
      const std::shared_ptr<Convoy> convoy = stranded_.front();
      stranded_.pop_front();
      pass_on(convoy, std::move(lease));
      continue;
    }
    const TierQueue::Taken taken = decider_.take(base::Clock::now());
    for (const TierQueue::Dropped& dropped : taken.dropped) {
      end(dropped.id, dropped.tier, Fate::Dropped);
    }
    if (!taken.next) return;
    call(taken, std::move(lease));
  }
}

void RunQueue::call(const TierQueue::Taken& taken, WorkerLease lease) {
  const auto observe = [this](const TierQueue::Next& task) {
    if (const TierMetrics* tier = series(task.tier)) {
      tier->delay_seconds.observe(std::chrono::duration<double>(task.waited).count());
    }
  };
  observe(*taken.next);
  std::ranges::for_each(taken.companions, observe);
  Ticket& ticket = *tickets_.at(taken.next->id);
  ticket.is_pressed = decider_.is_pressed(taken.next->tier);
  if (!taken.companions.empty()) {
    ticket.convoy = std::make_shared<Convoy>(Convoy{.group = next_group_++, .following = {}});
    for (const TierQueue::Next& companion : taken.companions) {
      ticket.convoy->following.push_back(companion.id);
      tickets_.at(companion.id)->convoy = ticket.convoy;
      tickets_.at(companion.id)->is_pressed = ticket.is_pressed;
    }
  }
  ticket.lease = std::move(lease);
  ticket.told.notify();
}

void RunQueue::leave(TicketId id, const Ticket& ticket) {
  decider_.withdraw(id);
  tickets_.erase(id);
  if (!ticket.convoy || std::erase(ticket.convoy->following, id) == 0) return;
  decider_.failed(id);
}

void RunQueue::pass_on(std::shared_ptr<Convoy> convoy, WorkerLease lease) {
  if (convoy->following.empty()) return;
  if (!lease->usable()) {
    // What it had for the others is gone, and may be why: they do not share again.
    stranded_.push_back(std::move(convoy));
    return;
  }
  Ticket& ticket = *tickets_.at(convoy->following.front());
  convoy->following.pop_front();
  ticket.lease = std::move(lease);
  ticket.told.notify();
}

void RunQueue::end(TicketId id, const std::string& tier, Fate fate) {
  if (const TierMetrics* metrics = series(tier)) {
    (fate == Fate::Dropped ? metrics->too_late : metrics->displaced).add();
  }
  Ticket& ticket = *tickets_.at(id);
  ticket.fate = fate;
  ticket.told.notify();
}

base::Result<void> RunQueue::lift(Standing& standing, const std::string& tier,
                                  const std::string& user) {
  if (!decider_.outweighs(tier, standing.tier)) return {};
  if (standing.waiting != 0) {
    const auto promoted = decider_.promote(standing.waiting, tier, user, base::Clock::now());
    if (promoted.displaced) end(*promoted.displaced, tier, Fate::Displaced);
    if (promoted.lift == TierQueue::Lift::Full) return refuse_full(tier);
    if (promoted.lift != TierQueue::Lift::Lifted) return {};
  }
  standing.tier = tier;
  standing.user = user;
  if (role_ == WorkerRole::Work) metrics_.lifted.add();
  return {};
}

}  // namespace millrace::agent
