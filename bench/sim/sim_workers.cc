// SPDX-License-Identifier: Apache-2.0
#include "bench/sim/sim_workers.h"

#include <algorithm>
#include <utility>

namespace millrace::bench::sim {

SimWorkers::SimWorkers(EventQueue& events, Cores& cores, const Options& options,
                       std::function<void()> freed)
    : events_(events), options_(options), freed_(std::move(freed)), spares_(options.spares) {
  for (std::size_t i = 0; i < options.slots; ++i) {
    slots_.push_back({.thread = &cores.add_thread("millrace-image-worker", Standing::Work)});
  }
}

std::optional<std::size_t> SimWorkers::take() {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (!slots_[i].up || slots_[i].busy) continue;
    slots_[i].busy = true;
    return i;
  }
  return std::nullopt;
}

void SimWorkers::run(std::size_t worker, base::Duration cpu, EventQueue::Action done) {
  slots_[worker].thread->run(cpu, std::move(done));
}

void SimWorkers::give_back(std::size_t worker) {
  slots_[worker].busy = false;
  free_later();
}

void SimWorkers::kill(std::size_t worker) {
  Slot& slot = slots_[worker];
  slot.thread->clear();
  slot.thread->go_on();
  slot.busy = false;
  slot.up = spares_ > 0;
  if (slot.up) {
    --spares_;
    free_later();
  }
  start_spare();
}

void SimWorkers::start_spare() {
  events_.after(options_.start, [this] {
    const auto down = std::ranges::find(slots_, false, &Slot::up);
    if (down == slots_.end()) {
      ++spares_;
    } else {
      down->up = true;
      free_later();
    }
  });
}

void SimWorkers::thaw_all() {
  for (const Slot& slot : slots_) {
    if (slot.thread->stopped()) slot.thread->go_on();
  }
}

std::size_t SimWorkers::busy() const {
  return static_cast<std::size_t>(std::ranges::count(slots_, true, &Slot::busy));
}

}  // namespace millrace::bench::sim
