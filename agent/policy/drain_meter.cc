// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/drain_meter.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>

namespace millrace::agent {
namespace {

constexpr std::size_t kRetryAfterSecondsMax = 60;
constexpr base::Duration kShortest = std::chrono::milliseconds(1);

double seconds_of(base::Duration span) { return std::chrono::duration<double>(span).count(); }

double decay(base::Duration span, base::Duration half_life) {
  return std::exp2(-seconds_of(span) / seconds_of(half_life));
}

}  // namespace

void DrainMeter::finished(base::TimePoint now, base::Duration work, base::Duration cpu) {
  if (!measured_) begun_ = now - work;
  const double kept = measured_ ? decay(now - last_, half_life_) : 0;
  weighted_count_ = weighted_count_ * kept + 1;
  weighted_cpu_s_ = weighted_cpu_s_ * kept + seconds_of(cpu);
  last_ = now;
  measured_ = true;
}

double DrainMeter::rate_per_s(base::TimePoint now) const { return per_s(weighted_count_, now); }

double DrainMeter::per_s(double weighted, base::TimePoint now) const {
  if (!measured_) return 0;
  // A steady rate r leaves a weighted count of r * half_life / ln 2, once it has lasted for long;
  // until then the part of it that was seen.
  const double seen = 1 - decay(std::max(now - begun_, kShortest), half_life_);
  return weighted * decay(now - last_, half_life_) * std::numbers::ln2 / seconds_of(half_life_) /
         seen;
}

std::size_t DrainMeter::retry_after_s(std::size_t queued, base::Duration cpu,
                                      base::TimePoint now) const {
  if (!measured_) return 1;
  const bool by_cpu = cpu > base::Duration::zero() && weighted_cpu_s_ > 0;
  const double waiting = by_cpu ? seconds_of(cpu) : static_cast<double>(queued);
  const double rate = per_s(by_cpu ? weighted_cpu_s_ : weighted_count_, now);
  const double wait = rate > 0 ? std::ceil(waiting / rate) : kRetryAfterSecondsMax;
  return static_cast<std::size_t>(std::clamp<double>(wait, 1, kRetryAfterSecondsMax));
}

}  // namespace millrace::agent
