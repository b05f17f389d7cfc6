// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics.h"

namespace millrace::agent {
namespace {

// Seconds: a memory copy to the longest deadline.
const std::vector<double> kStageBounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                       0.25,   0.5,   1,      2.5,   5,    10,    30};

base::Histogram stage(base::Metrics& metrics, const std::string& name) {
  return metrics.histogram("millrace_agent_stage_seconds", "Time of a request in each stage",
                           kStageBounds, {{"stage", name}});
}

const std::vector<double> kRatioBounds{0.1, 0.25, 0.5, 0.67, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 4, 10};

TierMetrics tier_metrics(base::Metrics& m, const std::string& tier) {
  const base::Labels labels{{"tier", tier}};
  const auto drops = [&](const std::string& reason) {
    return m.counter("millrace_agent_queue_drops_total",
                     "Tasks that got no worker: no room, a place given to a user with fewer, too "
                     "late for their deadline at dequeue, or expired while they waited",
                     {{"tier", tier}, {"reason", reason}});
  };
  return {
      .depth = m.gauge("millrace_agent_queue_depth", "Tasks that wait for a worker", labels),
      .cpu_seconds = m.gauge("millrace_agent_queue_cpu_seconds",
                             "Processor time that the waiting tasks are expected to take", labels),
      .lifo_switches = m.gauge("millrace_agent_queue_lifo_switches",
                               "Times that the queue was turned newest first", labels),
      .delay_seconds =
          m.histogram("millrace_agent_queue_delay_seconds",
                      "Time in the queue of those who got a worker", kStageBounds, labels),
      .full = drops("full"),
      .displaced = drops("displaced"),
      .too_late = drops("too_late"),
      .expired = drops("expired")};
}

std::array<base::Counter, ipc::kRoads.size()> road_counters(base::Metrics& m) {
  const auto counter = [&m](ipc::Road road) {
    return m.counter("millrace_agent_pictures_total", "Pictures made, by the road that they took",
                     {{"road", std::string(ipc::word_of(road))}});
  };
  return {counter(ipc::Road::Planes), counter(ipc::Road::Pixels), counter(ipc::Road::Mixed),
          counter(ipc::Road::Library)};
}

}  // namespace

AgentMetrics::AgentMetrics(base::Metrics& m, const std::vector<std::string>& tier_names)
    : cache_hits(m.counter("millrace_agent_results_total", "Results given, by where they came from",
                           {{"from", "cache"}})),
      cache_misses(m.counter("millrace_agent_results_total", "", {{"from", "worker"}})),
      cache_joins(m.counter("millrace_agent_results_total", "", {{"from", "flight"}})),
      not_modified(m.counter("millrace_agent_results_total", "", {{"from", "not_modified"}})),
      ignored_errors(m.counter("millrace_agent_results_total", "", {{"from", "original"}})),
      sources_fetched(m.counter("millrace_agent_source_fetches_total",
                                "Questions to origins, by what came back", {{"outcome", "bytes"}})),
      sources_revalidated(
          m.counter("millrace_agent_source_fetches_total", "", {{"outcome", "not_modified"}})),
      source_bytes(m.counter("millrace_agent_source_bytes_total", "Bytes of originals downloaded")),
      result_bytes(m.counter("millrace_agent_result_bytes_total", "Bytes of results answered")),
      fetch_seconds(stage(m, "fetch")),
      probe_seconds(stage(m, "probe")),
      queue_seconds(stage(m, "queue")),
      work_seconds(stage(m, "work")),
      work_cpu_seconds(m.histogram("millrace_agent_work_cpu_seconds",
                                   "Processor time of a task in its worker", kStageBounds)),
      roads(road_counters(m)),
      eased(m.counter("millrace_agent_eased_results_total",
                      "Results written with less effort, because too much waited")),
      shared_decodes(m.counter("millrace_agent_shared_decodes_total",
                               "Pictures made from a decode that several tasks shared")),
      worker_start_seconds(m.histogram("millrace_agent_worker_start_seconds",
                                       "Time from the need of a worker until it is ready",
                                       kStageBounds)),
      template_starts(m.counter("millrace_agent_template_starts_total",
                                "Templates started, from which workers are forked")),
      template_ends(m.counter("millrace_agent_template_ends_total",
                              "Templates that ended while they were needed")),
      cache_bytes(m.gauge("millrace_agent_cache_bytes", "Bytes of the cache in use")),
      cache_pinned_bytes(m.gauge("millrace_agent_cache_pinned_bytes",
                                 "Bytes of the cache that cannot be evicted now")),
      cache_entries(m.gauge("millrace_agent_cache_entries", "Files in the cache")),
      cache_evictions(m.gauge("millrace_agent_cache_evictions", "Files evicted since the start")),
      waiting_requests(
          m.gauge("millrace_agent_waiting_requests", "Requests that wait for something")),
      workers_ready(m.gauge("millrace_agent_workers_ready", "Workers that can be given a task")),
      workers_busy(m.gauge("millrace_agent_workers_busy", "Workers at work")),
      preparing(m.gauge("millrace_agent_preparing_tasks",
                        "Tasks that are fetched or probed, before any queue")),
      cost_cpu_ratio(m.histogram("millrace_agent_cost_cpu_ratio",
                                 "Predicted over actual processor time of a task", kRatioBounds)),
      cost_memory_ratio(m.histogram("millrace_agent_cost_memory_ratio",
                                    "Predicted over actual peak memory of a task", kRatioBounds)),
      cost_refusals(m.counter("millrace_agent_cost_verdicts_total",
                              "Tasks predicted to be too expensive, by what was done",
                              {{"verdict", "refused"}})),
      cost_trials(m.counter("millrace_agent_cost_verdicts_total", "", {{"verdict", "trial"}})),
      lifted(m.counter("millrace_agent_queue_lifts_total",
                       "Tasks that a request of a better tier joined")),
      starts_(m.counter("millrace_agent_worker_starts_total", "Workers started")) {
  for (const std::string& tier : tier_names) {
    tiers.emplace(tier, tier_metrics(m, tier));
  }
  for (int i = 0; i <= static_cast<int>(base::Reason::Deadline); ++i) {
    errors_.push_back(m.counter("millrace_agent_errors_total", "Requests not served, by reason",
                                {{"reason", std::string(base::word_of(base::Reason{i}))}}));
  }
  for (int i = 0; i <= static_cast<int>(WorkerEnd::Stopped); ++i) {
    ends_.push_back(m.counter("millrace_agent_worker_ends_total", "Workers that ended, by cause",
                              {{"cause", std::string(word_of(WorkerEnd{i}))}}));
  }
}

}  // namespace millrace::agent
