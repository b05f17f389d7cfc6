// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/gcra.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace millrace::ratelimit {

namespace {
// Beyond it sums of time points would overflow, and nobody waits for a year.
constexpr std::int64_t kYearNs = 365LL * 86'400 * 1'000'000'000;
}  // namespace

std::uint32_t RateLimit::burst_or_default() const {
  if (burst > 0) return burst;
  const double second = std::ceil(rate_per_s);
  const double most = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp(second, 1.0, most));
}

base::Duration RateLimit::interval() const {
  const double ns = std::round(1e9 / rate_per_s);
  const double most = static_cast<double>(kYearNs);
  return std::chrono::nanoseconds(static_cast<std::int64_t>(std::clamp(ns, 1.0, most)));
}

base::Duration RateLimit::early_max() const {
  const std::int64_t each_ns = std::chrono::nanoseconds(interval()).count();
  const std::int64_t intervals = std::int64_t{burst_or_default()} - 1;
  if (intervals > kYearNs / each_ns) return std::chrono::nanoseconds(kYearNs);
  return std::chrono::nanoseconds(each_ns * intervals);
}

base::Duration Gcra::wait(const RateLimit& limit, base::TimePoint now) {
  arrival_ = std::min(arrival_, now + limit.early_max() + limit.interval());
  return std::max(std::max(arrival_, now) - now - limit.early_max(), base::Duration::zero());
}

void Gcra::take(const RateLimit& limit, base::TimePoint now) {
  arrival_ = std::max(arrival_, now) + limit.interval();
}

RateFacts Gcra::facts(const RateLimit& limit, base::TimePoint now) const {
  return facts_of(limit, std::max(arrival_, now) - now);
}

RateFacts Gcra::facts_of(const RateLimit& limit, base::Duration full_after) {
  const std::uint32_t burst = limit.burst_or_default();
  const base::Duration interval = limit.interval();
  // What is on its way rounds up: a token that is half there cannot be taken.
  const std::int64_t missing = (full_after + interval - base::Duration(1)) / interval;
  const std::int64_t remaining = std::max<std::int64_t>(std::int64_t{burst} - missing, 0);
  return {burst, static_cast<std::uint32_t>(remaining), full_after};
}

}  // namespace millrace::ratelimit
