// SPDX-License-Identifier: Apache-2.0
#include "gateway/recent_variants.h"

namespace millrace::gateway {

void RecentVariants::remember(std::uint64_t variant, std::uint64_t node) {
  if (table_.empty()) table_.resize(slots_);
  table_[variant % slots_] = {variant, node};
}

void RecentVariants::forget(std::uint64_t variant) {
  if (node_of(variant) != 0) table_[variant % slots_] = {};
}

std::uint64_t RecentVariants::node_of(std::uint64_t variant) const {
  if (table_.empty()) return 0;
  const Slot& slot = table_[variant % slots_];
  return slot.variant == variant ? slot.node : 0;
}

}  // namespace millrace::gateway
