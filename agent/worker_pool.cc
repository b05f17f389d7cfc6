// SPDX-License-Identifier: Apache-2.0
#include "agent/worker_pool.h"

#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "base/log.h"

namespace millrace::agent {

// NOLINTNEXTLINE(bugprone-exception-escape): giving back fails for want of memory only
WorkerLease& WorkerLease::operator=(WorkerLease&& other) noexcept {
  if (this != &other) {
    give_back();
    pool_ = std::move(other.pool_);
    worker_ = std::move(other.worker_);
  }
  return *this;
}

void WorkerLease::give_back() {
  if (worker_) pool_->give_back(std::exchange(worker_, nullptr));
  pool_.reset();
}

WorkerPool::WorkerPool(net::asio::io_context& io, Options options, const AgentMetrics& metrics)
    : io_(io),
      options_(std::move(options)),
      metrics_(metrics),
      backoff_(options_.back_off_min, options_.back_off_max),
      retry_(io) {
  for (std::size_t i = 0; i < options_.probe_slots; ++i) {
    slots_.emplace_back().role = WorkerRole::Probe;
  }
  for (std::size_t i = 0; i < options_.work_slots; ++i) {
    Slot& slot = slots_.emplace_back();
    if (options_.pin && !options_.cores.empty()) {
      slot.core = options_.cores[i % options_.cores.size()];
    }
  }
}

void WorkerPool::on_free(WorkerRole role, std::function<void()> callback) {
  (role == WorkerRole::Work ? on_work_free_ : on_probe_free_) = std::move(callback);
}

void WorkerPool::start() { maintain(); }

void WorkerPool::stop(std::function<void()> stopped) {
  stopping_ = true;
  stopped_ = std::move(stopped);
  retry_.cancel();
  const auto kill = [](const std::shared_ptr<WorkerProcess>& worker) {
    if (worker) worker->kill(WorkerEnd::Stopped);
  };
  for (const Slot& slot : slots_) kill(slot.worker);
  for (const auto& worker : spares_) kill(worker);
  for (const auto& worker : starting_) kill(worker);
  if (template_) template_->stop();
  tell_if_stopped();
}

WorkerLease WorkerPool::take(WorkerRole role) {
  if (stopping_) return {};
  for (Slot& slot : slots_) {
    if (slot.role != role || slot.busy || !slot.worker || !slot.worker->usable()) continue;
    slot.busy = true;
    backoff_
        .started();  // not when it came up: one that dies before its first task is no good start
    return WorkerLease(shared_from_this(), slot.worker);
  }
  return {};
}

void WorkerPool::give_back(const std::shared_ptr<WorkerProcess>& worker) {
  Slot* slot = slot_of(*worker);
  if (slot == nullptr) return;  // it died meanwhile; its slot is filled again already
  slot->busy = false;
  if (!worker->usable()) return;  // killed, and soon reaped
  // The high-water mark tells cheaply that the present size need not be looked up.
  const bool was_big = worker->memory_peak() >= options_.recycle.rss_max;
  const base::Bytes resident = was_big ? resident_memory(worker->pid()) : base::Bytes{};
  const Recycle decision = recycle_decision(options_.recycle, worker->tasks_taken(), resident);
  if (decision != Recycle::Keep) {
    slot->worker.reset();
    worker->kill(decision == Recycle::Tasks ? WorkerEnd::RecycledTasks : WorkerEnd::RecycledMemory);
    fill_slots();
    maintain();
    return;
  }
  free_later(slot->role);
}

// A template, and as many processes as slots and spares ask for; those that are about to be reaped
// are not counted.
void WorkerPool::maintain() {
  if (stopping_) return;
  if (!template_ && !(backoff_.may_start(base::Clock::now()) && start_template())) {
    return maintain_later();
  }
  const auto filled = static_cast<std::size_t>(
      std::ranges::count_if(slots_, [](const Slot& slot) { return slot.worker != nullptr; }));
  std::size_t present = filled + spares_.size() + starting_.size() + ordered_;
  while (present < slots_.size() + options_.spares) {
    if (!backoff_.may_start(base::Clock::now())) return maintain_later();
    ++ordered_;
    net::asio::co_spawn(io_, start_worker(shared_from_this(), template_), net::asio::detached);
    ++present;
  }
}

void WorkerPool::maintain_later() {
  retry_.expires_at(backoff_.next_start());
  retry_.async_wait([weak = weak_from_this()](boost::system::error_code cancelled) {
    const auto self = weak.lock();
    if (self && !cancelled) self->maintain();
  });
}

bool WorkerPool::start_template() {
  auto started = WorkerTemplate::start(io_, options_.program,
                                       [weak = weak_from_this()](const WorkerTemplate& ended) {
                                         if (const auto self = weak.lock())
                                           self->template_ended(ended);
                                       });
  if (!started) {
    base::log_error("template_not_started",
                    {{"kind", options_.program.kind}, {"detail", started.error().detail}});
    metrics_.worker_ended(WorkerEnd::FailedToStart);
    backoff_.failed_to_start(base::Clock::now());
    return false;
  }
  metrics_.template_starts.add();
  template_ = std::move(*started);
  return true;
}

net::Awaitable<void> WorkerPool::start_worker(std::shared_ptr<WorkerPool> self,
                                              std::shared_ptr<WorkerTemplate> from) {
  const base::TimePoint ordered = base::Clock::now();
  const auto deadline = base::Deadline::after(ordered, self->options_.start_timeout);
  auto launched = co_await WorkerTemplate::spawn(from, deadline);
  --self->ordered_;
  if (launched) {
    self->watch(std::move(*launched), ordered, deadline);
  } else {
    self->not_started(launched.error(), *from);
  }
}

void WorkerPool::not_started(const base::Error& error, const WorkerTemplate& from) {
  if (stopping_) return tell_if_stopped();
  base::log_error("worker_not_started",
                  {{"kind", options_.program.kind}, {"detail", error.detail}});
  metrics_.worker_ended(WorkerEnd::FailedToStart);
  // A template that has ended is waited for once, however many were asked of it.
  if (!from.ended()) backoff_.failed_to_start(base::Clock::now());
  maintain();
}

void WorkerPool::watch(LaunchedProcess launched, base::TimePoint ordered, base::Deadline deadline) {
  WorkerProcess::Events events;
  events.ready = [weak = weak_from_this(), ordered](const std::shared_ptr<WorkerProcess>& worker) {
    if (const auto self = weak.lock()) self->became_ready(worker, ordered);
  };
  events.ended = [weak = weak_from_this()](const std::shared_ptr<WorkerProcess>& worker,
                                           WorkerEnd end) {
    if (const auto self = weak.lock()) self->ended(worker, end);
  };
  auto worker = WorkerProcess::watch(io_, std::move(launched), deadline, std::move(events));
  metrics_.worker_started();
  ++alive_;
  if (stopping_) worker->kill(WorkerEnd::Stopped);
  starting_.push_back(std::move(worker));
}

void WorkerPool::template_ended(const WorkerTemplate& ended) {
  template_.reset();
  if (stopping_) return tell_if_stopped();
  metrics_.template_ends.add();
  if (!ended.proved()) backoff_.failed_to_start(base::Clock::now());
  maintain();
}

void WorkerPool::tell_if_stopped() {
  const bool all_gone = alive_ == 0 && ordered_ == 0 && !template_;
  if (all_gone && stopped_) net::asio::post(io_, std::exchange(stopped_, nullptr));
}

void WorkerPool::became_ready(const std::shared_ptr<WorkerProcess>& worker,
                              base::TimePoint ordered) {
  std::erase(starting_, worker);
  if (stopping_) return worker->kill(WorkerEnd::Stopped);
  const ipc::Describe& describe = worker->describe();
  if (describe.kind != options_.program.kind) {
    base::log_error("worker_of_wrong_kind",
                    {{"expected", options_.program.kind}, {"kind", describe.kind}});
    worker->kill(WorkerEnd::FailedToStart);
    return;
  }
  metrics_.worker_start_seconds.observe(
      std::chrono::duration<double>(base::Clock::now() - ordered).count());
  learn(describe);
  spares_.push_back(worker);
  fill_slots();
  maintain();
}

void WorkerPool::learn(const ipc::Describe& describe) {
  const bool same = describe_ && describe_->build == describe.build &&
                    describe_->commands == describe.commands && describe_->notes == describe.notes;
  if (same) return;
  describe_ = std::make_shared<const ipc::Describe>(describe);
  base::log_info("workers_describe",
                 {{"kind", describe.kind},
                  {"build", describe.build},
                  {"commands", static_cast<std::int64_t>(describe.commands.size())}});
  for (const std::string& note : describe.notes) {
    base::log_warn("worker_note", {{"kind", describe.kind}, {"note", note}});
  }
  changed();
}

void WorkerPool::ended(const std::shared_ptr<WorkerProcess>& worker, WorkerEnd end) {
  --alive_;
  metrics_.worker_ended(end);
  std::erase(starting_, worker);
  std::erase(spares_, worker);
  const bool useless =
      end == WorkerEnd::FailedToStart || (end == WorkerEnd::Crashed && worker->tasks_taken() == 0);
  if (useless) {
    backoff_.failed_to_start(base::Clock::now());
  }
  if (Slot* slot = slot_of(*worker)) {
    slot->worker.reset();
    slot->busy = false;
    fill_slots();
    if (!slot->worker) changed();
  }
  if (stopping_) return tell_if_stopped();
  maintain();
}

void WorkerPool::fill_slots() {
  if (stopping_) return;
  bool filled_any = false;
  for (Slot& slot : slots_) {
    if (slot.worker) continue;
    while (!spares_.empty() && !spares_.front()->usable()) spares_.pop_front();
    if (spares_.empty()) break;
    slot.worker = std::move(spares_.front());
    spares_.pop_front();
    slot.busy = false;
    if (slot.core) pin_process(slot.worker->pid(), *slot.core);
    if (slot.role == WorkerRole::Work && options_.niceness > 0) {
      set_niceness(slot.worker->pid(), options_.niceness);
    }
    filled_any = true;
    free_later(slot.role);
  }
  if (filled_any) changed();
}

void WorkerPool::free_later(WorkerRole role) {
  net::asio::post(io_, [weak = weak_from_this(), role] {
    const auto self = weak.lock();
    if (!self) return;
    const auto& callback = role == WorkerRole::Work ? self->on_work_free_ : self->on_probe_free_;
    if (callback) callback();
  });
}

WorkerPool::Slot* WorkerPool::slot_of(const WorkerProcess& worker) {
  for (Slot& slot : slots_) {
    if (slot.worker.get() == &worker) return &slot;
  }
  return nullptr;
}

void WorkerPool::changed() {
  if (on_change_) on_change_();
}

std::size_t WorkerPool::ready(WorkerRole role) const {
  return static_cast<std::size_t>(std::ranges::count_if(slots_, [role](const Slot& slot) {
    return slot.role == role && slot.worker && slot.worker->usable();
  }));
}

std::size_t WorkerPool::busy(WorkerRole role) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      slots_, [role](const Slot& slot) { return slot.role == role && slot.busy; }));
}

std::size_t WorkerPool::slots(WorkerRole role) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(slots_, [role](const Slot& slot) { return slot.role == role; }));
}

std::vector<pid_t> WorkerPool::pids(WorkerRole role) const {
  std::vector<pid_t> pids;
  for (const Slot& slot : slots_) {
    if (slot.role == role && slot.worker) pids.push_back(slot.worker->pid());
  }
  return pids;
}

std::size_t WorkerPool::spares_ready() const { return spares_.size(); }

}  // namespace millrace::agent
