// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/tier_queue.h"

#include <algorithm>
#include <utility>

namespace millrace::agent {
namespace {

constexpr std::uint64_t kStride = 1U << 20;  // divided by the weight

}  // namespace

TierQueue::TierQueue(std::map<std::string, TierShare> tiers) {
  for (auto& [name, share] : tiers) {
    Tier& tier = tiers_[name];
    tier.share = share;
    tier.share.weight = std::max<std::size_t>(1, share.weight);
  }
}

TierQueue::Offer TierQueue::offer(TicketId id, const std::string& tier_name,
                                  const std::string& user_name, base::Deadline deadline) {
  const auto found = tiers_.find(tier_name);
  if (found == tiers_.end()) return Offer::UnknownTier;
  Tier& tier = found->second;
  if (tier.depth >= tier.share.depth_max) return Offer::Full;
  // Whoever was idle starts from the present: idle time is not credit.
  if (tier.depth == 0) tier.pass = std::max(tier.pass, now_pass_);
  auto known = tier.users.find(user_name);
  if (known == tier.users.end()) {
    const auto user = tier.turn.insert(tier.turn.end(), User{user_name, {}});
    known = tier.users.emplace(user_name, user).first;
  }
  User& user = *known->second;
  const auto ticket = user.tickets.insert(user.tickets.end(), Ticket{id, deadline});
  places_.emplace(id, Place{&tier, known->second, ticket});
  ++tier.depth;
  return Offer::Queued;
}

void TierQueue::withdraw(TicketId id) {
  const auto found = places_.find(id);
  if (found == places_.end()) return;
  const Place place = found->second;
  places_.erase(found);
  place.user->tickets.erase(place.ticket);
  --place.tier->depth;
  forget_if_idle(*place.tier, place.user);
}

TierQueue::Taken TierQueue::take(base::TimePoint now, base::Duration work) {
  Taken taken;
  while (Tier* tier = due_tier()) {
    const Ticket ticket = pop_from(*tier);
    if (ticket.deadline.expired(now) || ticket.deadline.remaining(now) < work) {
      taken.dropped.push_back(ticket.id);  // costs its tier nothing: it used no worker
      continue;
    }
    now_pass_ = tier->pass;
    tier->pass += kStride / tier->share.weight;
    taken.next = ticket.id;
    break;
  }
  return taken;
}

std::size_t TierQueue::depth(const std::string& tier) const {
  const auto found = tiers_.find(tier);
  return found == tiers_.end() ? 0 : found->second.depth;
}

bool TierQueue::full(const std::string& tier) const {
  const auto found = tiers_.find(tier);
  return found == tiers_.end() || found->second.depth >= found->second.share.depth_max;
}

TierQueue::Tier* TierQueue::due_tier() {
  Tier* due = nullptr;
  for (auto& [name, tier] : tiers_) {
    if (tier.depth == 0) continue;
    const bool earlier = due == nullptr || tier.pass < due->pass ||
                         (tier.pass == due->pass && tier.share.weight > due->share.weight);
    if (earlier) due = &tier;
  }
  return due;
}

TierQueue::Ticket TierQueue::pop_from(Tier& tier) {
  const auto user = tier.turn.begin();
  const Ticket ticket = user->tickets.front();
  user->tickets.pop_front();
  places_.erase(ticket.id);
  --tier.depth;
  tier.turn.splice(tier.turn.end(), tier.turn, user);
  forget_if_idle(tier, user);
  return ticket;
}

void TierQueue::forget_if_idle(Tier& tier, std::list<User>::iterator user) {
  if (!user->tickets.empty()) return;
  tier.users.erase(user->name);
  tier.turn.erase(user);
}

}  // namespace millrace::agent
