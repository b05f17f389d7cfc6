// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "bench/sim/cores.h"
#include "bench/sim/event_queue.h"

namespace millrace::bench::sim {

// The workers of an agent: each has a thread and does one task at a time, for as much processor
// time as it is told. One that is killed is replaced by a spare at once, as long as there are some;
// a new spare takes its time to start.
class SimWorkers {
 public:
  struct Options {
    std::size_t slots = 1;
    std::size_t spares = 1;
    base::Duration start{};  // of a process
  };
  // `freed` is called, later, when a worker can be taken again.
  SimWorkers(EventQueue& events, Cores& cores, const Options& options, std::function<void()> freed);

  // An idle worker, taken; nullopt when there is none.
  [[nodiscard]] std::optional<std::size_t> take();
  void run(std::size_t worker, base::Duration cpu, EventQueue::Action done);
  void give_back(std::size_t worker);
  // What it does is lost, and `done` is not called.
  void kill(std::size_t worker);
  // As SIGSTOP and SIGCONT do. Whoever is killed is not frozen any more.
  void freeze(std::size_t worker) { slots_[worker].thread->stop(); }
  void thaw_all();

  [[nodiscard]] std::size_t busy() const;
  [[nodiscard]] std::size_t count() const { return slots_.size(); }
  [[nodiscard]] bool is_busy(std::size_t worker) const { return slots_[worker].busy; }

 private:
  struct Slot {
    Cores::Thread* thread = nullptr;
    bool up = true;
    bool busy = false;
  };
  void free_later() { events_.after({}, freed_); }
  void start_spare();

  EventQueue& events_;
  Options options_;
  std::function<void()> freed_;
  std::vector<Slot> slots_;
  std::size_t spares_;
};

}  // namespace millrace::bench::sim
