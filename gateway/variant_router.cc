// SPDX-License-Identifier: Apache-2.0
#include "gateway/variant_router.h"

#include <utility>

namespace millrace::gateway {
namespace {

using base::Reason;

Refusal no_node() {
  return {.error = base::make_error(Reason::NoNode,
                                    "No node serves this work at the moment; try again soon."),
          .retry_after = std::chrono::seconds(1)};
}

Refusal all_full(base::Duration retry_after) {
  return {.error = base::make_error(
              Reason::QueueFull,
              "More work is queued for your tier than can be done in good time; try again when "
              "Retry-After says."),
          .retry_after = retry_after};
}

}  // namespace

VariantRouter::VariantRouter(NodeTable& nodes, const GatewayMetrics& metrics,
                             const AgentLinkConfig& config)
    : nodes_(nodes),
      metrics_(metrics),
      watch_({.unheard = config.load_poll}),
      budget_(config.retry_ratio) {}

double VariantRouter::admitted(const VariantPlan& plan, base::TimePoint now) {
  budget_.admitted(now);
  watch_.routed(now);
  return plan.cpu_ms.value_or(costs_.mean_ms());
}

Choice VariantRouter::choose(const VariantPlan& plan, const Asker& asker, const Node* tried,
                             base::TimePoint now) {
  const Placement work{.pipeline = plan.pipeline,
                       .kind = plan.kind,
                       .source_hash = plan.source_hash,
                       .tier = asker.tier,
                       .bucket = plan.bucket,
                       .user_is_behind = users_.is_behind(asker.tier, asker.user, now),
                       .not_this = tried,
                       .probably_cached_at = recent_.node_of(plan.variant_hash)};
  Choice choice = nodes_.choose(work, now);
  if (choice.kind == ChoiceKind::Probe) metrics_.probes.add();
  return choice;
}

VariantRouter::Route VariantRouter::first(const VariantPlan& plan, const Asker& asker,
                                          base::TimePoint now) {
  Choice choice = choose(plan, asker, nullptr, now);
  if (choice.node) return {.node = std::move(choice.node), .instead = {}};
  if (choice.kind != ChoiceKind::AllFull) return {.node = {}, .instead = no_node()};
  metrics_.refused_here.add();
  return {.node = {}, .instead = all_full(choice.retry_after)};
}

VariantRouter::Route VariantRouter::second(const VariantPlan& plan, const Asker& asker,
                                           int attempts, const Node& tried, Refusal refusal,
                                           base::TimePoint now) {
  if (refusal.error.reason == Reason::QueueFull) {
    recent_.forget(plan.variant_hash);
    users_.refused(asker.tier, asker.user, now);
  }
  if (worth_second_node(refusal, attempts, plan.deadline, now)) {
    Choice choice = choose(plan, asker, &tried, now);
    if (choice.node) {
      const bool allowed = budget_.try_spend(now);
      (allowed ? metrics_.retries : metrics_.retries_denied).add();
      if (allowed) return {.node = std::move(choice.node), .instead = {}};
    }
  }
  return {.node = {}, .instead = std::move(refusal)};
}

void VariantRouter::answered(const VariantPlan& plan, const Node& node,
                             const std::optional<pipeline::TaskCost>& cost) {
  recent_.remember(plan.variant_hash, node.hash);
  if (cost) costs_.learn(plan.text, cost->actual_cpu_ms);
}

}  // namespace millrace::gateway
