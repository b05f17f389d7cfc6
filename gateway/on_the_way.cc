// SPDX-License-Identifier: Apache-2.0
#include "gateway/on_the_way.h"

#include <algorithm>

namespace millrace::gateway {

OnTheWay::~OnTheWay() {
  if (!node_) return;
  --node_->in_flight;
  // Exactly zero when nothing is left: sums of fractions drift.
  const double rest = node_->in_flight_cpu_ms - cpu_ms_;
  node_->in_flight_cpu_ms = node_->in_flight == 0 ? 0 : std::max(rest, 0.0);
}

}  // namespace millrace::gateway
