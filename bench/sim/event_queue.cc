// SPDX-License-Identifier: Apache-2.0
#include "bench/sim/event_queue.h"

#include <algorithm>
#include <utility>

namespace millrace::bench::sim {

void EventQueue::at(base::TimePoint when, Action action) {
  heap_.push_back({std::max(when, now_), ++numbers_, std::move(action)});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

void EventQueue::run_until(base::TimePoint end) {
  while (!heap_.empty() && heap_.front().at <= end) {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Entry entry = std::move(heap_.back());
    heap_.pop_back();
    now_ = entry.at;
    ++happened_;
    entry.action();
  }
  now_ = std::max(now_, end);
}

}  // namespace millrace::bench::sim
