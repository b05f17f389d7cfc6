// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/slot_pool.h"

#include <algorithm>
#include <cmath>

namespace millrace::ratelimit {

namespace {
constexpr int kMeanOver = 8;  // requests
constexpr std::uint64_t kWeightMax = whole_slots(1'000'000);
}  // namespace

MilliSlots weight_of(base::Duration predicted_cpu, base::Duration slot_cpu) {
  const double slots =
      static_cast<double>(predicted_cpu.count()) * 1000.0 / static_cast<double>(slot_cpu.count());
  const double most = static_cast<double>(kWeightMax);
  return static_cast<MilliSlots>(std::clamp(std::ceil(slots), 1000.0, most));
}

void SlotPool::take(MilliSlots weight, base::TimePoint now) {
  if (held_ == 0) quiet_since_ = now;
  held_ += weight;
}

void SlotPool::give_back(MilliSlots weight, base::TimePoint taken_at, base::TimePoint now) {
  held_ -= weight;
  quiet_since_ = std::max(quiet_since_, now);
  const base::Duration held_for = std::max(now - taken_at, base::Duration(1));
  holding_mean_ = holding_mean_ == base::Duration::zero()
                      ? held_for
                      : holding_mean_ + (held_for - holding_mean_) / kMeanOver;
}

base::Duration SlotPool::expected_wait(MilliSlots weight, MilliSlots limit,
                                       base::Duration unmeasured, base::TimePoint now) const {
  if (fits(weight, limit)) return base::Duration::zero();
  base::Duration holding = holding_mean_ == base::Duration::zero() ? unmeasured : holding_mean_;
  // Nothing has come back for longer than that: those who hold now are slower than those before.
  holding = std::max(holding, now - quiet_since_);
  // In the mean what is held comes back evenly over one holding time. Of a request heavier than the
  // limit, all of it must.
  const MilliSlots too_much = std::min(held_, held_ + weight - std::min(limit, held_ + weight));
  const double share = static_cast<double>(too_much) / static_cast<double>(held_);
  return base::Duration(
      static_cast<std::int64_t>(std::ceil(static_cast<double>(holding.count()) * share)));
}

}  // namespace millrace::ratelimit
