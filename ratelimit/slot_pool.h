// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/deadline.h"

namespace millrace::ratelimit {

// Thousandths of a slot: a request weighs its predicted cost, which is rarely a whole number.
using MilliSlots = std::uint64_t;
constexpr MilliSlots whole_slots(std::uint64_t slots) { return slots * 1000; }

// max(1, predicted_cpu / slot_cpu) slots, so that one AVIF picture counts as several thumbnails.
// `slot_cpu` > 0; a thousandth rounds up.
MilliSlots weight_of(base::Duration predicted_cpu, base::Duration slot_cpu);

// The slots that one user or one command holds, and how long they are held. Time is passed in. One
// thread.
class SlotPool {
 public:
  // A request heavier than `limit` alone fits where nothing else runs: small limits are no reason
  // never to serve it.
  [[nodiscard]] bool fits(MilliSlots weight, MilliSlots limit) const {
    return held_ == 0 || held_ + weight <= limit;
  }
  void take(MilliSlots weight, base::TimePoint now);
  // `taken_at`: when take() was called for what comes back now.
  void give_back(MilliSlots weight, base::TimePoint taken_at, base::TimePoint now);
  // What comes back at an unknown moment teaches nothing about times.
  void give_back_untimed(MilliSlots weight) { held_ -= weight; }

  // When `weight` will fit, from the holding times of late (an expectation, not a promise):
  // as long as it takes until enough of what is held has come back. `unmeasured` stands for the
  // holding time as long as nothing ever came back.
  [[nodiscard]] base::Duration expected_wait(MilliSlots weight, MilliSlots limit,
                                             base::Duration unmeasured, base::TimePoint now) const;
  [[nodiscard]] MilliSlots held() const { return held_; }

 private:
  MilliSlots held_ = 0;
  base::Duration holding_mean_{};  // of a request, exponentially weighted; zero: none measured
  base::TimePoint quiet_since_{};  // the latest give_back, or take out of emptiness
};

}  // namespace millrace::ratelimit
