// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/deadline.h"

namespace millrace::bench::sim {

// Virtual time: what happens when, in one queue. Nothing sleeps and nothing looks at a clock; time
// jumps from one event to the next. Events of the same moment happen in the order in which they
// were asked for, so that equal runs are equal. One thread.
class EventQueue {
 public:
  using Action = std::function<void()>;
  // Not the clock's epoch: what looks back from the first moment finds a past.
  static constexpr base::TimePoint kStart{std::chrono::hours(24)};

  [[nodiscard]] base::TimePoint now() const { return now_; }
  // A moment that has passed is now.
  void at(base::TimePoint when, Action action);
  void after(base::Duration wait, Action action) { at(now_ + wait, std::move(action)); }

  // Lets everything happen that is due by then, in order; it is `end` afterwards.
  void run_until(base::TimePoint end);
  [[nodiscard]] std::size_t pending() const { return heap_.size(); }
  [[nodiscard]] std::uint64_t happened() const { return happened_; }

 private:
  struct Entry {
    base::TimePoint at;
    std::uint64_t number = 0;
    Action action;
  };
  static bool later(const Entry& a, const Entry& b) {
    return a.at != b.at ? a.at > b.at : a.number > b.number;
  }

  base::TimePoint now_ = kStart;
  std::uint64_t numbers_ = 0;
  std::uint64_t happened_ = 0;
  std::vector<Entry> heap_;
};

}  // namespace millrace::bench::sim
