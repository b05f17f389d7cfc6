// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <list>
#include <unordered_map>

#include "agent/policy/cache_key.h"
#include "base/deadline.h"

namespace millrace::agent {

// Remembers which input and plan killed workers. After `deaths_max` deaths within `ttl` of each
// other it is refused at once, until `ttl` after the last one. Bounded: the one that died longest
// ago is forgotten first. Pure; one thread; O(1).
class Quarantine {
 public:
  struct Rules {
    std::size_t deaths_max = 2;
    base::Duration ttl{};
    std::size_t entries_max = 4096;
  };
  explicit Quarantine(Rules rules) : rules_(rules) {}

  // The plan (source version and pipeline) just killed a worker.
  void died(const CacheKey& plan, base::TimePoint now);
  [[nodiscard]] bool holds(const CacheKey& plan, base::TimePoint now) const;
  [[nodiscard]] std::size_t size() const { return suspects_.size(); }

 private:
  struct Suspect {
    std::size_t deaths = 0;
    base::TimePoint last;
    std::list<CacheKey>::iterator place;
  };
  Rules rules_;
  std::unordered_map<CacheKey, Suspect, CacheKeyHash> suspects_;
  std::list<CacheKey> by_last_death_;  // front died longest ago
};

}  // namespace millrace::agent
