// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>

namespace millrace::base {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

// The moment after which nobody wants the answer. A value, handed down the whole path of a request;
// "now" is passed in, so that whoever decides on it can be tested and simulated.
class Deadline {
 public:
  Deadline() = default;  // never
  explicit Deadline(TimePoint at) : at_(at) {}
  static Deadline after(TimePoint now, Duration span) { return Deadline(now + span); }
  static Deadline never() { return Deadline(); }

  [[nodiscard]] TimePoint at() const { return at_; }
  [[nodiscard]] bool is_never() const { return at_ == TimePoint::max(); }
  [[nodiscard]] bool expired(TimePoint now) const { return now >= at_; }
  // Zero when it has passed.
  [[nodiscard]] Duration remaining(TimePoint now) const {
    return expired(now) ? Duration::zero() : at_ - now;
  }
  [[nodiscard]] Deadline earlier_of(Deadline other) const {
    return Deadline(std::min(at_, other.at_));
  }

 private:
  TimePoint at_ = TimePoint::max();
};

}  // namespace millrace::base
