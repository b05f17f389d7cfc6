// SPDX-License-Identifier: Apache-2.0
#include "gateway/load_watch.h"

#include <algorithm>

namespace millrace::gateway {

std::vector<std::shared_ptr<Node>> LoadWatch::due(const std::vector<std::shared_ptr<Node>>& nodes,
                                                  base::TimePoint now) const {
  std::vector<std::shared_ptr<Node>> due;
  if (routed_at_ == base::TimePoint::min() || now - routed_at_ > options_.idle_after) return due;
  for (const std::shared_ptr<Node>& node : nodes) {
    if (due.size() >= options_.at_once_max) break;
    const base::TimePoint heard_at = std::max(node->reported_at, node->asked_at);
    if (now - heard_at < options_.unheard || now < node->ejected_until) continue;
    node->asked_at = now;
    due.push_back(node);
  }
  return due;
}

}  // namespace millrace::gateway
