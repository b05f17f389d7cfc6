// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "base/deadline.h"

namespace millrace::agent {

// Measures how fast a queue drains: tasks finished a second, and the processor time that they were
// expected to take, both exponentially weighted. From that come the estimates that a refusal
// carries. Pure; one thread; O(1).
class DrainMeter {
 public:
  explicit DrainMeter(base::Duration half_life) : half_life_(half_life) {}

  // `work`: how long it was at its worker; `cpu`: what it was expected to take, zero for not known.
  void finished(base::TimePoint now, base::Duration work, base::Duration cpu = {});
  // Tasks a second; decays towards nothing while none finishes.
  [[nodiscard]] double rate_per_s(base::TimePoint now) const;
  // Whole seconds after which `queued` tasks, which are expected to take `cpu`, are gone: 1 when
  // nothing was measured yet, 60 at most. By processor time where that is known, because a queue of
  // giants drains more slowly than the thumbnails before it did.
  [[nodiscard]] std::size_t retry_after_s(std::size_t queued, base::Duration cpu,
                                          base::TimePoint now) const;

 private:
  // What a weighted sum comes to a second, now.
  [[nodiscard]] double per_s(double weighted, base::TimePoint now) const;

  base::Duration half_life_;
  base::TimePoint begun_{};  // when the first task that was measured began
  base::TimePoint last_{};
  double weighted_count_ = 0;  // finished tasks, each halved every half-life
  double weighted_cpu_s_ = 0;  // what those were expected to take
  bool measured_ = false;
};

}  // namespace millrace::agent
