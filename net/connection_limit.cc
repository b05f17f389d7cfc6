// SPDX-License-Identifier: Apache-2.0
#include "net/connection_limit.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace millrace::net {

std::shared_ptr<ConnectionLimit::Share> ConnectionLimit::join(std::function<void(Phase)> push_out) {
  auto share = std::make_shared<Share>();
  for (std::size_t i = 0; i < kPhaseCount; ++i) {
    share->publish(static_cast<Phase>(i), base::TimePoint::max());
  }
  share->push_out_ = std::move(push_out);
  const std::lock_guard lock(mutex_);
  shares_.push_back(share);
  return share;
}

void ConnectionLimit::leave(const std::shared_ptr<Share>& share) {
  const std::lock_guard lock(mutex_);
  std::erase(shares_, share);
}

std::size_t ConnectionLimit::staying() const {
  return static_cast<std::size_t>(std::max<std::int64_t>(0, open_.load() - leaving_.load()));
}

bool ConnectionLimit::may_open() const {
  if (staying() < connections_max()) return true;
  const std::lock_guard lock(mutex_);
  return find_oldest().share != nullptr;
}

bool ConnectionLimit::push_out() {
  const std::lock_guard lock(mutex_);
  const Oldest oldest = find_oldest();
  if (oldest.share == nullptr) return false;
  ++leaving_;
  oldest.share->push_out_(oldest.phase);
  return true;
}

ConnectionLimit::Oldest ConnectionLimit::find_oldest() const {
  Oldest found;
  std::int64_t since = base::TimePoint::max().time_since_epoch().count();
  for (const Phase phase : kGivingWay) {
    for (const auto& share : shares_) {
      if (share->oldest(phase) >= since) continue;
      since = share->oldest(phase);
      found = {share.get(), phase};
    }
    if (found.share != nullptr) break;
  }
  return found;
}

}  // namespace millrace::net
