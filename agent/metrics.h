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
#include "ipc/road.h"

namespace millrace::agent {

// The series of one tier's queue.
struct TierMetrics {
  base::Gauge depth;
  base::Gauge cpu_seconds;  // that those who wait are expected to take
  base::Gauge lifo_switches;
  base::Histogram delay_seconds;  // of those who got a worker
  // Those who did not:
  base::Counter full;       // found no room, before or after they were fetched
  base::Counter displaced;  // gave their place to a user with fewer waiting
  base::Counter too_late;   // at dequeue: could not meet their deadline any more
  base::Counter expired;    // their deadline passed while they waited
};

// Every series of the agent, made once: on the path of a request they are pointers. Names begin
// with millrace_agent_.
class AgentMetrics {
 public:
  // `tier_names` is the closed set of that label.
  AgentMetrics(base::Metrics& metrics, const std::vector<std::string>& tier_names);

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
  std::array<base::Counter, ipc::kRoads.size()> roads;
  base::Counter eased;                   // results written with less effort, under pressure
  base::Counter shared_decodes;          // pictures made from a decode for several
  base::Histogram worker_start_seconds;  // from the need of a worker until it is ready
  base::Counter template_starts;
  base::Counter template_ends;  // while it was needed
  // Read by whoever has the facts, when the metrics are asked for.
  base::Gauge cache_bytes;
  base::Gauge cache_pinned_bytes;
  base::Gauge cache_entries;
  base::Gauge cache_evictions;
  base::Gauge waiting_requests;
  base::Gauge workers_ready;
  base::Gauge workers_busy;
  base::Gauge preparing;           // tasks that are fetched or probed, before any queue
  base::Histogram cost_cpu_ratio;  // predicted / actual
  base::Histogram cost_memory_ratio;
  base::Counter cost_refusals;  // task_too_expensive by prediction
  base::Counter cost_trials;    // run in spite of it, to see whether it is still so
  base::Counter lifted;         // tasks that somebody of a better tier joined
  std::map<std::string, TierMetrics> tiers;
  // Null for a name that is no configured tier.
  [[nodiscard]] const TierMetrics* tier(const std::string& name) const {
    const auto found = tiers.find(name);
    return found == tiers.end() ? nullptr : &found->second;
  }

  void refused(base::Reason reason) const { errors_[static_cast<std::size_t>(reason)].add(); }
  void worker_ended(WorkerEnd end) const { ends_[static_cast<std::size_t>(end)].add(); }
  void worker_started() const { starts_.add(); }

 private:
  std::vector<base::Counter> errors_;
  std::vector<base::Counter> ends_;
  base::Counter starts_;
};

}  // namespace millrace::agent
