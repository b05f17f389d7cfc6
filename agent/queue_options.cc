// SPDX-License-Identifier: Apache-2.0
#include "agent/queue_options.h"

#include <algorithm>

namespace millrace::agent {
namespace {

// A full line is to be gone in queue_per_worker service times. Lighter tiers have their share of
// the workers meanwhile, so it has as much fewer places; a light tier promises nothing beside heavy
// ones.
std::size_t places_of(const TierConfig& tier, const AgentConfig& config, std::size_t workers) {
  std::size_t lighter = 0;
  for (const auto& [name, other] : config.tiers) {
    if (other.weight < tier.weight) lighter += other.weight;
  }
  const std::size_t alone = tier.queue_per_worker * workers;
  return std::max<std::size_t>(1, alone * tier.weight / (tier.weight + lighter));
}

}  // namespace

QueueDecider::Options work_queue_options(const AgentConfig& config, std::size_t workers) {
  QueueDecider::Options options;
  for (const auto& [name, tier] : config.tiers) {
    options.tiers[name] = {
        .depth_max = places_of(tier, config, workers),
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
