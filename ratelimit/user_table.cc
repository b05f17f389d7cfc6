// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/user_table.h"

#include <algorithm>

namespace millrace::ratelimit {

namespace {
// Whoever holds something may let go at any moment; asking more often would cost more than it
// finds.
constexpr base::Duration kHolderAgainAfter = std::chrono::milliseconds(100);
}  // namespace

User* UserTable::find_or_add(std::string_view key, bool beyond_max, base::TimePoint now) {
  if (const auto found = users_.find(key); found != users_.end()) return &found->second;
  forget(now);
  if (users_.size() >= users_max_ && !beyond_max) return nullptr;
  const auto added = users_.try_emplace(std::string(key)).first;
  look_again(&*added, now);
  return &added->second;
}

void UserTable::forget(base::TimePoint now) {
  for (int look = 0; look < kLooksMax && !looks_.empty() && looks_.front().at <= now; ++look) {
    std::pop_heap(looks_.begin(), looks_.end());
    Users::value_type* const user = looks_.back().user;
    looks_.pop_back();
    if (user->second.forgettable(now)) {
      users_.erase(users_.find(user->first));
    } else if (user->second.slots.held() > 0) {
      look_again(user, std::max(user->second.rate.forgettable_at(), now + kHolderAgainAfter));
    } else {
      look_again(user, user->second.rate.forgettable_at());
    }
  }
}

void UserTable::look_again(Users::value_type* user, base::TimePoint at) {
  looks_.push_back({at, user});
  std::push_heap(looks_.begin(), looks_.end());
}

}  // namespace millrace::ratelimit
