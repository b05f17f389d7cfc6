// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/deadline.h"
#include "ratelimit/gcra.h"
#include "ratelimit/slot_pool.h"

namespace millrace::ratelimit {

// What is known of one user.
struct User {
  Gcra rate;
  SlotPool slots;

  // Nothing distinguishes it from a user never seen.
  [[nodiscard]] bool forgettable(base::TimePoint now) const {
    return slots.held() == 0 && rate.forgettable_at() <= now;
  }
};

// The users that are worth remembering, at most `users_max`. The forgettable are found by a heap of
// the earliest moments at which each may be one; a moment that proves too early is put off, so
// nothing is done when a known user comes, and a newcomer looks at kLooksMax others at most. Time
// is passed in. One thread.
class UserTable {
 public:
  static constexpr int kLooksMax = 16;
  explicit UserTable(std::size_t users_max) : users_max_(users_max) {}

  // The user's place, which stays where it is until the user is forgotten. Null: the table is full
  // of active users, and `beyond_max` does not say to add one in spite of that.
  User* find_or_add(std::string_view key, bool beyond_max, base::TimePoint now);
  [[nodiscard]] std::size_t size() const { return users_.size(); }

 private:
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const {
      return std::hash<std::string_view>()(key);
    }
  };
  using Users = std::unordered_map<std::string, User, KeyHash, std::equal_to<>>;
  struct Look {
    base::TimePoint at;
    Users::value_type* user;
    friend bool operator<(const Look& a, const Look& b) { return a.at > b.at; }  // earliest on top
  };
  void forget(base::TimePoint now);
  void look_again(Users::value_type* user, base::TimePoint at);

  std::size_t users_max_;
  Users users_;
  std::vector<Look> looks_;  // a heap with one entry a user
};

}  // namespace millrace::ratelimit
