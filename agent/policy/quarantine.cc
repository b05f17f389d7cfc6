// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/quarantine.h"

namespace millrace::agent {

void Quarantine::died(const CacheKey& plan, base::TimePoint now) {
  while (!by_last_death_.empty()) {
    const auto oldest = suspects_.find(by_last_death_.front());
    if (now - oldest->second.last < rules_.ttl) break;
    by_last_death_.pop_front();
    suspects_.erase(oldest);
  }
  const auto [found, is_new] = suspects_.try_emplace(plan);
  Suspect& suspect = found->second;
  if (is_new) {
    suspect.place = by_last_death_.insert(by_last_death_.end(), plan);
  } else {
    by_last_death_.splice(by_last_death_.end(), by_last_death_, suspect.place);
  }
  ++suspect.deaths;
  suspect.last = now;
  if (suspects_.size() > rules_.entries_max) {
    suspects_.erase(by_last_death_.front());
    by_last_death_.pop_front();
  }
}

bool Quarantine::holds(const CacheKey& plan, base::TimePoint now) const {
  const auto found = suspects_.find(plan);
  return found != suspects_.end() && found->second.deaths >= rules_.deaths_max &&
         now - found->second.last < rules_.ttl;
}

}  // namespace millrace::agent
