// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/tier_queue.h"

#include <algorithm>
#include <utility>

namespace millrace::agent {
namespace {

// ns: so that tasks whose cost is not known share by number.
constexpr double kLeastCost = 100'000;

bool is_too_late(const WaitingTask& task, base::TimePoint now) {
  return task.deadline.expired(now) || task.deadline.remaining(now) < task.work.at_least;
}

}  // namespace

TierQueue::TierQueue(const std::map<std::string, TierRules>& tiers) {
  std::size_t weight_min = tiers.empty() ? 1 : tiers.begin()->second.weight;
  for (const auto& [name, rules] : tiers) {
    tiers_.emplace(name, Tier{TierLine(rules)});
    weight_min = std::min(weight_min, rules.weight);
  }
  weight_min_ = static_cast<double>(std::max<std::size_t>(1, weight_min));
}

TierQueue::Offered TierQueue::offer(const std::string& tier_name, WaitingTask task,
                                    base::TimePoint now) {
  const auto found = tiers_.find(tier_name);
  if (found == tiers_.end()) return {.verdict = Verdict::UnknownTier, .displaced = {}};
  Tier& tier = found->second;
  if (tier.line.room(task.user, task.work.cpu) == TierLine::Room::None) {
    return {.verdict = Verdict::Full, .displaced = {}};
  }
  wake(tier);
  const TicketId id = task.id;
  const Offered offered{.verdict = Verdict::Queued,
                        .displaced = tier.line.add(std::move(task), now)};
  if (offered.displaced) tier_of_.erase(*offered.displaced);
  tier_of_.emplace(id, &*found);
  return offered;
}

// Whoever was idle starts from the present: idle time is no credit.
// A tier that asked for less than its share has its line served before lighter ones get another
// turn: as much as fits into the line, and no more than that is saved up. The lightest saves
// nothing.
void TierQueue::wake(Tier& tier) const {
  if (tier.line.depth() > 0) return;
  const TierRules& rules = tier.line.rules();
  const double weight = static_cast<double>(rules.weight);
  const double line = static_cast<double>(tier.line.mean_cpu().count()) *
                      static_cast<double>(rules.depth_max) / weight;
  tier.pass = std::max(tier.pass, now_pass_ - line * (1 - weight_min_ / weight));
}

void TierQueue::withdraw(TicketId id) {
  const auto found = tier_of_.find(id);
  if (found == tier_of_.end()) return;
  (void)found->second->second.line.remove(id);
  tier_of_.erase(found);
}

TierQueue::Promoted TierQueue::promote(TicketId id, const std::string& tier_name,
                                       const std::string& user, base::TimePoint now) {
  const auto place = tier_of_.find(id);
  const auto better = tiers_.find(tier_name);
  if (place == tier_of_.end() || better == tiers_.end()) return {};
  TierLine& from = place->second->second.line;
  Tier& to = better->second;
  if (to.line.rules().weight <= from.rules().weight) {
    return {.lift = Lift::NotBetter, .displaced = {}};
  }
  if (to.line.room(user, from.find(id)->work.cpu) == TierLine::Room::None) {
    return {.lift = Lift::Full, .displaced = {}};
  }
  wake(to);
  auto task = from.remove(id);
  task->user = user;
  const Promoted promoted{.lift = Lift::Lifted, .displaced = to.line.add(std::move(*task), now)};
  if (promoted.displaced) tier_of_.erase(*promoted.displaced);
  place->second = &*better;
  return promoted;
}

TierQueue::Taken TierQueue::take(base::TimePoint now) {
  Taken taken;
  while (TierEntry* entry = due_tier()) {
    auto& [name, tier] = *entry;
    const WaitingTask task = tier.line.pop(now);
    tier_of_.erase(task.id);
    if (is_too_late(task, now)) {
      taken.dropped.push_back({task.id, name});  // costs nobody a share: it used no worker
      continue;
    }
    now_pass_ = tier.pass;
    give(*entry, task);
    taken.next = Next{task.id, name, task.work, now - task.waits_since};
    for (const WaitingTask& other : tier.line.pop_companions(task, kCompanionsMax)) {
      tier_of_.erase(other.id);
      if (is_too_late(other, now)) {
        taken.dropped.push_back({other.id, name});
        continue;
      }
      give(*entry, other);
      taken.companions.push_back({other.id, name, other.work, now - other.waits_since});
    }
    break;
  }
  return taken;
}

// It is paid for as if it were done alone: what is saved is everybody's.
void TierQueue::give(TierEntry& entry, const WaitingTask& task) {
  Tier& tier = entry.second;
  tier.line.served(task);
  tier.pass += std::max(static_cast<double>(task.work.cpu.count()), kLeastCost) /
               static_cast<double>(tier.line.rules().weight);
}

TierQueue::TierEntry* TierQueue::due_tier() {
  TierEntry* due = nullptr;
  for (TierEntry& entry : tiers_) {
    const Tier& tier = entry.second;
    if (tier.line.depth() == 0) continue;
    const bool earlier = due == nullptr || tier.pass < due->second.pass ||
                         (tier.pass == due->second.pass &&
                          tier.line.rules().weight > due->second.line.rules().weight);
    if (earlier) due = &entry;
  }
  return due;
}

const TierLine* TierQueue::line(const std::string& tier) const {
  const auto found = tiers_.find(tier);
  return found == tiers_.end() ? nullptr : &found->second.line;
}

base::Duration TierQueue::cpu() const {
  base::Duration all{};
  for (const auto& [name, tier] : tiers_) all += tier.line.cpu();
  return all;
}

}  // namespace millrace::agent
