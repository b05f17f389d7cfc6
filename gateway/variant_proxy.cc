// SPDX-License-Identifier: Apache-2.0
#include "gateway/variant_proxy.h"

#include <string>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "gateway/accepted_formats.h"
#include "pipeline/task.h"
#include "storage/conditional.h"

namespace millrace::gateway {
namespace {

using base::Clock;

bool wants_cost(const net::HttpRequest& request) {
  return request.headers.find("X-Millrace-Cost") == "1";
}

// With ignore-error/1 the agent answers a failure with the original itself.
bool stands_for_original(const net::ClientResponse& response) {
  return response.headers().find("X-Millrace-Ignored-Error").has_value();
}

Refusal refuse_original() {
  return {.error = base::make_error(base::Reason::OriginalProtected,
                                    "The style could not be made, and this bucket does not give "
                                    "out the original in its place.")};
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
      router_(fleet_.nodes(), *shared.metrics, shared.config.agent_link),
      hot_(shared.config.agent_link.hot_answers_max) {}

base::Result<VariantPlan> VariantProxy::plan(const pipeline::Target& target,
                                             const BucketDelivery& bucket,
                                             const PictureRules& pictures,
                                             const net::HttpExchange& exchange) {
  fleet_.refresh();
  const net::HttpRequest& request = exchange.request();
  const auto place = [&]() -> pipeline::RequestPlace {
    const std::shared_ptr<const CallerPolicy> callers = shared_.callers.load();
    return {.scheme = callers->scheme_of(exchange.peer_address(), request.headers),
            .host = request.headers.find("Host").value_or(""),
            .target = request.target};
  };
  const FormatWish wish{.accepted = accepted_formats(request.headers),
                        .auto_by_default = bucket.auto_format,
                        .published = &fleet_.formats()};
  auto plan = plan_variant(fleet_.snapshot().catalogue, target, place, exchange.received_at(),
                           shared_.config.deadlines, wish, &pictures);
  if (!plan) return plan;
  plan->cpu_ms = router_.expect(plan->text);
  plan->is_private = bucket.is_private;
  plan->protects_original = bucket.protect_originals;
  return plan;
}

AnswerContext VariantProxy::context_of(const VariantJob& job) const {
  const net::HttpExchange& exchange = *job.exchange;
  const RequestRecord& record = *job.record;
  return {.common = {.request_id = record.request_id,
                     .cors_allow_origin = shared_.config.cors_allow_origin,
                     .rate = record.rate},
          .max_age_s = shared_.config.cache_control.max_age_s_of(record.bucket),
          .attname = job.target->parameter("attname"),
          .key = job.target->key,
          .admit = job.sent_at - exchange.received_at(),
          .cost_wanted = wants_cost(exchange.request()),
          .is_private = job.plan->is_private,
          .is_fallback = job.plan->is_fallback,
          .varies_by_accept = job.plan->varies_by_accept};
}

// `hot` is held while its body is on the way: another request may push it out.
net::Awaitable<void> VariantProxy::answer_hot(const VariantJob& job,
                                              std::shared_ptr<const HotAnswer> hot) {
  RequestRecord& record = *job.record;
  const auto tags = job.exchange->request().headers.find("If-None-Match");
  const bool same =
      tags && storage::entity_tag_list_has(*tags, hot->headers.find("ETag").value_or(""));
  net::HttpHead head = variant_head(same ? 304 : 200, hot->headers, context_of(job));
  record.status = head.status;
  record.node = hot->node;
  const std::string_view body = same ? std::string_view() : std::string_view(hot->body);
  record.body_bytes = body.size();
  shared_.metrics->hot_answers.add();
  const auto written = co_await job.exchange->respond(std::move(head), body);
  if (!written) {
    record.failure = written.error().reason;
    record.detail = written.error().detail;
  }
}

void VariantProxy::keep_if_hot(const VariantJob& job, const Attempt& attempt, std::string name) {
  const net::ClientResponse& response = *attempt.response;
  const auto told = response.headers().find(pipeline::kFreshHeader);
  const bool is_whole = !attempt.passed && response.body_complete();
  if (!told || response.status() != 200 || !is_whole) return;
  const base::Duration fresh_for = fresh_for_from_header(*told);
  if (fresh_for == base::Duration::zero()) return;
  HotAnswer answer{response.headers(), std::string(attempt.first),
                   attempt.place->node().record->id};
  // From when it was asked for: the node's own time began later.
  hot_.keep(std::move(name), std::move(answer), job.sent_at + fresh_for);
}

net::Awaitable<void> VariantProxy::relay(VariantJob& job, Attempt& attempt) {
  net::HttpExchange& exchange = *job.exchange;
  RequestRecord& record = *job.record;
  net::ClientResponse& response = *attempt.response;
  net::HttpHead head = variant_head(response.status(), response.headers(), context_of(job));
  record.status = head.status;
  record.node = attempt.place->node().record->id;

  base::Result<void> written;
  record.body_bytes = attempt.first.size();
  if (attempt.passed) {
    const net::FileBody body{attempt.passed->fd.get(), attempt.passed->size_bytes};
    written = co_await exchange.respond_file(std::move(head), body, record.body_bytes);
  } else if (response.body_complete()) {
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
  for (std::shared_ptr<Node>& node : router_.due_for_load(Clock::now())) {
    net::asio::co_spawn(io_, link_.ask_load(std::move(node)), net::asio::detached);
  }
}

void VariantProxy::learn(const VariantJob& job, const Attempt& attempt) {
  std::optional<pipeline::TaskCost> cost;
  if (const auto text = attempt.response->headers().find(pipeline::kCostHeader)) {
    if (const auto known = pipeline::task_cost_from_header(*text)) cost = *known;
  }
  router_.answered(*job.plan, attempt.place->node(), cost);
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
  std::string name = variant_name(target.bucket, target.key, plan.text);
  job.sent_at = Clock::now();
  if (auto hot = hot_.find(name, job.sent_at)) {
    co_await answer_hot(job, std::move(hot));
    co_return std::nullopt;
  }
  job.cpu_ms = router_.admitted(plan, Clock::now());
  exchange.on_client_gone([source = job.cancel]() mutable { source.cancel(); });

  fleet_.refresh();
  const Asker asker{record.tier, record.user};
  VariantRouter::Route route = router_.first(plan, asker, Clock::now());
  const UserShare::Place place = router_.on_the_way(asker);
  while (route.node) {
    const std::shared_ptr<Node> node = std::move(route.node);
    ++record.attempts;
    Attempt attempt = co_await link_.ask(job, node);
    if (!attempt.refusal) {
      learn(job, attempt);
      if (plan.protects_original && stands_for_original(*attempt.response)) {
        co_return refuse_original();
      }
      keep_if_hot(job, attempt, std::move(name));
      co_await relay(job, attempt);
      co_return std::nullopt;
    }
    fleet_.refresh();
    route = router_.second(plan, asker, record.attempts, *node, *std::move(attempt.refusal),
                           Clock::now());
  }
  co_return std::move(route.instead);
}

}  // namespace millrace::gateway
