// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "bench/sim/sim_agent.h"
#include "bench/sim/sim_port.h"
#include "bench/sim/sim_server.h"
#include "discovery/registry.h"
#include "gateway/caller.h"
#include "gateway/fleet_view.h"
#include "gateway/gateway_metrics.h"
#include "gateway/on_the_way.h"
#include "gateway/variant_plan.h"
#include "gateway/variant_router.h"
#include "net/headers.h"
#include "ratelimit/throttle.h"

namespace millrace::bench::sim {

struct SimRequest {
  std::string target;  // as in the request line
  net::Headers headers;
  std::string peer = "127.0.0.1";
  std::size_t mix = 0;
};
struct SimReply {
  int status = 0;
  std::optional<base::Reason> reason;
  bool asks_to_wait = false;
  std::uint64_t body_bytes = 0;
};

// A gateway in virtual time, with one node. What is decided is decided by its own classes:
// CallerPolicy and Throttle who may pass, plan_variant and VariantRouter where it goes, and in
// SimPort the accept gate and the bounds of connections. This class is what MediaService,
// VariantProxy and NodeLink are in the product: the order in which these are asked.
class SimGateway {
 public:
  using Done = std::function<void(const SimReply&)>;
  struct Exchange;
  using ExchangePtr = std::shared_ptr<Exchange>;

  // All outlive it.
  SimGateway(EventQueue& events, const Scenario& scenario, const SimServer& server,
             const SimCosts& costs, SimPort& port, SimAgent& agent);
  ~SimGateway();

  // A whole request has arrived on a connection of this lane, and has its permit. `done` when its
  // answer leaves.
  ExchangePtr handle(std::size_t lane, SimRequest request, Done done);
  // The client is gone; `done` is not called.
  void client_gone(const ExchangePtr& exchange);

  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }

 private:
  // The registry: one snapshot, of one node.
  struct OneNode final : discovery::RegistryView {
    [[nodiscard]] std::shared_ptr<const discovery::Snapshot> snapshot() const override {
      return published;
    }
    std::shared_ptr<const discovery::Snapshot> published;
  };
  struct Lane;

  void decide(const ExchangePtr& exchange);
  [[nodiscard]] bool admit(Exchange& exchange, gateway::Refusal& refusal);
  void serve_original(const ExchangePtr& exchange);
  void ask_node(const ExchangePtr& exchange, gateway::VariantRouter::Route route);
  void heard(const ExchangePtr& exchange, const SimTaskAnswer& answer);
  void refuse(const ExchangePtr& exchange, const gateway::Refusal& refusal);
  void finish(const ExchangePtr& exchange, const SimReply& reply, base::Duration cpu);
  void end(Exchange& exchange);
  void ask_loads(Lane& lane);

  EventQueue& events_;
  const Scenario& scenario_;
  const SimServer& server_;
  const SimCosts& costs_;
  SimPort& port_;
  SimAgent& agent_;
  base::Metrics metrics_;
  gateway::GatewayMetrics counts_;
  OneNode registry_;
  gateway::CallerPolicy callers_;
  ratelimit::Throttle throttle_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::size_t in_flight_ = 0;
};

}  // namespace millrace::bench::sim
