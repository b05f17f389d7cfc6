// SPDX-License-Identifier: Apache-2.0
#include "cli/supervision.h"

#include <algorithm>

namespace millrace::cli {

std::string ChildEnd::text() const {
  return (by_signal ? "signal " : "exit status ") + std::to_string(number);
}

void Supervision::started(base::TimePoint now) {
  started_at_ = now;
  ++starts_;
}

std::optional<base::Duration> Supervision::ended(const ChildEnd& end, base::TimePoint now) {
  if (!was_up_ && (!end.by_signal || starts_ >= options_.starts_max_before_up)) return std::nullopt;
  if (now - started_at_ >= options_.steady_after) quick_ends_ = 0;
  ++quick_ends_;
  if (quick_ends_ == 1) return base::Duration::zero();
  base::Duration wait = options_.back_off_first;
  for (int i = 2; i < quick_ends_ && wait < options_.back_off_max; ++i) wait *= 2;
  return std::min(wait, options_.back_off_max);
}

}  // namespace millrace::cli
