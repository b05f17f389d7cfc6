// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/worker_rules.h"

#include <algorithm>

namespace millrace::agent {

void RestartBackoff::failed_to_start(base::TimePoint now) {
  wait_ = wait_ == base::Duration::zero() ? first_ : std::min(most_, wait_ * 2);
  next_ = now + wait_;
}

}  // namespace millrace::agent
