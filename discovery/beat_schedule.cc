// SPDX-License-Identifier: Apache-2.0
#include "discovery/beat_schedule.h"

#include <algorithm>

namespace millrace::discovery {

base::TimePoint BeatSchedule::due() const {
  return under_way_.size() >= kUnderWayMax ? base::TimePoint::max() : due_;
}

void BeatSchedule::sent(std::uint64_t sequence, base::TimePoint now) {
  under_way_.push_back(sequence);
  newest_ = sequence;
  last_sent_ = now;
  due_ = now + timing_.period;
}

void BeatSchedule::changed(base::TimePoint now) {
  if (failures_ > 0 || newest_ == 0) return;
  due_ = std::min(due_, std::max(now, last_sent_ + timing_.gap_min));
}

bool BeatSchedule::answered(std::uint64_t sequence, base::TimePoint now) {
  settle(sequence);
  if (sequence != newest_ && failures_ > 0) return false;  // the newest has failed since
  // An older one is answered because the newest has arrived; the newest, because the registry let
  // go of it.
  if (sequence == newest_) due_ = std::max(now, last_sent_ + timing_.gap_min);
  const bool news = !registered_;
  registered_ = true;
  failures_ = 0;
  return news;
}

bool BeatSchedule::failed(std::uint64_t sequence, base::TimePoint now, double random) {
  settle(sequence);
  if (sequence != newest_) return false;
  ++failures_;
  registered_ = false;
  base::Duration delay = timing_.back_off_min;
  for (std::uint32_t i = 1; i < failures_ && delay < timing_.back_off_max; ++i) delay *= 2;
  delay = std::min(delay, timing_.back_off_max);
  // Between half of it and all of it.
  const double share = 0.5 + random / 2;
  due_ = now + std::chrono::duration_cast<base::Duration>(delay * share);
  return failures_ == 1;
}

void BeatSchedule::settle(std::uint64_t sequence) { std::erase(under_way_, sequence); }

}  // namespace millrace::discovery
