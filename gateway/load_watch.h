// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/deadline.h"
#include "gateway/node_table.h"

namespace millrace::gateway {

// Decides which nodes to ask for their load: those that no answer told of for a while, so that work
// from other gateways is seen before it is met. Only while there are requests to route, each node
// at most once in that while, and few at a time. No I/O; one thread.
class LoadWatch {
 public:
  struct Options {
    base::Duration unheard = std::chrono::milliseconds(500);
    base::Duration idle_after = std::chrono::seconds(10);  // without requests nobody is asked
    std::size_t at_once_max = 8;                           // asked by one call
  };
  explicit LoadWatch(const Options& options) : options_(options) {}

  void routed(base::TimePoint now) { routed_at_ = now; }
  // Those to ask now; they count as asked.
  [[nodiscard]] std::vector<std::shared_ptr<Node>> due(
      const std::vector<std::shared_ptr<Node>>& nodes, base::TimePoint now) const;

 private:
  Options options_;
  base::TimePoint routed_at_ = base::TimePoint::min();
};

}  // namespace millrace::gateway
