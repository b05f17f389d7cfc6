// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/deadline.h"

namespace millrace::ratelimit {

// How many requests may be tried a second time. When a whole fleet is full, retries would double
// its load just when it can bear that least; so only a share of the requests admitted within the
// last `window` may be retried. Time is passed in and must not run backwards. For one thread; each
// has its own.
class RetryBudget {
 public:
  // `ratio`: retries per admitted request, 0..1. `retries_min`: allowed in each window whatever the
  // traffic, so that a quiet gateway can retry at all; with `ratio` 0 there are none.
  explicit RetryBudget(double ratio, base::Duration window = std::chrono::seconds(10),
                       std::size_t retries_min = 3);

  void admitted(base::TimePoint now);
  // Takes one retry. False: the budget is spent.
  [[nodiscard]] bool try_spend(base::TimePoint now);

 private:
  // The window as ten steps; the oldest is forgotten as a whole.
  static constexpr std::size_t kSteps = 10;
  struct Step {
    std::uint64_t admitted = 0;
    std::uint64_t retried = 0;
  };
  void forget_old(base::TimePoint now);

  double ratio_;
  base::Duration step_length_;
  std::size_t retries_min_;
  std::array<Step, kSteps> steps_{};
  std::int64_t newest_step_ = 0;  // counted from the clock's epoch
  Step sum_;
};

}  // namespace millrace::ratelimit
