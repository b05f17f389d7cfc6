// SPDX-License-Identifier: Apache-2.0
#include "agent/queue_options.h"

namespace millrace::agent {

QueueDecider::Options work_queue_options(const AgentConfig& config, std::size_t workers) {
  QueueDecider::Options options;
  for (const auto& [name, tier] : config.tiers) {
    options.tiers[name] = {
        .depth_max = tier.queue_per_worker * workers,
        .weight = tier.weight,
        .order = tier.order == "adaptive_lifo" ? TierOrder::AdaptiveLifo : TierOrder::Fifo,
        .target_delay = tier.target_delay};
  }
  // More of one origin cannot be downloading anyway.
  options.preparing.ahead_max = config.fetch.downloads_per_origin_max;
  return options;
}

QueueDecider::Options probe_queue_options(const AgentConfig& config) {
  QueueDecider::Options options;
  for (const auto& [name, tier] : config.tiers) {
    options.tiers[name] = {.depth_max = config.limits.probes_waiting_max, .weight = tier.weight};
  }
  return options;
}

}  // namespace millrace::agent
