// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/config.h"
#include "agent/policy/queue_decider.h"

namespace millrace::agent {

// The lines in front of `workers` workers, as configured. Pure.
QueueDecider::Options work_queue_options(const AgentConfig& config, std::size_t workers);
// The lines in front of the workers that probe. Nobody is refused a place before all are taken;
// between tiers by the same weights.
QueueDecider::Options probe_queue_options(const AgentConfig& config);

}  // namespace millrace::agent
