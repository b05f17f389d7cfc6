// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/worker_process.h"
#include "base/error.h"
#include "base/metrics.h"

namespace millrace::agent {

// Every series of the agent, made once: on the path of a request they are pointers. Names begin
// with millrace_agent_.
class AgentMetrics {
 public:
  // `tiers` is the closed set of that label.
  AgentMetrics(base::Metrics& metrics, const std::vector<std::string>& tiers);

  base::Counter cache_hits;           // answered from a kept result
  base::Counter cache_misses;         // made
  base::Counter cache_joins;          // waited for somebody else's
  base::Counter not_modified;         // 304
  base::Counter ignored_errors;       // the original instead of an error
  base::Counter sources_fetched;      // downloads from origins
  base::Counter sources_revalidated;  // the origin said that nothing changed
  base::Counter source_bytes;
  base::Counter result_bytes;  // sent to gateways
  base::Histogram fetch_seconds;
  base::Histogram probe_seconds;
  base::Histogram queue_seconds;
  base::Histogram work_seconds;
  base::Histogram work_cpu_seconds;
  // Read by whoever has the facts, when the metrics are asked for.
  base::Gauge cache_bytes;
  base::Gauge cache_pinned_bytes;
  base::Gauge cache_entries;
  base::Gauge cache_evictions;
  base::Gauge waiting_requests;
  base::Gauge workers_ready;
  base::Gauge workers_busy;
  std::map<std::string, base::Gauge> queue_depth;  // by tier

  void refused(base::Reason reason) const { errors_[static_cast<std::size_t>(reason)].add(); }
  void worker_ended(WorkerEnd end) const { ends_[static_cast<std::size_t>(end)].add(); }
  void worker_started() const { starts_.add(); }

 private:
  std::vector<base::Counter> errors_;
  std::vector<base::Counter> ends_;
  base::Counter starts_;
};

}  // namespace millrace::agent
