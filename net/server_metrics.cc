// SPDX-License-Identifier: Apache-2.0
#include "net/server_metrics.h"

namespace millrace::net {

ServerMetrics::ServerMetrics(base::Metrics* metrics, const std::string& server) {
  if (metrics == nullptr) return;
  const base::Labels labels{{"server", server}};
  connections = metrics->gauge("millrace_http_connections", "Open connections", labels);
  idle = metrics->gauge("millrace_http_connections_idle", "Of these, between two requests", labels);
  waiting = metrics->gauge("millrace_http_connections_waiting",
                           "Connections that wait for a permit of the accept gate", labels);
  accepted =
      metrics->counter("millrace_http_connections_accepted_total", "Connections accepted", labels);
  exhausted = metrics->counter("millrace_http_descriptors_exhausted_total",
                               "Accepts that found no descriptor to spare", labels);
  refused = metrics->counter("millrace_http_connections_refused_total",
                             "Connections reset because no descriptor could be freed", labels);
  for (std::size_t i = 0; i < kPhaseCount; ++i) {
    const base::Labels both{{"server", server},
                            {"phase", std::string(word_of(static_cast<Phase>(i)))}};
    timed_out[i] = metrics->counter("millrace_http_connections_timed_out_total",
                                    "Connections that took longer than their phase may", both);
    pushed_out[i] = metrics->counter("millrace_http_connections_pushed_out_total",
                                     "Connections closed to make room for a newer one", both);
  }
}

}  // namespace millrace::net
