// SPDX-License-Identifier: Apache-2.0
#include "gateway/user_share.h"

namespace millrace::gateway {
namespace {

constexpr base::Duration kRefusedFor = std::chrono::milliseconds(100);
constexpr std::size_t kRefusedMax = 4'096;

std::string name_of(std::string_view tier, std::string_view user) {
  std::string name(tier);
  name += '\0';  // in no tier's name
  name += user;
  return name;
}

}  // namespace

UserShare::Place::Place(const UserShare& share, std::string_view tier, std::string_view user)
    : tiers_(share.tiers_), tier_(tier), user_(user) {
  Tier& here = (*tiers_)[tier_];
  std::size_t& requests = here.requests[user_];
  move_user(here, requests, requests + 1);
  ++requests;
}

UserShare::Place::~Place() {
  if (!tiers_) return;
  const auto tier = tiers_->find(tier_);
  const auto user = tier->second.requests.find(user_);
  move_user(tier->second, user->second, user->second - 1);
  if (--user->second > 0) return;
  tier->second.requests.erase(user);
  if (tier->second.requests.empty()) tiers_->erase(tier);
}

void UserShare::move_user(Tier& tier, std::size_t before, std::size_t after) {
  if (before > 0) {
    const auto left = tier.users.find(before);
    if (--left->second == 0) tier.users.erase(left);
  }
  if (after > 0) ++tier.users[after];
}

void UserShare::refused(std::string_view tier, std::string_view user, base::TimePoint now) {
  if (refused_until_.size() >= kRefusedMax) {
    std::erase_if(refused_until_, [now](const auto& entry) { return entry.second <= now; });
    if (refused_until_.size() >= kRefusedMax) refused_until_.clear();
  }
  refused_until_[name_of(tier, user)] = now + kRefusedFor;
}

bool UserShare::is_behind(std::string_view tier_name, std::string_view user,
                          base::TimePoint now) const {
  if (!refused_until_.empty()) {
    const auto refused = refused_until_.find(name_of(tier_name, user));
    if (refused != refused_until_.end() && now < refused->second) return false;
  }
  const auto tier = tiers_->find(tier_name);
  if (tier == tiers_->end()) return true;
  const auto found = tier->second.requests.find(user);
  const std::size_t own = found == tier->second.requests.end() ? 0 : found->second;
  return own < tier->second.users.rbegin()->first;
}

}  // namespace millrace::gateway
