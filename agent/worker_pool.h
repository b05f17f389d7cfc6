// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "agent/metrics.h"
#include "agent/policy/worker_rules.h"
#include "agent/worker_process.h"
#include "agent/worker_template.h"
#include "net/asio.h"
// after asio.h
#include <boost/asio/steady_timer.hpp>

namespace millrace::agent {

class WorkerPool;

// What a slot's worker is for. Probes have one of their own, so that reading a header never waits
// behind a decode.
enum class WorkerRole { Work, Probe };

// A worker lent for one task; back in its pool when this goes.
class WorkerLease {
 public:
  WorkerLease() = default;
  WorkerLease(std::shared_ptr<WorkerPool> pool, std::shared_ptr<WorkerProcess> worker)
      : pool_(std::move(pool)), worker_(std::move(worker)) {}
  WorkerLease(WorkerLease&&) noexcept = default;
  WorkerLease& operator=(WorkerLease&& other) noexcept;
  WorkerLease(const WorkerLease&) = delete;
  WorkerLease& operator=(const WorkerLease&) = delete;
  // NOLINTNEXTLINE(bugprone-exception-escape): giving back fails for want of memory only
  ~WorkerLease() { give_back(); }

  [[nodiscard]] explicit operator bool() const { return worker_ != nullptr; }
  [[nodiscard]] WorkerProcess& operator*() const { return *worker_; }
  [[nodiscard]] WorkerProcess* operator->() const { return worker_.get(); }

 private:
  void give_back();
  std::shared_ptr<WorkerPool> pool_;
  std::shared_ptr<WorkerProcess> worker_;
};

// Keeps the workers of one kind up: one for each slot, and spares that are started already when one
// dies; and the template that they are forked from. On one io_context's thread.
class WorkerPool : public std::enable_shared_from_this<WorkerPool> {
 public:
  struct Options {
    WorkerProgram program;
    std::size_t work_slots = 1;
    std::size_t probe_slots = 1;
    std::size_t spares = 1;
    bool pin = true;
    std::vector<int> cores;  // slot i is pinned to cores[i % size]
    int niceness = 0;        // of those who work; probes are short, and others wait for them
    RecycleRules recycle;
    std::chrono::milliseconds start_timeout{30'000};
    base::Duration back_off_min = std::chrono::milliseconds(100);
    base::Duration back_off_max = std::chrono::seconds(10);
  };
  WorkerPool(net::asio::io_context& io, Options options, const AgentMetrics& metrics);

  // A slot of that role has an idle worker now. Called from the io_context, never inside take().
  void on_free(WorkerRole role, std::function<void()> callback);
  // Workers came up, went down, or describe themselves otherwise than before.
  void on_change(std::function<void()> callback) { on_change_ = std::move(callback); }

  void start();
  // Kills all workers and the template; `stopped` is called when the last was reaped. None is
  // started again.
  void stop(std::function<void()> stopped);

  // Empty when none is idle.
  [[nodiscard]] WorkerLease take(WorkerRole role);

  // What the workers said last, also while none is up; null before the first.
  [[nodiscard]] const std::shared_ptr<const ipc::Describe>& describe() const { return describe_; }
  // Workers of a role that are up, idle or busy.
  [[nodiscard]] std::size_t ready(WorkerRole role) const;
  [[nodiscard]] std::size_t busy(WorkerRole role) const;
  [[nodiscard]] std::size_t slots(WorkerRole role) const;
  // Process ids of the workers in slots of a role (tests and the console).
  [[nodiscard]] std::vector<pid_t> pids(WorkerRole role) const;
  [[nodiscard]] std::size_t spares_ready() const;
  // Those that are not ready yet, asked for or forked.
  [[nodiscard]] std::size_t starting() const { return ordered_ + starting_.size(); }
  // 0 while there is none.
  [[nodiscard]] pid_t template_pid() const { return template_ ? template_->pid() : 0; }

 private:
  friend class WorkerLease;
  struct Slot {
    WorkerRole role = WorkerRole::Work;
    std::optional<int> core;
    std::shared_ptr<WorkerProcess> worker;
    bool busy = false;
  };
  void give_back(const std::shared_ptr<WorkerProcess>& worker);
  void maintain();
  void maintain_later();
  bool start_template();
  static net::Awaitable<void> start_worker(std::shared_ptr<WorkerPool> self,
                                           std::shared_ptr<WorkerTemplate> from);
  void not_started(const base::Error& error, const WorkerTemplate& from);
  void watch(LaunchedProcess launched, base::TimePoint ordered, base::Deadline deadline);
  void became_ready(const std::shared_ptr<WorkerProcess>& worker, base::TimePoint ordered);
  void template_ended(const WorkerTemplate& ended);
  void tell_if_stopped();
  void ended(const std::shared_ptr<WorkerProcess>& worker, WorkerEnd end);
  void fill_slots();
  void learn(const ipc::Describe& describe);
  void free_later(WorkerRole role);
  Slot* slot_of(const WorkerProcess& worker);
  void changed();

  net::asio::io_context& io_;
  Options options_;
  const AgentMetrics& metrics_;
  RestartBackoff backoff_;
  net::asio::steady_timer retry_;
  std::vector<Slot> slots_;
  std::deque<std::shared_ptr<WorkerProcess>> spares_;  // ready, oldest first
  std::vector<std::shared_ptr<WorkerProcess>> starting_;
  std::shared_ptr<WorkerTemplate> template_;  // null: none, until the next maintain()
  std::size_t ordered_ = 0;                   // workers that the template was asked for
  std::size_t alive_ = 0;                     // workers not reaped yet
  std::shared_ptr<const ipc::Describe> describe_;
  std::function<void()> on_work_free_;
  std::function<void()> on_probe_free_;
  std::function<void()> on_change_;
  std::function<void()> stopped_;
  bool stopping_ = false;
};

}  // namespace millrace::agent
