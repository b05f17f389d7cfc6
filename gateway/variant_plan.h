// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "gateway/config.h"
#include "pipeline/pipeline.h"
#include "pipeline/request_values.h"
#include "pipeline/target.h"

namespace millrace::gateway {

// What the gateway knows of a variant before anybody works on it.
struct VariantPlan {
  std::string bucket;
  pipeline::Pipeline pipeline;
  std::string text;  // canonical
  std::string kind;  // of the first command
  std::uint64_t source_hash = 0;
  std::uint64_t variant_hash = 0;  // of source and pipeline
  base::Deadline deadline;         // of the work: a moment before that of the answer
  std::optional<double> cpu_ms;    // expected; nullopt: nothing alike was seen

  [[nodiscard]] std::vector<std::string_view> command_names() const;
};

// Checks the target's pipeline, which is there, against the commands of the fleet, and gives it
// what it needs to know of the request. UnknownCommand and BadParameter as Catalogue::check and
// fill_from_request; NoNode while no command is known at all.
base::Result<VariantPlan> plan_variant(const pipeline::Catalogue& catalogue,
                                       const pipeline::Target& target,
                                       const pipeline::AskPlace& place, base::TimePoint received_at,
                                       const DeadlineConfig& deadlines);

}  // namespace millrace::gateway
