// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "gateway/agent_answer.h"
#include "gateway/config.h"
#include "gateway/cost_book.h"
#include "gateway/gateway_metrics.h"
#include "gateway/load_watch.h"
#include "gateway/node_table.h"
#include "gateway/recent_variants.h"
#include "gateway/user_share.h"
#include "gateway/variant_plan.h"
#include "pipeline/task.h"
#include "ratelimit/retry_budget.h"

namespace millrace::gateway {

// Who asks, as far as routing counts it. Views outlive the call.
struct Asker {
  std::string_view tier;
  std::string_view user = {};
};

// Everything that is decided about a variant between its admission and its answer: which node is
// asked, whether a second one is, what the client is told when none is, and what answers teach. The
// gateway's VariantProxy and the simulator both route by this same class. No I/O, time passed in;
// one thread.
class VariantRouter {
 public:
  // `nodes` and `metrics` outlive it.
  VariantRouter(NodeTable& nodes, const GatewayMetrics& metrics, const AgentLinkConfig& config);

  // Processor milliseconds that such work is expected to take; nullopt: nothing alike was seen.
  [[nodiscard]] std::optional<double> expect(std::string_view pipeline) const {
    return costs_.expect(pipeline);
  }
  // A request was let in. Gives what it counts as on the way to a node, in processor milliseconds.
  double admitted(const VariantPlan& plan, base::TimePoint now);

  struct Route {
    std::shared_ptr<Node> node;      // to be asked; null: none
    std::optional<Refusal> instead;  // where there is no node
  };
  [[nodiscard]] Route first(const VariantPlan& plan, const Asker& asker, base::TimePoint now);
  // To be kept while a request that has a node is on its way: who has much there goes after others
  // when queues are full.
  [[nodiscard]] UserShare::Place on_the_way(const Asker& asker) {
    return {users_, asker.tier, asker.user};
  }
  // After `tried`, the last of `attempts` nodes, refused: another node, if that is worth it and the
  // budget has a retry left; else what was refused already.
  [[nodiscard]] Route second(const VariantPlan& plan, const Asker& asker, int attempts,
                             const Node& tried, Refusal refusal, base::TimePoint now);
  // A complete answer: where this variant is now, and what such work costs.
  void answered(const VariantPlan& plan, const Node& node,
                const std::optional<pipeline::TaskCost>& cost);
  // The nodes to ask for their load now.
  [[nodiscard]] std::vector<std::shared_ptr<Node>> due_for_load(base::TimePoint now) const {
    return watch_.due(nodes_.nodes(), now);
  }

 private:
  [[nodiscard]] Choice choose(const VariantPlan& plan, const Asker& asker, const Node* tried,
                              base::TimePoint now);

  NodeTable& nodes_;
  const GatewayMetrics& metrics_;
  LoadWatch watch_;
  RecentVariants recent_;
  UserShare users_;
  CostBook costs_;
  ratelimit::RetryBudget budget_;
};

}  // namespace millrace::gateway
