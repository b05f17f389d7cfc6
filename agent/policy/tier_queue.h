// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/deadline.h"

namespace millrace::agent {

using TicketId = std::uint64_t;

// One tier's share of the workers and the length of its queue.
struct TierShare {
  std::size_t depth_max = 0;  // tasks that may wait
  std::size_t weight = 1;     // how many of it are served for each one of a tier of weight 1
};

// Who waits for a worker, and who is next. A bounded queue per tier; between tiers by weight
// (stride scheduling, so a tier that has nothing waiting loses nothing and saves nothing up),
// inside a tier round-robin between users, for one user first come first served. Pure; one thread;
// O(log n) at most.
class TierQueue {
 public:
  explicit TierQueue(std::map<std::string, TierShare> tiers);

  enum class Offer { Queued, Full, UnknownTier };
  // `id` must not be waiting already.
  [[nodiscard]] Offer offer(TicketId id, const std::string& tier, const std::string& user,
                            base::Deadline deadline);
  // Not an error when it is not waiting any more.
  void withdraw(TicketId id);

  struct Taken {
    std::optional<TicketId> next;   // gets the worker
    std::vector<TicketId> dropped;  // could not have met their deadline any more
  };
  // `work` is what a task is expected to take: who has less time left is dropped here, before it
  // costs a worker.
  [[nodiscard]] Taken take(base::TimePoint now, base::Duration work);

  [[nodiscard]] bool knows(const std::string& tier) const { return tiers_.contains(tier); }
  [[nodiscard]] std::size_t depth(const std::string& tier) const;
  [[nodiscard]] bool full(const std::string& tier) const;
  [[nodiscard]] std::size_t depth() const { return places_.size(); }

 private:
  struct Ticket {
    TicketId id = 0;
    base::Deadline deadline;
  };
  struct User {
    std::string name;
    std::list<Ticket> tickets;
  };
  struct Tier {
    TierShare share;
    std::uint64_t pass = 0;  // virtual time at which this tier is due
    std::size_t depth = 0;
    std::list<User> turn;  // front is served next
    std::unordered_map<std::string, std::list<User>::iterator> users;
  };
  struct Place {
    Tier* tier = nullptr;
    std::list<User>::iterator user;
    std::list<Ticket>::iterator ticket;
  };

  Tier* due_tier();
  Ticket pop_from(Tier& tier);
  static void forget_if_idle(Tier& tier, std::list<User>::iterator user);

  std::map<std::string, Tier> tiers_;
  std::unordered_map<TicketId, Place> places_;
  std::uint64_t now_pass_ = 0;
};

}  // namespace millrace::agent
