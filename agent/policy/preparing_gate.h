// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "agent/policy/tier_line.h"
#include "base/deadline.h"

namespace millrace::agent {

// Bounds what is fetched and probed for a tier's line before it can join that line.
//
// Who prepares holds no place in the line: an origin that never answers would hold the places of
// the others. But what comes out of preparing must find room, or its fetch was for nothing. So a
// task may begin to prepare when the line has room for all who wait *and* for all of the same
// origin that prepare already: each origin fills the line as if it were alone, and a dead one fills
// nothing but its own account. Who prepares for long finds that the line has moved on meanwhile: as
// many more may prepare as the line drains in the time that preparing takes at this origin
// (Little's law), else a distant origin would starve the workers. That much is learned from those
// that arrived; an origin from which nothing arrives earns nothing by it.
//
// Pure; one thread; O(users).
class PreparingGate {
 public:
  struct Limits {
    std::size_t ahead_max = 64;        // of one origin, beyond what the line has room for
    std::size_t origins_max = 10'000;  // whose times are remembered
  };
  explicit PreparingGate(Limits limits) : limits_(limits) {}

  // `drain_per_s`: tasks of this tier that get a worker in a second. False: refuse it now.
  [[nodiscard]] bool enter(TicketId id, const std::string& tier, const TierLine& line,
                           const std::string& user, const std::string& origin, double drain_per_s,
                           base::TimePoint now);
  // It is prepared and joins the line. Not an error when it is not here any more.
  void arrived(TicketId id, base::TimePoint now);
  // It never will.
  void abandon(TicketId id);

  [[nodiscard]] std::size_t preparing() const { return entries_.size(); }

 private:
  struct Origin {
    std::size_t preparing = 0;
    double seconds = 0;  // from enter() to arrived(), lately
  };
  struct Entry {
    std::pair<std::string, std::string> origin;  // tier, origin
    std::pair<std::string, std::string> user;    // tier, user
    base::TimePoint since;
  };
  [[nodiscard]] bool is_behind(const std::string& tier, const TierLine& line,
                               const std::string& user) const;
  void leave(std::unordered_map<TicketId, Entry>::iterator entry);

  Limits limits_;
  std::map<std::pair<std::string, std::string>, Origin> origins_;
  std::map<std::pair<std::string, std::string>, std::size_t> users_;  // how many they prepare
  std::unordered_map<TicketId, Entry> entries_;
};

}  // namespace millrace::agent
