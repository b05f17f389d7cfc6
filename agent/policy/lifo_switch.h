// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/deadline.h"

namespace millrace::agent {

// Says when a line that stands is served newest first. As in CoDel (RFC 8289) a delay above the
// target is no news until it has lasted for an interval: a burst is what a queue is for, a standing
// queue serves nobody well. The interval is the target once more. Back to oldest first as soon as
// the delay is below the target. Pure; time is passed in; O(1).
class LifoSwitch {
 public:
  explicit LifoSwitch(base::Duration target) : target_(target) {}

  // `delay`: how long whoever waits longest has waited; zero when nobody does. `target_min`: what
  // a target must not be below at present.
  void judge(base::TimePoint now, base::Duration delay, base::Duration target_min = {}) {
    const base::Duration target = std::max(target_, target_min);
    if (delay < target) {
      above_since_.reset();
      newest_first_ = false;
      return;
    }
    if (!above_since_) above_since_ = now;
    const bool stands = now - *above_since_ >= target;
    if (stands && !newest_first_) ++switches_;
    newest_first_ = newest_first_ || stands;
  }
  [[nodiscard]] bool newest_first() const { return newest_first_; }
  [[nodiscard]] std::uint64_t switches() const { return switches_; }  // to newest first

 private:
  base::Duration target_;
  std::optional<base::TimePoint> above_since_;
  bool newest_first_ = false;
  std::uint64_t switches_ = 0;
};

}  // namespace millrace::agent
