// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/store_breaker.h"

#include <algorithm>

namespace millrace::ratelimit {

StoreBreaker::StoreBreaker(const Options& options, base::TimePoint now)
    : options_(options), backoff_(options.backoff_min), probe_at_(now) {}

void StoreBreaker::answered() { failures_ = 0; }

void StoreBreaker::failed(base::TimePoint now) {
  if (state_ != State::Closed) return;  // asked before it opened
  if (++failures_ >= options_.failures_max) open(now);
}

void StoreBreaker::lost(base::TimePoint now) { open(now); }

base::TimePoint StoreBreaker::probe_at() const {
  return state_ == State::Open ? probe_at_ : base::TimePoint::max();
}

void StoreBreaker::probe_sent() { state_ = State::Probing; }

void StoreBreaker::probe_ended(ProbeOutcome outcome, base::TimePoint now) {
  if (state_ != State::Probing) return;
  if (outcome != ProbeOutcome::Bad) backoff_ = options_.backoff_min;
  if (outcome == ProbeOutcome::Good) {
    state_ = State::Closed;
    failures_ = 0;
  } else {
    open(now);
  }
}

void StoreBreaker::open(base::TimePoint now) {
  state_ = State::Open;
  probe_at_ = now + backoff_;
  backoff_ = std::min(backoff_ * 2, options_.backoff_max);
}

}  // namespace millrace::ratelimit
