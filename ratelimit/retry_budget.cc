// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/retry_budget.h"

#include <algorithm>
#include <cmath>

namespace millrace::ratelimit {

RetryBudget::RetryBudget(double ratio, base::Duration window, std::size_t retries_min)
    : ratio_(ratio),
      step_length_(std::max(window / static_cast<int>(kSteps), base::Duration(1))),
      retries_min_(ratio > 0 ? retries_min : 0) {}

void RetryBudget::forget_old(base::TimePoint now) {
  const std::int64_t step = now.time_since_epoch() / step_length_;
  if (step - newest_step_ >= static_cast<std::int64_t>(kSteps)) {
    steps_.fill({});
    sum_ = {};
    newest_step_ = step;
    return;
  }
  while (newest_step_ < step) {
    ++newest_step_;
    Step& oldest = steps_[static_cast<std::size_t>(newest_step_) % kSteps];
    sum_.admitted -= oldest.admitted;
    sum_.retried -= oldest.retried;
    oldest = {};
  }
}

void RetryBudget::admitted(base::TimePoint now) {
  forget_old(now);
  ++steps_[static_cast<std::size_t>(newest_step_) % kSteps].admitted;
  ++sum_.admitted;
}

bool RetryBudget::try_spend(base::TimePoint now) {
  forget_old(now);
  const double share = std::floor(ratio_ * static_cast<double>(sum_.admitted));
  const double allowed = std::max(share, static_cast<double>(retries_min_));
  if (static_cast<double>(sum_.retried) >= allowed) return false;
  ++steps_[static_cast<std::size_t>(newest_step_) % kSteps].retried;
  ++sum_.retried;
  return true;
}

}  // namespace millrace::ratelimit
