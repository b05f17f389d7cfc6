// SPDX-License-Identifier: Apache-2.0
#include "bench/sim/sim_gateway.h"

#include <algorithm>
#include <utility>

#include "pipeline/target.h"

namespace millrace::bench::sim {
namespace {

using base::Reason;

constexpr base::Duration kLoadTick = std::chrono::milliseconds(100);  // as gateway::Lane has it

std::shared_ptr<const discovery::Snapshot> one_node(const SimServer& server) {
  discovery::NodeRecord record;
  record.id = "node";
  record.incarnation = "1";
  record.address = "127.0.0.1:9101";
  record.cell = server.gateway.cell;
  record.state = discovery::NodeState::Serving;
  record.kinds = {{"image", static_cast<std::uint32_t>(server.workers), server.catalogue.specs()}};
  auto snapshot = std::make_shared<discovery::Snapshot>();
  snapshot->nodes.push_back(std::make_shared<const discovery::NodeRecord>(std::move(record)));
  snapshot->catalogue = server.catalogue;
  return snapshot;
}

}  // namespace

struct SimGateway::Lane {
  Lane(const OneNode& registry, const gateway::GatewayMetrics& counts,
       const gateway::GatewayConfig& config, std::size_t lanes, Cores::Thread& on)
      : thread(on),
        fleet(registry, counts,
              {.cell = config.cell,
               .load_bound = config.agent_link.load_bound,
               .ejection = config.agent_link.ejection,
               .load_report_life = config.agent_link.load_report_life,
               .threads = lanes}),
        router(fleet.nodes(), counts, config.agent_link) {
    fleet.refresh();
  }
  Cores::Thread& thread;
  gateway::FleetView fleet;
  gateway::VariantRouter router;
};

// One request and what is known of it.
struct SimGateway::Exchange {
  Lane* lane = nullptr;
  SimRequest request;
  Done done;
  base::TimePoint received_at{};
  pipeline::Target target;
  gateway::VariantPlan plan;
  gateway::Caller caller;
  ratelimit::Permit permit;
  double cpu_ms = 0;
  int attempts = 0;
  std::shared_ptr<gateway::Node> node;
  std::optional<gateway::OnTheWay> place;
  std::optional<gateway::UserShare::Place> share;
  std::uint64_t asked = 0;  // the agent's name for it; 0: it is not there
  bool ended = false;
};

SimGateway::SimGateway(EventQueue& events, const Scenario& scenario, const SimServer& server,
                       const SimCosts& costs, SimPort& port, SimAgent& agent)
    : events_(events),
      scenario_(scenario),
      server_(server),
      costs_(costs),
      port_(port),
      agent_(agent),
      counts_(metrics_),
      callers_(server.gateway.throttle, server.gateway.tier),
      throttle_(ratelimit::Throttle::Options{}) {
  registry_.published = one_node(server);
  for (std::size_t i = 0; i < port.lanes(); ++i) {
    lanes_.push_back(
        std::make_unique<Lane>(registry_, counts_, server.gateway, port.lanes(), port.thread(i)));
    events_.after(kLoadTick, [this, i] { ask_loads(*lanes_[i]); });
  }
}

SimGateway::~SimGateway() = default;

SimGateway::ExchangePtr SimGateway::handle(std::size_t lane, SimRequest request, Done done) {
  auto exchange = std::make_shared<Exchange>();
  exchange->lane = lanes_[lane].get();
  exchange->request = std::move(request);
  exchange->done = std::move(done);
  exchange->received_at = events_.now();
  ++in_flight_;
  exchange->lane->thread.run(costs_.gateway_read, [this, exchange] {
    if (!exchange->ended) decide(exchange);
  });
  return exchange;
}

void SimGateway::decide(const ExchangePtr& exchange) {
  auto target = pipeline::parse_target(exchange->request.target);
  if (!target) return refuse(exchange, {.error = std::move(target.error())});
  exchange->target = *std::move(target);
  const std::string& bucket = exchange->target.bucket;
  if (!server_.buckets.contains(bucket) && !server_.storage.buckets.contains(bucket)) {
    return refuse(exchange, {.error = base::make_error(Reason::NoBucket, "no such bucket")});
  }
  Lane& lane = *exchange->lane;
  if (exchange->target.pipeline) {
    const auto place = [&exchange]() -> pipeline::RequestPlace {
      return {.scheme = "http", .host = "simulated", .target = exchange->request.target};
    };
    auto plan = gateway::plan_variant(lane.fleet.snapshot().catalogue, exchange->target, place,
                                      exchange->received_at, server_.gateway.deadlines);
    if (!plan) return refuse(exchange, {.error = std::move(plan.error())});
    exchange->plan = *std::move(plan);
    exchange->plan.cpu_ms = lane.router.expect(exchange->plan.text);
  }
  gateway::Refusal refusal;
  if (!admit(*exchange, refusal)) return refuse(exchange, refusal);
  if (!exchange->target.pipeline) return serve_original(exchange);
  exchange->cpu_ms = lane.router.admitted(exchange->plan, events_.now());
  events_.at(exchange->plan.deadline.at(), [this, exchange] {
    if (exchange->ended || exchange->asked == 0) return;
    agent_.cancel(exchange->asked);
    refuse(exchange, {.error = base::make_error(Reason::Deadline, "not done in time")});
  });
  const gateway::Asker asker{exchange->caller.tier, exchange->caller.user};
  auto route = lane.router.first(exchange->plan, asker, events_.now());
  exchange->share.emplace(lane.router.on_the_way(asker));
  ask_node(exchange, std::move(route));
}

// As gateway::admit, without Redis.
bool SimGateway::admit(Exchange& exchange, gateway::Refusal& refusal) {
  auto caller = callers_.who_asks(
      {exchange.request.target, exchange.request.headers, exchange.request.peer, 0});
  if (!caller) {
    refusal.error = std::move(caller.error());
    return false;
  }
  exchange.caller = *std::move(caller);
  const auto names =
      exchange.target.pipeline ? exchange.plan.command_names() : std::vector<std::string_view>{};
  const auto commands = callers_.command_limits(names);
  const std::chrono::duration<double, std::milli> cpu(exchange.plan.cpu_ms.value_or(0));
  ratelimit::Decision decision =
      throttle_.decide({.user_key = exchange.caller.user,
                        .user = exchange.caller.limits,
                        .commands = commands,
                        .predicted_cpu = std::chrono::duration_cast<base::Duration>(cpu)},
                       events_.now());
  if (!decision.admitted()) {
    refusal = {.error = base::make_error(*decision.refused, "a limit"),
               .retry_after = std::max<base::Duration>(decision.retry_after, base::Duration(1))};
    return false;
  }
  exchange.permit = std::move(decision.permit);
  return true;
}

// Gateways serve originals themselves.
void SimGateway::serve_original(const ExchangePtr& exchange) {
  const Mix& mix = scenario_.mixes[exchange->request.mix];
  events_.after(costs_.local_disk, [this, exchange, &mix] {
    if (exchange->ended) return;
    finish(exchange, {.status = 200, .reason = {}, .body_bytes = mix.answer_bytes},
           costs_.gateway_original);
  });
}

void SimGateway::ask_node(const ExchangePtr& exchange, gateway::VariantRouter::Route route) {
  if (!route.node) return refuse(exchange, *route.instead);
  ++exchange->attempts;
  exchange->node = std::move(route.node);
  exchange->place.emplace(exchange->node, exchange->cpu_ms);
  exchange->lane->thread.run(costs_.gateway_send, [this, exchange] {
    if (exchange->ended) return;
    const base::Duration left = exchange->plan.deadline.remaining(events_.now());
    events_.after(costs_.network, [this, exchange, left] {
      if (exchange->ended) return;
      SimTask task{.bucket = exchange->target.bucket,
                   .key = exchange->target.key,
                   .pipeline = exchange->plan.text,
                   .user = exchange->caller.user,
                   .tier = exchange->caller.tier,
                   .time_left = left,
                   .mix = exchange->request.mix};
      exchange->asked = agent_.ask(std::move(task), [this, exchange](const SimTaskAnswer& answer) {
        events_.after(costs_.network, [this, exchange, answer] {
          if (!exchange->ended) heard(exchange, answer);
        });
      });
    });
  });
}

void SimGateway::heard(const ExchangePtr& exchange, const SimTaskAnswer& answer) {
  exchange->asked = 0;
  const gateway::NodeTable& nodes = exchange->lane->fleet.nodes();
  gateway::Node& node = *exchange->node;
  const std::string& tier = exchange->caller.tier;
  const gateway::GateName gate{tier, exchange->target.bucket};
  const base::TimePoint now = events_.now();
  nodes.report(node, answer.load, now);
  if (!answer.refused) {
    if (answer.held_a_place) gateway::NodeTable::note_finished(node, gate);
    exchange->lane->router.answered(exchange->plan, node, answer.cost);
    const Mix& mix = scenario_.mixes[exchange->request.mix];
    return finish(exchange, {.status = 200, .reason = {}, .body_bytes = mix.answer_bytes},
                  costs_.gateway_relay);
  }
  nodes.note_refused(node, gate, *answer.refused,
                     {.drain_per_s = answer.load.drain_per_s,
                      .queued = answer.load.queued,
                      .retry_after = answer.retry_after,
                      .others_have_room = answer.load.has_room(tier)},
                     now);
  exchange->place.reset();
  gateway::Refusal refusal{.error = base::make_error(*answer.refused, "the node's word"),
                           .retry_after = answer.retry_after};
  ask_node(exchange,
           exchange->lane->router.second(exchange->plan, {tier, exchange->caller.user},
                                         exchange->attempts, node, std::move(refusal), now));
}

void SimGateway::refuse(const ExchangePtr& exchange, const gateway::Refusal& refusal) {
  finish(exchange,
         {.status = base::http_status_of(refusal.error.reason),
          .reason = refusal.error.reason,
          .asks_to_wait = refusal.retry_after > base::Duration::zero()},
         costs_.gateway_refuse);
}

void SimGateway::finish(const ExchangePtr& exchange, const SimReply& reply, base::Duration cpu) {
  exchange->asked = 0;
  exchange->lane->thread.run(cpu, [this, exchange, reply] {
    if (exchange->ended) return;
    end(*exchange);
    exchange->done(reply);
  });
}

void SimGateway::end(Exchange& exchange) {
  exchange.ended = true;
  exchange.place.reset();
  exchange.share.reset();
  exchange.permit.release(events_.now());
  --in_flight_;
  port_.leave_gate();
}

void SimGateway::client_gone(const ExchangePtr& exchange) {
  if (exchange->ended) return;
  if (exchange->asked != 0) agent_.cancel(exchange->asked);
  end(*exchange);
}

void SimGateway::ask_loads(Lane& lane) {
  for (const std::shared_ptr<gateway::Node>& node : lane.router.due_for_load(events_.now())) {
    events_.after(costs_.network, [this, &lane, node] {
      agent_.ask_load([this, &lane, node](const pipeline::NodeLoad& load) {
        events_.after(costs_.network, [this, &lane, node, load] {
          lane.fleet.nodes().report(*node, load, events_.now());
        });
      });
    });
  }
  events_.after(kLoadTick, [this, &lane] { ask_loads(lane); });
}

}  // namespace millrace::bench::sim
