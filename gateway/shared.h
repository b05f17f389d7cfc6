// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "discovery/registry.h"
#include "gateway/caller.h"
#include "gateway/config.h"
#include "gateway/delivery_book.h"
#include "gateway/gateway_metrics.h"
#include "ratelimit/throttle.h"
#include "storage/config.h"

namespace millrace::gateway {

// What the threads of a gateway have in common: set before they start, never changed, but for what
// is atomic or locks by itself. Outlives them.
struct Shared {
  GatewayConfig config;
  std::map<std::string, storage::BucketConfig> buckets;
  std::string fleet_key;
  const discovery::RegistryView* registry = nullptr;
  const DeliveryBook* delivery = nullptr;
  // A node refused a connection (id, incarnation). Any thread.
  std::function<void(std::string_view, std::string_view)> note_connect_failure;
  const GatewayMetrics* metrics = nullptr;
  std::string instance;  // new at every start; with `sequence`, what agents know replays by
  std::atomic<std::uint64_t> sequence{0};
  // Who may do how much; a reload puts another in its place.
  std::atomic<std::shared_ptr<const CallerPolicy>> callers;
  ratelimit::Throttle throttle{ratelimit::Throttle::Options{}};
};

}  // namespace millrace::gateway
