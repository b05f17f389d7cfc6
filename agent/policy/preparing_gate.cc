// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/preparing_gate.h"

#include <algorithm>
#include <chrono>

namespace millrace::agent {
namespace {

constexpr double kNewShare = 1.0 / 8;  // of a new measurement
// The cost is not known before the probe; whoever is let in by displacing is judged again then.
constexpr base::Duration kCostNotKnown{};

}  // namespace

bool PreparingGate::enter(TicketId id, const std::string& tier, const TierLine& line,
                          const std::string& user, const std::string& origin, double drain_per_s,
                          base::TimePoint now) {
  const auto known = origins_.find({tier, origin});
  const Origin state = known == origins_.end() ? Origin{} : known->second;
  const double ahead =
      std::min(drain_per_s * state.seconds, static_cast<double>(limits_.ahead_max));
  const std::size_t most = line.rules().depth_max + static_cast<std::size_t>(ahead);
  // Counted as if all of this origin were this user's: whoever has less of them is let in below.
  const std::size_t beyond =
      state.preparing - std::min<std::size_t>(state.preparing, static_cast<std::size_t>(ahead));
  const bool room = line.room(user, kCostNotKnown, beyond) == TierLine::Room::Free &&
                    line.depth() + state.preparing < most;
  // A user who has less than others is let in, as it will be let into the line; but no more of
  // those than would fill it once.
  const bool fair = state.preparing < 2 * most && is_behind(tier, line, user);
  if (!room && !fair) return false;
  const bool room_to_remember = known != origins_.end() || origins_.size() < limits_.origins_max;
  if (!room_to_remember) {
    std::erase_if(origins_, [](const auto& entry) { return entry.second.preparing == 0; });
  }
  Entry entry{{tier, origin}, {tier, user}, now};
  ++origins_[entry.origin].preparing;
  ++users_[entry.user];
  entries_.emplace(id, std::move(entry));
  return true;
}

// Whether the line would take this user's next task though it is full by now: in the place of a
// user's who has at least two more, with what both have on their way.
bool PreparingGate::is_behind(const std::string& tier, const TierLine& line,
                              const std::string& user) const {
  const auto of_user = users_.find({tier, user});
  const std::size_t coming = of_user == users_.end() ? 0 : of_user->second;
  if (line.room(user, kCostNotKnown, coming) == TierLine::Room::None) return false;
  std::size_t most = line.depth_of_longest();
  for (auto at = users_.lower_bound({tier, ""}); at != users_.end() && at->first.first == tier;
       ++at) {
    most = std::max(most, at->second + line.depth_of(at->first.second));
  }
  return line.depth_of(user) + coming + 2 <= most;
}

void PreparingGate::arrived(TicketId id, base::TimePoint now) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  Origin& origin = origins_[found->second.origin];
  const double took = std::chrono::duration<double>(now - found->second.since).count();
  origin.seconds += (took - origin.seconds) * kNewShare;
  leave(found);
}

void PreparingGate::abandon(TicketId id) {
  const auto found = entries_.find(id);
  if (found != entries_.end()) leave(found);
}

void PreparingGate::leave(std::unordered_map<TicketId, Entry>::iterator entry) {
  --origins_[entry->second.origin].preparing;
  const auto user = users_.find(entry->second.user);
  if (--user->second == 0) users_.erase(user);
  entries_.erase(entry);
}

}  // namespace millrace::agent
