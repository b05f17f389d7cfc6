// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/accept_gate.h"

#include <cstdlib>

namespace millrace::ratelimit {

bool AcceptGate::try_acquire() {
  const std::size_t limit = in_flight_max_.load();
  std::size_t taken = in_flight_.load();
  do {
    if (taken >= limit) {
      turned_away_total_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
  } while (!in_flight_.compare_exchange_weak(taken, taken + 1));
  acquired_total_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void AcceptGate::release() {
  if (in_flight_.fetch_sub(1) == 0) std::abort();
}

}  // namespace millrace::ratelimit
