// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/deadline.h"

namespace millrace::discovery {

// When an agent sends its next heartbeat to one registry. Decides without I/O.
//
// A heartbeat hangs at the registry until the next one arrives there, so that there is always one
// whose break says that somebody died. Therefore two may be under way, and only what happens to the
// newest says how things stand.
class BeatSchedule {
 public:
  struct Timing {
    base::Duration period = std::chrono::seconds(1);
    base::Duration gap_min = std::chrono::milliseconds(50);  // between two, whatever happens
    base::Duration back_off_min = std::chrono::milliseconds(50);
    base::Duration back_off_max = std::chrono::milliseconds(500);
  };
  static constexpr std::size_t kUnderWayMax = 2;

  // The first is due at once.
  explicit BeatSchedule(Timing timing) : timing_(timing) {}

  // TimePoint::max() while one that is under way has to come back first.
  [[nodiscard]] base::TimePoint due() const;
  void sent(std::uint64_t sequence, base::TimePoint now);
  // The record changed: due at once, unless the registry is out of reach; then the next try carries
  // it.
  void changed(base::TimePoint now);
  // True when this ends an outage, or is the first of all.
  bool answered(std::uint64_t sequence, base::TimePoint now);
  // `random` in [0, 1) spreads the tries of many agents. True when an outage begins.
  bool failed(std::uint64_t sequence, base::TimePoint now, double random);

  [[nodiscard]] bool registered() const { return registered_; }

 private:
  void settle(std::uint64_t sequence);

  Timing timing_;
  std::vector<std::uint64_t> under_way_;
  std::uint64_t newest_ = 0;
  base::TimePoint due_ = base::TimePoint::min();
  base::TimePoint last_sent_ = base::TimePoint::min();
  std::uint32_t failures_ = 0;  // in a row
  bool registered_ = false;
};

}  // namespace millrace::discovery
