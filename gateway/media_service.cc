// SPDX-License-Identifier: Apache-2.0
#include "gateway/media_service.h"

#include <cstdlib>
#include <utility>

#include "base/crypto.h"
#include "gateway/admission.h"
#include "gateway/answer_head.h"
#include "gateway/retry_after.h"

namespace millrace::gateway {
namespace {

using base::Clock;
using base::Reason;

constexpr std::string_view kAllowedMethods = "GET, HEAD, OPTIONS";
constexpr std::string_view kPreflightAgeS = "86400";

std::uint64_t random_seed() { return std::strtoull(base::random_hex(8).c_str(), nullptr, 16); }

Refusal refusal(base::Error error) { return {.error = std::move(error)}; }

// Counts a request in while its handler runs, however it ends.
class InFlight {
 public:
  explicit InFlight(const base::Gauge& gauge) : gauge_(gauge) { gauge_.add(1); }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  ~InFlight() { gauge_.add(-1); }

 private:
  const base::Gauge& gauge_;
};

}  // namespace

std::optional<std::string_view> bucket_of_host(const std::map<std::string, HostConfig>& hosts,
                                               std::optional<std::string_view> host_header) {
  if (hosts.empty() || !host_header) return std::nullopt;
  std::string host(host_header->substr(0, host_header->find(':')));
  for (char& c : host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const auto found = hosts.find(host);
  if (found == hosts.end()) return std::nullopt;
  return found->second.bucket;
}

MediaService::MediaService(net::asio::io_context& io, net::BlockingPool& disk, Shared& shared,
                           std::size_t threads)
    : shared_(shared),
      ids_(random_seed()),
      buckets_(io, disk, shared.buckets),
      originals_(buckets_, shared),
      variants_(io, shared, threads) {
  if (shared.config.redis.address.empty()) return;
  redis_ =
      std::make_unique<RedisLink>(io, shared.config.redis.options(shared.config.gateways_count),
                                  shared.throttle, shared.metrics->shared_limits);
}

net::Awaitable<void> MediaService::handle(net::HttpExchange& exchange) {
  const InFlight in_flight(shared_.metrics->in_flight);
  RequestRecord record;
  record.request_id = ids_.next();
  record.trace = continue_trace(exchange.request().headers.find("traceparent"), ids_);
  std::optional<Refusal> refused = co_await serve(exchange, record);
  if (refused) co_await answer(exchange, record, *std::move(refused));
  const base::Duration took = Clock::now() - exchange.received_at();
  shared_.metrics->finished(record.kind, record.failure, took, record.body_bytes);
  if (!is_logged(shared_.config.access_log, record, took)) co_return;
  const std::shared_ptr<const CallerPolicy> callers = shared_.callers.load();
  const std::string client =
      callers->client_of(exchange.peer_address(), exchange.request().headers);
  log_request(exchange, record, client, took);
}

net::Awaitable<std::optional<Refusal>> MediaService::serve(net::HttpExchange& exchange,
                                                           RequestRecord& record) {
  const net::HttpRequest& request = exchange.request();
  if (request.method == "OPTIONS") {
    co_await preflight(exchange, record);
    co_return std::nullopt;
  }
  if (request.method != "GET" && request.method != "HEAD") {
    co_return refusal(base::make_error(
        Reason::BadMethod, "This port answers GET and HEAD (and OPTIONS for CORS) only."));
  }
  auto target = pipeline::parse_target(
      request.target, bucket_of_host(shared_.config.hosts, request.headers.find("Host")));
  if (!target) co_return refusal(std::move(target.error()));
  record.kind = target->pipeline ? RequestKind::Variant : RequestKind::Original;
  record.bucket = target->bucket;
  record.key = target->key;
  if (auto bucket = buckets_.find(target->bucket); !bucket) {
    co_return refusal(std::move(bucket.error()));
  }
  std::optional<Refusal> refused;
  if (target->pipeline) {
    refused = co_await serve_variant(exchange, *target, record);
  } else {
    refused = co_await serve_original(exchange, *target, record);
  }
  co_return refused;
}

net::Awaitable<std::optional<Refusal>> MediaService::serve_original(net::HttpExchange& exchange,
                                                                    const pipeline::Target& target,
                                                                    RequestRecord& record) {
  Admitted admitted = co_await admit(shared_, redis_.get(), exchange, Usage{}, record);
  if (admitted.refusal) co_return std::move(admitted.refusal);
  std::optional<base::Error> failed = co_await originals_.serve(exchange, target, record);
  admitted.permit.release(Clock::now());
  if (failed) co_return refusal(*std::move(failed));
  co_return std::nullopt;
}

net::Awaitable<std::optional<Refusal>> MediaService::serve_variant(net::HttpExchange& exchange,
                                                                   const pipeline::Target& target,
                                                                   RequestRecord& record) {
  const auto plan = variants_.plan(exchange, target);
  if (!plan) {
    Refusal refused = refusal(plan.error());
    if (plan.error().reason == Reason::NoNode) refused.retry_after = std::chrono::seconds(1);
    co_return refused;
  }
  record.pipeline = plan->text;
  const auto cpu = std::chrono::duration<double, std::milli>(plan->cpu_ms.value_or(0));
  Usage usage{.commands = plan->command_names(),
              .predicted_cpu = std::chrono::duration_cast<base::Duration>(cpu)};
  Admitted admitted = co_await admit(shared_, redis_.get(), exchange, std::move(usage), record);
  if (admitted.refusal) co_return std::move(admitted.refusal);
  std::optional<Refusal> refused = co_await variants_.serve(exchange, target, *plan, record);
  admitted.permit.release(Clock::now());
  co_return refused;
}

net::Awaitable<void> MediaService::answer(net::HttpExchange& exchange, RequestRecord& record,
                                          Refusal refused) {
  record.failure = refused.error.reason;
  record.detail = refused.error.detail;
  if (refused.error.reason == Reason::ClientGone) {
    exchange.abort();
    co_return;
  }
  auto reply = net::error_answer(refused.error, record.request_id);
  if (refused.foreign_status != 0) {
    reply.first.status = refused.foreign_status;
    reply.second = std::move(refused.foreign_body);
  }
  add_common_fields(reply.first.headers, {.request_id = record.request_id,
                                          .cors_allow_origin = shared_.config.cors_allow_origin,
                                          .rate = record.rate});
  if (refused.retry_after > base::Duration::zero()) {
    reply.first.headers.set("Retry-After", retry_after_text(refused.retry_after, ids_.next_bits()));
  }
  if (refused.error.reason == Reason::BadMethod) reply.first.headers.set("Allow", kAllowedMethods);
  record.status = reply.first.status;
  record.body_bytes = reply.second.size();
  // A client that cannot be told is gone; the request's own failure is the one that counts.
  (void)co_await exchange.respond(std::move(reply.first), reply.second);
}

net::Awaitable<void> MediaService::preflight(net::HttpExchange& exchange, RequestRecord& record) {
  net::HttpHead head;
  head.status = record.status = 204;
  head.headers.add("Allow", kAllowedMethods);
  add_common_fields(head.headers, {.request_id = record.request_id,
                                   .cors_allow_origin = shared_.config.cors_allow_origin});
  if (!shared_.config.cors_allow_origin.empty()) {
    head.headers.add("Access-Control-Allow-Methods", kAllowedMethods);
    head.headers.add("Access-Control-Allow-Headers", "*");
    head.headers.add("Access-Control-Max-Age", kPreflightAgeS);
  }
  const auto written = co_await exchange.respond(std::move(head), {});
  if (!written) record.failure = written.error().reason;
}

std::pair<net::HttpHead, std::string> MediaService::refuse(const base::Error& error) {
  const std::string request_id = ids_.next();
  auto reply = net::error_answer(error, request_id);
  add_common_fields(reply.first.headers, {.request_id = request_id,
                                          .cors_allow_origin = shared_.config.cors_allow_origin});
  shared_.metrics->finished(RequestKind::Other, error.reason, base::Duration::zero(),
                            reply.second.size());
  return reply;
}

}  // namespace millrace::gateway
