// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/policy/cache_policy.h"
#include "agent/policy/fetch_gate.h"
#include "agent/policy/source_records.h"
#include "base/result.h"
#include "bench/sim/event_queue.h"
#include "bench/sim/sim_costs.h"
#include "bench/sim/sim_server.h"

namespace millrace::bench::sim {

// The agent's memory cache as far as it decides: who is in it, who goes. No bytes.
class SimCache {
 public:
  explicit SimCache(const agent::CacheConfig& config)
      : policy_({.bytes_max = config.bytes_max, .entries_max = config.entries_max}) {}

  // Counts as a use of the entry.
  [[nodiscard]] bool find(const agent::CacheKey& key);
  [[nodiscard]] bool has(const agent::CacheKey& key) { return policy_.find(key) != nullptr; }
  // False: there is no room.
  bool keep(const agent::CacheKey& key, base::Bytes size);
  [[nodiscard]] base::Bytes used() const { return policy_.used(); }

 private:
  agent::CachePolicy policy_;
  std::vector<agent::CacheKey> evicted_;
};

// Originals and their downloads: the agent's SourceCatalog with SourceRecords and FetchGate, over
// origins that are a state and a time each.
class SimSources {
 public:
  using Version = std::shared_ptr<agent::SourceVersion>;
  using Done = std::function<void(base::Result<Version>)>;
  // Whoever waits for an original, until it is told or goes.
  struct Waiter {
    Done done;  // mostly holds the waiter, so it ends with being told
  };
  // `spend` has the agent's thread spend what a fetch costs, then goes on.
  using Spend = std::function<void(base::Duration, EventQueue::Action)>;

  SimSources(EventQueue& events, const SimServer& server, const SimCosts& costs, SimCache& cache,
             Spend spend);
  ~SimSources();
  SimSources(const SimSources&) = delete;
  SimSources& operator=(const SimSources&) = delete;

  [[nodiscard]] Version fresh(const std::string& bucket, const std::string& key);
  [[nodiscard]] Version last_known(const std::string& bucket, const std::string& key);
  [[nodiscard]] std::string origin_of(const std::string& bucket) const;
  // With its bytes in the cache. OriginFailed, CacheFull, QueueFull, Deadline. At once when it is
  // fresh.
  std::shared_ptr<Waiter> get(const std::string& bucket, const std::string& key, double source_px,
                              base::Deadline deadline, Done done);
  void leave(const std::shared_ptr<Waiter>& waiter);

  // From now on the bucket's origin is healthy | slow | hang | refuse | error.
  void become(const std::string& bucket, const std::string& state);
  [[nodiscard]] std::string state_of(const std::string& bucket) const;

 private:
  static void tell(Waiter& waiter, const base::Result<Version>& outcome);
  struct Download {
    std::string name;
    std::string bucket;
    std::string key;
    std::string origin;
    double source_px = 0;
    std::uint64_t id = 0;
    std::list<std::shared_ptr<Waiter>> waiters;
    base::TimePoint asked_at{};
    bool at_origin = false;  // has a place at the gate
    bool hangs = false;      // its origin takes the question and never answers
    bool landed = false;
  };
  using DownloadPtr = std::shared_ptr<Download>;

  void begin(const DownloadPtr& download, base::Deadline deadline);
  void open(const DownloadPtr& download);
  void ask(const DownloadPtr& download);
  void arrived(const DownloadPtr& download);
  void land(const DownloadPtr& download, const base::Result<Version>& outcome);

  EventQueue& events_;
  const SimServer& server_;
  const SimCosts& costs_;
  SimCache& cache_;
  Spend spend_;
  agent::SourceRecords records_;
  agent::FetchGate gate_;
  std::map<std::string, std::string> states_;     // by bucket
  std::map<std::string, DownloadPtr> downloads_;  // by name
  std::map<std::uint64_t, DownloadPtr> at_gate_;  // who waits for a place
  std::uint64_t next_id_ = 1;
};

}  // namespace millrace::bench::sim
