// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>

#include "base/metrics.h"
#include "net/connection_phase.h"

namespace millrace::net {

// What a server's port counts, labelled with its name; the threads of one port share the series.
// Without Metrics it counts nowhere.
struct ServerMetrics {
  ServerMetrics(base::Metrics* metrics, const std::string& server);

  base::Gauge connections;
  base::Gauge idle;     // of these, between two requests; as of the last tick
  base::Gauge waiting;  // connections that wait for a permit of the request gate
  base::Counter accepted;
  base::Counter exhausted;  // accepts that found no descriptor, or those left for others
  base::Counter refused;    // connections reset because no descriptor could be found for them
  std::array<base::Counter, kPhaseCount> timed_out;
  std::array<base::Counter, kPhaseCount> pushed_out;  // closed for another's sake
};

}  // namespace millrace::net
