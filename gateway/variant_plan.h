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
#include "gateway/format_negotiation.h"
#include "gateway/picture_rules.h"
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
  bool gives_picture = true;
  bool varies_by_accept = false;   // the format was chosen for this client
  bool is_private = false;         // of a private bucket
  bool protects_original = false;  // the original must not stand in for a result
  bool is_fallback = false;        // of the picture that stands in for a missing original

  [[nodiscard]] std::vector<std::string_view> command_names() const;
};

// Checks the target's pipeline, which is there, against the commands of the fleet, gives it what it
// needs to know of the request, and settles what other pictures it names and its format for this
// client. UnknownCommand and BadParameter as Catalogue::check and fill_from_request, errors of
// PictureRules::settle (null: none may be named); NoNode while no command is known at all.
base::Result<VariantPlan> plan_variant(const pipeline::Catalogue& catalogue,
                                       const pipeline::Target& target,
                                       const pipeline::AskPlace& place, base::TimePoint received_at,
                                       const DeadlineConfig& deadlines, const FormatWish& wish = {},
                                       const PictureRules* pictures = nullptr);

}  // namespace millrace::gateway
