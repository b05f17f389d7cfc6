// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/policy/tier_line.h"
#include "base/deadline.h"

namespace millrace::agent {

// Who waits for a worker of one kind, and who is next. A bounded line per tier (TierLine); between
// tiers by weight, in expected processor time (stride scheduling). A tier that has nothing waiting
// saves up at most a line's worth, and the lightest nothing: who is paid and uses less than its
// share is not made to take turns with a flood. Pure; one thread; O(tiers + users waiting).
class TierQueue {
 public:
  explicit TierQueue(const std::map<std::string, TierRules>& tiers);

  // That go with one task.
  static constexpr std::size_t kCompanionsMax = 7;

  enum class Verdict { Queued, Full, UnknownTier };
  struct Offered {
    Verdict verdict = Verdict::Queued;
    std::optional<TicketId> displaced;  // had to go for it: it is answered as if refused
  };
  // `task.id` must not be waiting already.
  [[nodiscard]] Offered offer(const std::string& tier, WaitingTask task, base::TimePoint now);
  // Not an error when it is not waiting any more.
  void withdraw(TicketId id);

  enum class Lift { Lifted, NotWaiting, NotBetter, Full };
  struct Promoted {
    Lift lift = Lift::NotWaiting;
    std::optional<TicketId> displaced;
  };
  // Somebody of a heavier tier waits for the same task: from now on it waits as one of theirs.
  [[nodiscard]] Promoted promote(TicketId id, const std::string& tier, const std::string& user,
                                 base::TimePoint now);

  struct Next {
    TicketId id = 0;
    std::string tier;
    ExpectedWork work;
    base::Duration waited{};
  };
  struct Dropped {
    TicketId id = 0;
    std::string tier;
  };
  struct Taken {
    std::optional<Next> next;      // gets the worker
    std::vector<Next> companions;  // of its batch: get the same worker, one after the other
    std::vector<Dropped> dropped;  // could not have met their deadline any more
  };
  [[nodiscard]] Taken take(base::TimePoint now);

  // Null for a tier that is not configured.
  [[nodiscard]] const TierLine* line(const std::string& tier) const;
  [[nodiscard]] std::size_t depth() const { return tier_of_.size(); }
  [[nodiscard]] base::Duration cpu() const;

 private:
  struct Tier {
    TierLine line;
    double pass = 0;  // virtual time at which this tier is due
  };
  using TierEntry = std::map<std::string, Tier>::value_type;
  TierEntry* due_tier();
  void give(TierEntry& entry, const WaitingTask& task);
  void wake(Tier& tier) const;

  std::map<std::string, Tier> tiers_;
  std::unordered_map<TicketId, TierEntry*> tier_of_;
  double now_pass_ = 0;
  double weight_min_ = 1;  // of the lightest tier
};

}  // namespace millrace::agent
