// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>

#include "gateway/node_table.h"

namespace millrace::gateway {

// A node's slot in this thread's count of requests on their way to it.
class OnTheWay {
 public:
  OnTheWay(std::shared_ptr<Node> node, double cpu_ms) : node_(std::move(node)), cpu_ms_(cpu_ms) {
    ++node_->in_flight;
    node_->in_flight_cpu_ms += cpu_ms_;
  }
  OnTheWay(OnTheWay&&) noexcept = default;
  OnTheWay& operator=(OnTheWay&&) = delete;
  OnTheWay(const OnTheWay&) = delete;
  OnTheWay& operator=(const OnTheWay&) = delete;
  ~OnTheWay();
  [[nodiscard]] Node& node() const { return *node_; }

 private:
  std::shared_ptr<Node> node_;
  double cpu_ms_;
};

}  // namespace millrace::gateway
