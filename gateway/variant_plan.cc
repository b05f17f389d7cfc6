// SPDX-License-Identifier: Apache-2.0
#include "gateway/variant_plan.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "gateway/node_table.h"

namespace millrace::gateway {
namespace {

// Of the time that a client was promised: for the way back of an answer that is ready at the last
// moment, and of the one that says that there is none.
constexpr base::Duration kWayBackMax = std::chrono::milliseconds(50);
constexpr int kWayBackShare = 20;

base::Deadline work_deadline(base::TimePoint received_at, base::Duration promised) {
  const base::Duration way_back = std::min(kWayBackMax, promised / kWayBackShare);
  return base::Deadline::after(received_at, promised - way_back);
}

base::Result<void> settle_pictures(pipeline::Pipeline& pipeline,
                                   const pipeline::Catalogue& catalogue,
                                   const PictureRules* rules) {
  if (rules != nullptr) return rules->settle(pipeline, catalogue.limits());
  if (pipeline::pictures_of(pipeline).empty()) return {};
  return base::fail(base::Reason::BadParameter, "No other pictures can be named here.");
}

}  // namespace

std::vector<std::string_view> VariantPlan::command_names() const {
  std::vector<std::string_view> names;
  names.reserve(pipeline.commands.size());
  for (const pipeline::CommandCall& call : pipeline.commands) names.push_back(call.name());
  return names;
}

base::Result<VariantPlan> plan_variant(const pipeline::Catalogue& catalogue,
                                       const pipeline::Target& target,
                                       const pipeline::AskPlace& place, base::TimePoint received_at,
                                       const DeadlineConfig& deadlines, const FormatWish& wish,
                                       const PictureRules* pictures) {
  if (catalogue.specs().empty()) {
    return base::fail(base::Reason::NoNode, "No node is known yet that could do this work.",
                      "the catalogue is empty");
  }
  auto checked = catalogue.check(*target.pipeline);
  if (!checked) return base::fail(std::move(checked.error()));
  if (auto filled = pipeline::fill_from_request(*checked, catalogue, place); !filled) {
    return base::fail(std::move(filled.error()));
  }
  if (auto settled = settle_pictures(*checked, catalogue, pictures); !settled) {
    return base::fail(std::move(settled.error()));
  }
  VariantPlan plan;
  plan.bucket = target.bucket;
  plan.pipeline = *std::move(checked);
  const auto varies = negotiate_format(plan.pipeline, catalogue, wish);
  if (!varies) return base::fail(varies.error());
  plan.varies_by_accept = *varies;
  plan.gives_picture = catalogue.find(plan.pipeline.commands.back().name())->gives == "image";
  plan.text = plan.pipeline.text();
  plan.kind = catalogue.find(plan.pipeline.commands.front().name())->kind;
  plan.source_hash = stable_hash(target.key, stable_hash(target.bucket));
  plan.variant_hash = stable_hash(plan.text, plan.source_hash);
  plan.deadline = work_deadline(received_at, deadlines.of_kind(plan.kind));
  return plan;
}

}  // namespace millrace::gateway
