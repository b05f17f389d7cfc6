// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "base/deadline.h"

namespace millrace::ratelimit {

// Whether a shared store is asked at all. A store that is slow is not asked by every request in
// turn, each of them waiting in vain: after `failures_max` failures in a row, or when the
// connection is lost, nobody asks until one probe was answered well and in time. Probes that fail
// come ever less often; one that was answered late shows a store that lives, and the next comes
// soon. Time is passed in. One thread.
class StoreBreaker {
 public:
  struct Options {
    std::size_t failures_max = 3;
    base::Duration backoff_min = std::chrono::milliseconds(100);
    base::Duration backoff_max = std::chrono::seconds(2);  // doubling up to here
  };
  enum class ProbeOutcome { Good, Late, Bad };

  // Begins open, with a probe due at once.
  StoreBreaker(const Options& options, base::TimePoint now);

  // Closed: the store decides.
  [[nodiscard]] bool closed() const { return state_ == State::Closed; }
  void answered();                   // a call, well and in time
  void failed(base::TimePoint now);  // a call: not in time, or an error
  void lost(base::TimePoint now);    // the connection, or it could not be made

  // When the next probe (or connection) should be tried; never while one is, or while closed.
  [[nodiscard]] base::TimePoint probe_at() const;
  void probe_sent();
  void probe_ended(ProbeOutcome outcome, base::TimePoint now);

 private:
  enum class State { Open, Probing, Closed };
  void open(base::TimePoint now);

  Options options_;
  State state_ = State::Open;
  std::size_t failures_ = 0;  // in a row
  base::Duration backoff_;    // before the next probe
  base::TimePoint probe_at_;
};

}  // namespace millrace::ratelimit
