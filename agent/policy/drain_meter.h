// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "base/deadline.h"

namespace millrace::agent {

// Measures how fast a queue drains: tasks finished a second and what one of them costs a worker,
// both as exponentially weighted means. From that come the estimates that a refusal carries. Pure;
// one thread; O(1).
class DrainMeter {
 public:
  explicit DrainMeter(base::Duration half_life) : half_life_(half_life) {}

  void finished(base::TimePoint now, base::Duration work);
  // Tasks a second; decays towards nothing while none finishes.
  [[nodiscard]] double rate_per_s(base::TimePoint now) const;
  // What a task has cost lately; zero before the first.
  [[nodiscard]] base::Duration mean_work() const { return mean_work_; }
  // Whole seconds after which `queued` tasks are gone: 1 when nothing was measured yet, 60 at most.
  [[nodiscard]] std::size_t retry_after_s(std::size_t queued, base::TimePoint now) const;

 private:
  base::Duration half_life_;
  base::TimePoint begun_{};  // when the first task that was measured began
  base::TimePoint last_{};
  double weighted_count_ = 0;  // finished tasks, each halved every half-life
  base::Duration mean_work_{};
  bool measured_ = false;
};

}  // namespace millrace::agent
