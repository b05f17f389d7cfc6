// SPDX-License-Identifier: Apache-2.0
#include "gateway/variant_proxy.h"

#include <chrono>
#include <utility>

#include "base/crypto.h"
#include "base/log.h"
#include "gateway/answer_head.h"
#include "pipeline/task.h"

namespace millrace::gateway {
namespace {

using base::Clock;
using base::fail;
using base::Reason;

constexpr base::Bytes kErrorBodyMax{64 << 10};

// A node's slot in this thread's count of requests on their way to it.
class OnTheWay {
 public:
  explicit OnTheWay(std::shared_ptr<Node> node) : node_(std::move(node)) { ++node_->in_flight; }
  OnTheWay(OnTheWay&&) noexcept = default;
  OnTheWay& operator=(OnTheWay&&) = delete;
  ~OnTheWay() {
    if (node_) --node_->in_flight;
  }
  [[nodiscard]] Node& node() const { return *node_; }

 private:
  std::shared_ptr<Node> node_;
};

std::int64_t unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Refusal refuse(base::Error error, std::string retry_after = {}) {
  return {.error = std::move(error), .retry_after = std::move(retry_after)};
}

}  // namespace

// One request, planned.
struct VariantProxy::Job {
  net::HttpExchange* exchange = nullptr;
  const pipeline::Target* target = nullptr;
  RequestRecord* record = nullptr;
  pipeline::Pipeline pipeline;
  std::string kind;  // of the first command
  std::uint64_t source_hash = 0;
  base::Deadline deadline;
  base::TimePoint sent_at;
  net::CancelSource cancel;
};

// What one node did: an answer to relay (with its first piece), or a refusal.
struct VariantProxy::Attempt {
  std::optional<Refusal> refusal;
  std::optional<OnTheWay> place;
  std::unique_ptr<net::ClientResponse> response;
  std::string_view first;  // valid until the response is read on
};

VariantProxy::VariantProxy(net::asio::io_context& io, Shared& shared)
    : shared_(shared),
      fleet_(*shared.registry, *shared.metrics,
             NodeTableOptions{.cell = shared.config.cell,
                              .load_bound = shared.config.agent_link.load_bound,
                              .ejection = shared.config.agent_link.ejection,
                              .load_report_life = shared.config.agent_link.load_report_life}),
      client_(io,
              net::HttpClient::Options{.limits = shared.config.agent_link.client, .ca_file = {}}),
      budget_(shared.config.agent_link.retry_ratio) {}

base::Result<void> VariantProxy::plan(const pipeline::Target& target, RequestRecord& record,
                                      Job& job) {
  const pipeline::Catalogue& catalogue = fleet_.snapshot().catalogue;
  if (catalogue.specs().empty()) {
    return fail(Reason::NoNode, "No node is known yet that could do this work.",
                "the catalogue is empty");
  }
  auto checked = catalogue.check(*target.pipeline);
  if (!checked) return fail(std::move(checked.error()));
  job.pipeline = *std::move(checked);
  job.kind = catalogue.find(job.pipeline.commands.front().name())->kind;
  record.pipeline = job.pipeline.text();
  job.source_hash = stable_hash(target.key, stable_hash(target.bucket));
  job.deadline = base::Deadline::after(job.exchange->received_at(),
                                       shared_.config.deadlines.of_kind(job.kind));
  return {};
}

net::ClientRequest VariantProxy::task_request(const Job& job, base::TimePoint now) {
  pipeline::Task task;
  task.request_id = job.record->request_id;
  task.traceparent = job.record->trace.text();
  task.bucket = job.target->bucket;
  task.key = job.target->key;
  task.pipeline = job.record->pipeline;
  task.tier = shared_.config.tier;
  task.time_left =
      std::chrono::duration_cast<std::chrono::milliseconds>(job.deadline.remaining(now));
  task.gateway_instance = shared_.instance;
  task.sequence = shared_.sequence.fetch_add(1, std::memory_order_relaxed) + 1;
  task.sent_at_unix_ms = unix_ms();

  net::ClientRequest request;
  request.method = "POST";
  request.target = "/v1/task";
  request.body = pipeline::to_json(task);
  request.headers.add("Content-Type", "application/json");
  request.headers.add(pipeline::kSignatureHeader,
                      base::hex(base::hmac_sha256(shared_.fleet_key, request.body)));
  if (const auto tags = job.exchange->request().headers.find("If-None-Match")) {
    request.headers.add("If-None-Match", *tags);
  }
  return request;
}

Refusal VariantProxy::lost(Node& node, const base::Error& error) {
  const LinkEnd end = link_end_of(error);
  const discovery::NodeRecord& record = *node.record;
  if (end == LinkEnd::Unreachable) {
    shared_.metrics->unreachable.add();
    fleet_.nodes().eject(node, Clock::now());
    shared_.note_connect_failure(record.id, record.incarnation);
  } else if (end == LinkEnd::Broken) {
    shared_.metrics->link_broken.add();
  }
  return refusal_of(end, record.id, error);
}

net::Awaitable<VariantProxy::Attempt> VariantProxy::read_refusal(
    std::unique_ptr<net::ClientResponse> response, std::shared_ptr<Node> node) {
  Attempt attempt;
  const int status = response->status();
  const std::string retry_after(response->headers().find("Retry-After").value_or(""));
  const auto body = co_await response->read_all(kErrorBodyMax);
  if (!body) {
    attempt.refusal = lost(*node, body.error());
  } else {
    attempt.refusal = refusal_from_answer(status, *body, retry_after, node->record->id);
  }
  co_return attempt;
}

net::Awaitable<VariantProxy::Attempt> VariantProxy::ask(Job& job, std::shared_ptr<Node> node) {
  Attempt attempt;
  attempt.place.emplace(node);
  job.sent_at = Clock::now();
  auto sent = co_await client_.send(node->endpoint, task_request(job, job.sent_at), job.deadline,
                                    job.cancel.token());
  if (!sent) {
    attempt.refusal = lost(*node, sent.error());
    co_return attempt;
  }
  std::unique_ptr<net::ClientResponse> response = *std::move(sent);
  if (const auto word = response->headers().find(pipeline::kLoadHeader)) {
    if (const auto load = pipeline::node_load_from_header(*word)) {
      fleet_.nodes().report(*node, *load, Clock::now());
    }
  }
  if (response->status() != 200 && response->status() != 304) {
    Attempt refused = co_await read_refusal(std::move(response), node);
    co_return refused;
  }
  const auto first = co_await response->read_some();
  if (!first) {
    attempt.refusal = lost(*node, first.error());
    co_return attempt;
  }
  attempt.first = *first;
  attempt.response = std::move(response);
  co_return attempt;
}

net::Awaitable<void> VariantProxy::relay(Job& job, Attempt& attempt) {
  net::HttpExchange& exchange = *job.exchange;
  RequestRecord& record = *job.record;
  net::ClientResponse& response = *attempt.response;
  const AnswerContext context{.request_id = record.request_id,
                              .cors_allow_origin = shared_.config.cors_allow_origin,
                              .max_age_s = shared_.config.cache_control.max_age_s_of(record.bucket),
                              .attname = job.target->parameter("attname"),
                              .key = job.target->key,
                              .admit = job.sent_at - exchange.received_at()};
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
        const Refusal broken = lost(attempt.place->node(), piece.error());
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

net::Awaitable<std::optional<Refusal>> VariantProxy::serve(net::HttpExchange& exchange,
                                                           const pipeline::Target& target,
                                                           RequestRecord& record) {
  Job job;
  job.exchange = &exchange;
  job.target = &target;
  job.record = &record;
  fleet_.refresh();
  auto planned = plan(target, record, job);
  if (!planned) {
    const bool no_node = planned.error().reason == Reason::NoNode;
    co_return refuse(std::move(planned.error()), no_node ? "1" : "");
  }
  budget_.admitted(Clock::now());
  exchange.on_client_gone([source = job.cancel]() mutable { source.cancel(); });

  std::shared_ptr<Node> tried;
  std::optional<Refusal> last;
  while (true) {
    std::shared_ptr<Node> node =
        fleet_.nodes().choose(job.pipeline, job.kind, job.source_hash, tried.get(), Clock::now());
    if (!node) break;
    if (tried) {
      if (!budget_.try_spend(Clock::now())) {
        shared_.metrics->retries_denied.add();
        break;
      }
      shared_.metrics->retries.add();
    }
    ++record.attempts;
    Attempt attempt = co_await ask(job, node);
    if (!attempt.refusal) {
      co_await relay(job, attempt);
      co_return std::nullopt;
    }
    last = std::move(attempt.refusal);
    if (!worth_second_node(*last, record.attempts, job.deadline, Clock::now())) break;
    tried = std::move(node);
    fleet_.refresh();
  }
  if (last) co_return std::move(last);
  co_return refuse(
      base::make_error(Reason::NoNode, "No node serves this work at the moment; try again soon."),
      "1");
}

}  // namespace millrace::gateway
