// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/fetch_gate.h"

namespace millrace::agent {

FetchGate::Entry FetchGate::enter(const std::string& origin, std::uint64_t id) {
  const auto at = origins_.try_emplace(origin).first;
  Origin& state = at->second;
  if (state.downloads < limits_.downloads_per_origin_max) {
    ++state.downloads;
    return Entry::Go;
  }
  if (state.line.size() >= limits_.waiting_per_origin_max) return Entry::Full;
  places_.emplace(id, Place{at, state.line.insert(state.line.end(), id)});
  return Entry::Wait;
}

std::optional<std::uint64_t> FetchGate::leave(const std::string& origin) {
  const auto at = origins_.find(origin);
  if (at == origins_.end()) return std::nullopt;
  Origin& state = at->second;
  if (!state.line.empty()) {
    const std::uint64_t id = state.line.front();
    state.line.pop_front();
    places_.erase(id);
    return id;
  }
  if (--state.downloads == 0) origins_.erase(at);
  return std::nullopt;
}

void FetchGate::abandon(std::uint64_t id) {
  const auto found = places_.find(id);
  if (found == places_.end()) return;
  found->second.origin->second.line.erase(found->second.spot);
  places_.erase(found);
}

std::size_t FetchGate::downloads(const std::string& origin) const {
  const auto at = origins_.find(origin);
  return at == origins_.end() ? 0 : at->second.downloads;
}

std::size_t FetchGate::waiting(const std::string& origin) const {
  const auto at = origins_.find(origin);
  return at == origins_.end() ? 0 : at->second.line.size();
}

}  // namespace millrace::agent
