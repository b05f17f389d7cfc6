// SPDX-License-Identifier: Apache-2.0
#include "discovery/registry_state.h"

#include <algorithm>
#include <vector>

namespace millrace::discovery {
namespace {

constexpr std::size_t kRetiredMax = 16;  // incarnations of one node within forget_after
constexpr std::size_t kKnownCommandsMax = 4'096;

}  // namespace

RegistryState::RegistryState(Limits limits)
    : limits_(limits), snapshot_(std::make_shared<const Snapshot>()) {}

RegistryState::Beat RegistryState::heartbeat(std::shared_ptr<const NodeRecord> record,
                                             std::uint64_t sequence, base::TimePoint now) {
  auto at = places_.find(record->id);
  if (at != places_.end()) {
    Place& place = at->second;
    const bool same = place.record->incarnation == record->incarnation;
    if (same && sequence <= place.sequence) return Beat::Repeated;
    const bool retired = std::ranges::any_of(
        place.retired, [&](const auto& old) { return old.first == record->incarnation; });
    if (!same && retired) return Beat::Replaced;
  }
  const bool was_present = at != places_.end() && at->second.present;
  const bool withdraws = record->state == NodeState::Down;
  if (!was_present && !withdraws && present_ >= limits_.nodes_max) return Beat::Full;

  if (at == places_.end()) {
    make_room(now);
    at = places_.emplace(record->id, Place{}).first;
  }
  Place& place = at->second;
  if (place.record && place.record->incarnation != record->incarnation) {
    place.retired.emplace_back(place.record->incarnation, now);
    if (place.retired.size() > kRetiredMax) place.retired.pop_front();
  }
  const bool changed = !place.record || !(*place.record == *record);
  place.record = std::move(record);
  place.sequence = sequence;
  place.last_beat = now;

  if (withdraws) {
    place.left = now;
    if (was_present) {
      leave(place, now);
      rebuild(now);
    }
    return Beat::Withdrawn;
  }
  if (!was_present) {
    place.present = true;
    ++present_;
  }
  if (was_present && !changed) return Beat::Refreshed;
  rebuild(now);
  return was_present ? Beat::Changed : Beat::Joined;
}

bool RegistryState::lost(std::string_view id, std::string_view incarnation, std::uint64_t sequence,
                         base::TimePoint now) {
  Place* place = present_place(id, incarnation);
  if (place == nullptr || place->sequence != sequence) return false;
  leave(*place, now);
  rebuild(now);
  return true;
}

bool RegistryState::connect_failed(std::string_view id, std::string_view incarnation,
                                   base::TimePoint now) {
  Place* place = present_place(id, incarnation);
  if (place == nullptr) return false;
  leave(*place, now);
  rebuild(now);
  return true;
}

bool RegistryState::expire(base::TimePoint now) {
  bool changed = false;
  for (auto at = places_.begin(); at != places_.end();) {
    Place& place = at->second;
    if (place.present && now - place.last_beat >= limits_.gone_after) {
      leave(place, now);
      changed = true;
    }
    while (!place.retired.empty() && now - place.retired.front().second >= limits_.forget_after) {
      place.retired.pop_front();
    }
    const bool forgotten = !place.present && now - place.left >= limits_.forget_after;
    at = forgotten ? places_.erase(at) : std::next(at);
  }
  changed = forget_commands(now) || changed;
  if (changed) rebuild(now);
  return changed;
}

RegistryState::Place* RegistryState::present_place(std::string_view id,
                                                   std::string_view incarnation) {
  const auto at = places_.find(id);
  const bool there =
      at != places_.end() && at->second.present && at->second.record->incarnation == incarnation;
  return there ? &at->second : nullptr;
}

void RegistryState::leave(Place& place, base::TimePoint now) {
  place.present = false;
  place.left = now;
  --present_;
}

// Empty places are bounded too: with as many as nodes_max, the one that was left first is given up.
void RegistryState::make_room(base::TimePoint now) {
  if (places_.size() - present_ < limits_.nodes_max) return;
  auto oldest = places_.end();
  for (auto at = places_.begin(); at != places_.end(); ++at) {
    if (at->second.present || at->second.left > now) continue;
    if (oldest == places_.end() || at->second.left < oldest->second.left) oldest = at;
  }
  if (oldest != places_.end()) places_.erase(oldest);
}

bool RegistryState::forget_commands(base::TimePoint now) {
  return std::erase_if(commands_, [&](const auto& entry) {
           const KnownCommand& known = entry.second;
           return !known.live && now - known.last_live >= limits_.remember_commands;
         }) > 0;
}

void RegistryState::rebuild(base::TimePoint now) {
  for (auto& [name, known] : commands_) {
    if (known.live) known.last_live = now;
    known.live = false;
  }
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->generation = snapshot_->generation + 1;
  for (const auto& [id, place] : places_) {
    if (!place.present) continue;
    snapshot->nodes.push_back(place.record);
    for (const NodeKind& kind : place.record->kinds) {
      for (const pipeline::CommandSpec& spec : kind.commands) {
        KnownCommand& known = commands_[spec.name];
        if (known.live)
          continue;  // two nodes differ, in the middle of an upgrade: the first by id counts
        known = KnownCommand{spec, now, true};
      }
    }
  }
  while (commands_.size() > kKnownCommandsMax) {
    const auto oldest = std::ranges::min_element(commands_, [](const auto& a, const auto& b) {
      return std::pair(a.second.live, a.second.last_live) <
             std::pair(b.second.live, b.second.last_live);
    });
    commands_.erase(oldest);
  }
  std::vector<pipeline::CommandSpec> specs;
  specs.reserve(commands_.size());
  for (const auto& [name, known] : commands_) specs.push_back(known.spec);
  snapshot->catalogue = pipeline::Catalogue(std::move(specs));
  snapshot_ = std::move(snapshot);
}

std::string_view word_of(RegistryState::Beat beat) {
  switch (beat) {
    case RegistryState::Beat::Joined:
      return "joined";
    case RegistryState::Beat::Changed:
      return "changed";
    case RegistryState::Beat::Refreshed:
      return "refreshed";
    case RegistryState::Beat::Withdrawn:
      return "withdrawn";
    case RegistryState::Beat::Repeated:
      return "repeated";
    case RegistryState::Beat::Replaced:
      return "replaced";
    case RegistryState::Beat::Full:
      return "full";
  }
  return "unknown";
}

}  // namespace millrace::discovery
