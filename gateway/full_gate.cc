// SPDX-License-Identifier: Apache-2.0
#include "gateway/full_gate.h"

#include <algorithm>

namespace millrace::gateway {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr double kPassesPerFinished = 1;
constexpr double kTrickleOfUnknownPerS = 10;  // a node that has finished nothing yet is asked too
constexpr double kProbesSeen = 4;             // that a hold should see answered
constexpr double kQueueShare = 0.25;          // of the time that a full queue lasts
constexpr Seconds kHoldMin{0.005};
constexpr Seconds kHoldMax{0.5};
constexpr Seconds kHoldOfUnknown{0.1};

Seconds hold_of(const FullNews& news, std::size_t threads) {
  if (news.drain_per_s <= 0) return kHoldOfUnknown;
  const double probes_s = kProbesSeen * static_cast<double>(threads) / news.drain_per_s;
  const double queue_s = kQueueShare * news.queued / news.drain_per_s;
  return std::clamp(Seconds(std::min(probes_s, queue_s)), kHoldMin, kHoldMax);
}

}  // namespace

void FullGate::note_full(const FullNews& news, base::TimePoint now) {
  if (!is_full(now)) {
    filled_at_ = now;
    anybodys_.count = 1;
    of_those_behind_.add(1);
  }
  full_until_ = now + std::chrono::duration_cast<base::Duration>(hold_of(news, threads_));
  trickle_per_s_ = news.drain_per_s > 0 ? news.drain_per_s / static_cast<double>(threads_)
                                        : kTrickleOfUnknownPerS;
  if (news.retry_after > base::Duration::zero()) retry_after_ = news.retry_after;
}

void FullGate::Passes::add(double more) { count = std::min(count + more, kPassesMax); }

bool FullGate::Passes::take() {
  if (count < 1) return false;
  count -= 1;
  return true;
}

void FullGate::note_finished() {
  anybodys_.add(kPassesPerFinished);
  of_those_behind_.add(kPassesPerFinished);
}

bool FullGate::try_probe(base::TimePoint now, bool behind) {
  const double trickled = Seconds(now - filled_at_).count() * trickle_per_s_;
  filled_at_ = now;
  anybodys_.add(trickled);
  of_those_behind_.add(trickled);
  return (behind && of_those_behind_.take()) || anybodys_.take();
}

}  // namespace millrace::gateway
