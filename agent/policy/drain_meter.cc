// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/drain_meter.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>

namespace millrace::agent {
namespace {

constexpr std::size_t kRetryAfterMax_s = 60;
constexpr base::Duration kShortest = std::chrono::milliseconds(1);
constexpr int kMeanShare = 8;  // a new measurement counts 1/8

double seconds_of(base::Duration span) { return std::chrono::duration<double>(span).count(); }

double decay(base::Duration span, base::Duration half_life) {
  return std::exp2(-seconds_of(span) / seconds_of(half_life));
}

}  // namespace

void DrainMeter::finished(base::TimePoint now, base::Duration work) {
  if (!measured_) begun_ = now - work;
  weighted_count_ = measured_ ? weighted_count_ * decay(now - last_, half_life_) + 1 : 1;
  mean_work_ = measured_ ? mean_work_ + (work - mean_work_) / kMeanShare : work;
  last_ = now;
  measured_ = true;
}

double DrainMeter::rate_per_s(base::TimePoint now) const {
  if (!measured_) return 0;
  // A steady rate r leaves a weighted count of r * half_life / ln 2, once it has lasted for long;
  // until then the part of it that was seen.
  const double seen = 1 - decay(std::max(now - begun_, kShortest), half_life_);
  return weighted_count_ * decay(now - last_, half_life_) * std::numbers::ln2 /
         seconds_of(half_life_) / seen;
}

std::size_t DrainMeter::retry_after_s(std::size_t queued, base::TimePoint now) const {
  if (!measured_) return 1;
  const double rate = rate_per_s(now);
  const double wait = rate > 0 ? std::ceil(static_cast<double>(queued) / rate) : kRetryAfterMax_s;
  return static_cast<std::size_t>(std::clamp<double>(wait, 1, kRetryAfterMax_s));
}

}  // namespace millrace::agent
