// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/deadline.h"
#include "base/units.h"

namespace millrace::agent {

// When a worker that has just finished a task is replaced by a fresh one: codecs leak, and heaps
// fragment.
struct RecycleRules {
  std::uint64_t tasks_max = 0;  // 0: never for its age
  base::Bytes rss_max;          // 0: never for its size
};
enum class Recycle { Keep, Tasks, Memory };
[[nodiscard]] inline Recycle recycle_decision(const RecycleRules& rules, std::uint64_t tasks_done,
                                              base::Bytes rss) {
  if (rules.rss_max.count > 0 && rss >= rules.rss_max) return Recycle::Memory;
  if (rules.tasks_max > 0 && tasks_done >= rules.tasks_max) return Recycle::Tasks;
  return Recycle::Keep;
}

// How long to wait before the next start, when workers die before they say what they can do (a
// missing library, a broken binary). A worker that dies at work costs no wait: spares replace it,
// and quarantine keeps its murderer out. Pure.
class RestartBackoff {
 public:
  RestartBackoff(base::Duration first, base::Duration most) : first_(first), most_(most) {}
  void failed_to_start(base::TimePoint now);
  void started() { wait_ = base::Duration::zero(); }
  // Never later than `most` from the last failure.
  [[nodiscard]] base::TimePoint next_start() const { return next_; }
  [[nodiscard]] bool may_start(base::TimePoint now) const {
    return wait_ == base::Duration::zero() || now >= next_;
  }

 private:
  base::Duration first_;
  base::Duration most_;
  base::Duration wait_{};
  base::TimePoint next_{};
};

}  // namespace millrace::agent
