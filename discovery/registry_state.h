// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/deadline.h"
#include "discovery/registry.h"

namespace millrace::discovery {

// What the embedded registry knows. Decides without I/O: messages and the time go in, snapshots
// come out. One thread at a time.
//
// A node is in the snapshot from its first heartbeat until it withdraws, its hanging heartbeat
// breaks, it cannot be connected to, or none came for `gone_after`; its next heartbeat brings it
// back. The place that it leaves is kept for `forget_after`, so that a message which was on its way
// or is played again is known for what it is: a new incarnation retires the one before it, and
// within an incarnation the sequence only grows. Commands stay in the catalogue for
// `remember_commands` after the last node that had them: a request for one is then answered "no
// node", which passes, and not "unknown command", which would be the caller's fault.
class RegistryState {
 public:
  struct Limits {
    base::Duration gone_after = std::chrono::seconds(5);
    base::Duration forget_after = std::chrono::seconds(60);  // twice the clock skew allowed
    base::Duration remember_commands = std::chrono::hours(1);
    std::size_t nodes_max = 1'024;
  };
  enum class Beat {
    Joined,     // was not in the snapshot, now is
    Changed,    // with another record than before
    Refreshed,  // nothing new
    Withdrawn,  // state down: out of the snapshot
    Repeated,   // sequence not above the last: late, or played again
    Replaced,   // a newer incarnation of this id has been here
    Full,       // nodes_max are in the snapshot
  };

  explicit RegistryState(Limits limits);

  Beat heartbeat(std::shared_ptr<const NodeRecord> record, std::uint64_t sequence,
                 base::TimePoint now);
  // The next three: true when the snapshot changed.
  // The connection of this heartbeat broke. Means nothing when a later heartbeat has come.
  bool lost(std::string_view id, std::string_view incarnation, std::uint64_t sequence,
            base::TimePoint now);
  bool connect_failed(std::string_view id, std::string_view incarnation, base::TimePoint now);
  bool expire(base::TimePoint now);

  // Never null; the same pointer until something changes.
  [[nodiscard]] const std::shared_ptr<const Snapshot>& snapshot() const { return snapshot_; }

 private:
  struct Place {
    std::shared_ptr<const NodeRecord> record;
    std::uint64_t sequence = 0;
    base::TimePoint last_beat;
    base::TimePoint left;  // when !present
    bool present = false;
    std::deque<std::pair<std::string, base::TimePoint>> retired;  // incarnations, since when
  };
  struct KnownCommand {
    pipeline::CommandSpec spec;
    base::TimePoint last_live;
    bool live = false;
  };
  using Places = std::map<std::string, Place, std::less<>>;

  // Null when this incarnation is not the one at the place, or the place is empty.
  Place* present_place(std::string_view id, std::string_view incarnation);
  void leave(Place& place, base::TimePoint now);
  void make_room(base::TimePoint now);
  bool forget_commands(base::TimePoint now);
  void rebuild(base::TimePoint now);

  Limits limits_;
  Places places_;
  std::size_t present_ = 0;
  std::map<std::string, KnownCommand> commands_;
  std::shared_ptr<const Snapshot> snapshot_;
};

std::string_view word_of(RegistryState::Beat beat);

}  // namespace millrace::discovery
