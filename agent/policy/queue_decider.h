// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/policy/drain_meter.h"
#include "agent/policy/preparing_gate.h"
#include "agent/policy/tier_queue.h"
#include "base/deadline.h"
#include "pipeline/task.h"

namespace millrace::agent {

// Everything that is decided in front of the workers of one kind: who may prepare (PreparingGate),
// who waits and who is next (TierQueue), what is at work, and how fast it all drains (DrainMeter).
// The agent's RunQueue and the simulator both put this same class before their workers. The caller
// gives the ids, each for one task. Pure; one thread.
//
//   prepare -> prepared -> offer -> (take gives it) -> finished | failed
//           \ abandon            \ withdraw, promote; dropped; displaced
class QueueDecider {
 public:
  struct Options {
    std::map<std::string, TierRules> tiers;
    PreparingGate::Limits preparing;
    base::Duration rate_half_life = std::chrono::seconds(5);
  };
  explicit QueueDecider(const Options& options);

  [[nodiscard]] bool knows(const std::string& tier) const { return queue_.line(tier) != nullptr; }
  // Whether a task that waits for both is better off as one of `tier` than of `other`.
  [[nodiscard]] bool outweighs(const std::string& tier, const std::string& other) const;

  // Before anything is fetched for a task. False: refuse it with queue_full.
  [[nodiscard]] bool prepare(TicketId id, const std::string& tier, const std::string& user,
                             const std::string& origin, base::TimePoint now);
  void prepared(TicketId id, base::TimePoint now) { gate_.arrived(id, now); }
  void abandon(TicketId id) { gate_.abandon(id); }

  [[nodiscard]] TierQueue::Offered offer(const std::string& tier, WaitingTask task,
                                         base::TimePoint now) {
    return queue_.offer(tier, std::move(task), now);
  }
  void withdraw(TicketId id) { queue_.withdraw(id); }
  [[nodiscard]] TierQueue::Promoted promote(TicketId id, const std::string& tier,
                                            const std::string& user, base::TimePoint now) {
    return queue_.promote(id, tier, user, now);
  }
  // A worker is free. Companions count as at work from now on.
  [[nodiscard]] TierQueue::Taken take(base::TimePoint now);
  // What was taken is done, after `work` at its worker.
  void finished(TicketId id, base::Duration work, base::TimePoint now);
  // What was taken gave nothing: its worker died, or nobody waited any more.
  void failed(TicketId id) { running_.erase(id); }

  [[nodiscard]] std::size_t depth() const { return queue_.depth(); }
  [[nodiscard]] std::size_t depth(const std::string& tier) const;
  [[nodiscard]] std::size_t preparing() const { return gate_.preparing(); }
  [[nodiscard]] bool full(const std::string& tier) const;
  [[nodiscard]] bool is_pressed(const std::string& tier) const;
  [[nodiscard]] std::uint64_t lifo_switches(const std::string& tier) const;
  [[nodiscard]] base::Duration queued_cpu() const { return queue_.cpu(); }
  [[nodiscard]] base::Duration queued_cpu(const std::string& tier) const;
  [[nodiscard]] base::Duration running_cpu() const;
  [[nodiscard]] double drain_per_s(base::TimePoint now) const { return all_.rate_per_s(now); }
  // What of the node's load is this line's: all but `busy`, `slots` and `cache_bytes`.
  [[nodiscard]] pipeline::NodeLoad load(base::TimePoint now) const;
  // Whole seconds until those of the tier that wait now have a worker; of all, for an unknown tier.
  [[nodiscard]] std::size_t retry_after_s(const std::string& tier, base::TimePoint now) const;

 private:
  struct Running {
    std::string tier;
    base::Duration cpu{};
  };
  TierQueue queue_;
  PreparingGate gate_;
  DrainMeter all_;
  std::map<std::string, DrainMeter> meters_;  // by tier
  std::unordered_map<TicketId, Running> running_;
};

}  // namespace millrace::agent
