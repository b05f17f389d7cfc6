// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/deadline.h"

namespace millrace::gateway {

// Counts a thread's requests on their way to nodes, by tier and user, and tells who has fewer than
// others. A full queue takes such a user's task in the place of the last one of whoever has most
// (agent/policy/tier_line.h), so it is worth sending while the rest is refused here: the flood of
// one user must not shut the gate for those who send little. Holds what is on its way, and a
// bounded number of users whom a node refused lately. No I/O, time passed in; one thread.
class UserShare {
  struct Tier;
  using Tiers = std::map<std::string, Tier, std::less<>>;

 public:
  // A request on its way, until this goes; it may outlive the share.
  class Place {
   public:
    Place(const UserShare& share, std::string_view tier, std::string_view user);
    Place(Place&&) noexcept = default;
    Place& operator=(Place&&) = delete;
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place();

   private:
    std::shared_ptr<Tiers> tiers_;  // null: moved away
    std::string tier_;
    std::string user_;
  };

  // A node's queue had no room for this user, so it is not behind in truth: a thread sees only its
  // own part of what a user sends.
  void refused(std::string_view tier, std::string_view user, base::TimePoint now);
  // Whether this user has nothing on its way, or less than whoever has most, and was not refused
  // just now. Errs on the user's side: what passes by it is bounded by the gate.
  [[nodiscard]] bool is_behind(std::string_view tier, std::string_view user,
                               base::TimePoint now) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  struct Tier {
    std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> requests;  // by user
    std::map<std::size_t, std::size_t> users;  // by how many requests they have
  };
  // From `before` requests to `after`.
  static void move_user(Tier& tier, std::size_t before, std::size_t after);

  std::shared_ptr<Tiers> tiers_ = std::make_shared<Tiers>();
  std::unordered_map<std::string, base::TimePoint> refused_until_;  // by tier and user
};

}  // namespace millrace::gateway
