// SPDX-License-Identifier: Apache-2.0
#include "gateway/variant_proxy.h"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "gateway/answer_head.h"
#include "pipeline/task.h"

namespace millrace::gateway {
namespace {

using base::Clock;
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

bool wants_cost(const net::HttpRequest& request) {
  return request.headers.find("X-Millrace-Cost") == "1";
}

}  // namespace

VariantProxy::VariantProxy(net::asio::io_context& io, Shared& shared, std::size_t threads)
    : io_(io),
      shared_(shared),
      fleet_(*shared.registry, *shared.metrics,
             NodeTableOptions{.cell = shared.config.cell,
                              .load_bound = shared.config.agent_link.load_bound,
                              .ejection = shared.config.agent_link.ejection,
                              .load_report_life = shared.config.agent_link.load_report_life,
                              .threads = threads}),
      link_(io, shared, fleet_.nodes()),
      watch_({.unheard = shared.config.agent_link.load_poll}),
      budget_(shared.config.agent_link.retry_ratio) {}

base::Result<VariantPlan> VariantProxy::plan(const pipeline::Target& target,
                                             base::TimePoint received_at) {
  fleet_.refresh();
  auto plan =
      plan_variant(fleet_.snapshot().catalogue, target, received_at, shared_.config.deadlines);
  if (plan) plan->cpu_ms = costs_.expect(plan->text);
  return plan;
}

net::Awaitable<void> VariantProxy::relay(VariantJob& job, Attempt& attempt) {
  net::HttpExchange& exchange = *job.exchange;
  RequestRecord& record = *job.record;
  net::ClientResponse& response = *attempt.response;
  const AnswerContext context{.common = {.request_id = record.request_id,
                                         .cors_allow_origin = shared_.config.cors_allow_origin,
                                         .rate = record.rate},
                              .max_age_s = shared_.config.cache_control.max_age_s_of(record.bucket),
                              .attname = job.target->parameter("attname"),
                              .key = job.target->key,
                              .admit = job.sent_at - exchange.received_at(),
                              .cost_wanted = wants_cost(exchange.request())};
  net::HttpHead head = variant_head(response.status(), response.headers(), context);
  record.status = head.status;
  record.node = attempt.place->node().record->id;

  base::Result<void> written;
  record.body_bytes = attempt.first.size();
  if (response.body_complete()) {
    written = co_await exchange.respond(std::move(head), attempt.first);
  } else {
    written = co_await exchange.start(std::move(head), response.content_length(), attempt.first);
    // To HEAD the rest is not worth carrying: the node's connection is closed instead.
    while (written && !exchange.request().is_head()) {
      const auto piece = co_await response.read_some();
      if (!piece) {
        // The length is promised already: only a cut connection tells the client.
        const Refusal broken = link_.lost(attempt.place->node(), piece.error());
        record.failure = broken.error.reason;
        record.detail = broken.error.detail;
        exchange.abort();
        co_return;
      }
      if (piece->empty()) break;
      written = co_await exchange.write(*piece);
      if (written) record.body_bytes += piece->size();
    }
    if (written) written = co_await exchange.finish();
  }
  if (!written) {
    record.failure = written.error().reason;
    record.detail = written.error().detail;
  }
}

void VariantProxy::ask_loads() {
  fleet_.refresh();
  for (std::shared_ptr<Node>& node : watch_.due(fleet_.nodes().nodes(), Clock::now())) {
    net::asio::co_spawn(io_, link_.ask_load(std::move(node)), net::asio::detached);
  }
}

// What a complete answer teaches: where this variant is now, and what such work costs.
void VariantProxy::learn(const VariantJob& job, const Attempt& attempt) {
  recent_.remember(job.plan->variant_hash, attempt.place->node().hash);
  const auto cost = attempt.response->headers().find(pipeline::kCostHeader);
  if (!cost) return;
  if (const auto known = pipeline::task_cost_from_header(*cost)) {
    costs_.learn(job.plan->text, known->actual_cpu_ms);
  }
}

// The node to ask next; null with the reason to give instead.
std::shared_ptr<Node> VariantProxy::next_node(const VariantJob& job, const Node* tried,
                                              std::optional<Refusal>& instead) {
  const Placement work{.pipeline = job.plan->pipeline,
                       .kind = job.plan->kind,
                       .source_hash = job.plan->source_hash,
                       .tier = job.record->tier,
                       .not_this = tried,
                       .probably_cached_at = recent_.node_of(job.plan->variant_hash)};
  Choice choice = fleet_.nodes().choose(work, Clock::now());
  if (choice.kind == ChoiceKind::Probe) shared_.metrics->probes.add();
  if (choice.node || instead) return std::move(choice.node);
  if (choice.kind == ChoiceKind::AllFull) {
    shared_.metrics->refused_here.add();
    instead = all_full(choice.retry_after);
  } else {
    instead = no_node();
  }
  return nullptr;
}

bool VariantProxy::may_retry(const VariantJob& job, const Refusal& refusal) {
  const base::TimePoint now = Clock::now();
  if (refusal.error.reason == Reason::QueueFull) recent_.forget(job.plan->variant_hash);
  return worth_second_node(refusal, job.record->attempts, job.plan->deadline, now);
}

bool VariantProxy::take_retry() {
  const bool allowed = budget_.try_spend(Clock::now());
  (allowed ? shared_.metrics->retries : shared_.metrics->retries_denied).add();
  return allowed;
}

net::Awaitable<std::optional<Refusal>> VariantProxy::serve(net::HttpExchange& exchange,
                                                           const pipeline::Target& target,
                                                           const VariantPlan& plan,
                                                           RequestRecord& record) {
  VariantJob job;
  job.exchange = &exchange;
  job.target = &target;
  job.plan = &plan;
  job.record = &record;
  job.cpu_ms = plan.cpu_ms.value_or(costs_.mean_ms());
  budget_.admitted(Clock::now());
  watch_.routed(Clock::now());
  exchange.on_client_gone([source = job.cancel]() mutable { source.cancel(); });

  std::shared_ptr<Node> tried;
  std::optional<Refusal> refusal;
  while (true) {
    fleet_.refresh();
    std::shared_ptr<Node> node = next_node(job, tried.get(), refusal);
    if (!node || (tried && !take_retry())) break;
    ++record.attempts;
    Attempt attempt = co_await link_.ask(job, node);
    if (!attempt.refusal) {
      learn(job, attempt);
      co_await relay(job, attempt);
      co_return std::nullopt;
    }
    refusal = std::move(attempt.refusal);
    if (!may_retry(job, *refusal)) break;
    tried = std::move(node);
  }
  co_return refusal;
}

}  // namespace millrace::gateway
