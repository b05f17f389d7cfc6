// SPDX-License-Identifier: Apache-2.0
#include "gateway/media_service.h"

#include <cstdlib>
#include <utility>

#include "base/crypto.h"
#include "gateway/answer_head.h"
#include "gateway/host_bucket.h"
#include "gateway/retry_after.h"

namespace millrace::gateway {
namespace {

using base::Clock;
using base::Reason;

constexpr std::string_view kAllowedMethods = "GET, HEAD, OPTIONS";
constexpr std::string_view kPreflightAgeS = "86400";

std::uint64_t random_seed() { return std::strtoull(base::random_hex(8).c_str(), nullptr, 16); }

Refusal refusal(base::Error error) { return {.error = std::move(error)}; }

// Where the fallback could not be given either, the client is told of what it asked for, and the
// log of both.
std::optional<base::Error> fallback_failure(base::Error missing, std::optional<base::Error> again) {
  if (!again) return std::nullopt;
  missing.detail +=
      (missing.detail.empty() ? "" : "; ") + std::string("the fallback: ") + again->public_message;
  return missing;
}

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

// Whoever asks for the next thing once it has the last has its place back by then.
class GivenBackInTime {
 public:
  GivenBackInTime(net::HttpExchange& exchange, ratelimit::Permit& permit) : exchange_(exchange) {
    exchange_.before_last_bytes([&permit] { permit.release(Clock::now()); });
  }
  GivenBackInTime(const GivenBackInTime&) = delete;
  GivenBackInTime& operator=(const GivenBackInTime&) = delete;
  ~GivenBackInTime() { exchange_.before_last_bytes({}); }

 private:
  net::HttpExchange& exchange_;
};

}  // namespace

MediaService::MediaService(net::asio::io_context& io, net::BlockingPool& disk, Shared& shared,
                           std::size_t threads)
    : shared_(shared),
      ids_(random_seed()),
      buckets_(io, disk, shared.buckets),
      originals_(buckets_, shared),
      missing_page_(buckets_, shared),
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
  const std::shared_ptr<const DeliveryTable> table = shared_.delivery->table();
  Wanted wanted{.target = *std::move(target), .table = *table, .bucket = table->at(record.bucket)};
  std::optional<Refusal> refused = co_await serve_wanted(exchange, wanted, record);
  co_return refused;
}

net::Awaitable<std::optional<Refusal>> MediaService::serve_wanted(net::HttpExchange& exchange,
                                                                  Wanted& wanted,
                                                                  RequestRecord& record) {
  auto asking = who_asks(shared_, exchange);
  if (!asking) co_return refusal(std::move(asking.error()));
  if (auto reader = check_reader(wanted.bucket, asking->caller.user); !reader) {
    co_return refusal(std::move(reader.error()));
  }
  auto style = resolve_style(wanted.bucket, wanted.target);
  if (!style) co_return refusal(std::move(style.error()));
  wanted.style = *std::move(style);
  wanted.user = asking->caller.user;
  record.key = wanted.target.key;
  std::optional<Refusal> refused;
  if (wanted.target.pipeline) {
    record.kind = RequestKind::Variant;
    refused = co_await serve_variant(exchange, wanted, *asking, record);
  } else {
    refused = co_await serve_original(exchange, wanted, *asking, record);
  }
  co_return refused;
}

net::Awaitable<std::optional<Refusal>> MediaService::serve_original(net::HttpExchange& exchange,
                                                                    const Wanted& wanted,
                                                                    const Asking& asking,
                                                                    RequestRecord& record) {
  Admitted admitted = co_await admit(shared_, redis_.get(), asking, Usage{}, record);
  if (admitted.refusal) co_return std::move(admitted.refusal);
  OriginalServing serving{.is_private = wanted.bucket.is_private};
  const GivenBackInTime place(exchange, admitted.permit);
  std::optional<base::Error> failed =
      co_await originals_.serve(exchange, wanted.target, serving, record);
  if (failed && failed->reason == Reason::NoKey && has_fallback(wanted)) {
    pipeline::Target instead = wanted.target;
    instead.key = wanted.bucket.fallback;
    serving.is_fallback = true;
    std::optional<base::Error> again =
        co_await originals_.serve(exchange, instead, serving, record);
    if (!again) shared_.metrics->fallbacks.add();
    failed = fallback_failure(*std::move(failed), std::move(again));
  }
  admitted.permit.release(Clock::now());
  if (failed) co_return refusal(*std::move(failed));
  co_return std::nullopt;
}

// Nothing stands in for itself.
bool MediaService::has_fallback(const Wanted& wanted) {
  return !wanted.bucket.fallback.empty() && wanted.bucket.fallback != wanted.target.key;
}

base::Result<VariantPlan> MediaService::plan(const net::HttpExchange& exchange,
                                             const Wanted& wanted, const pipeline::Target& target) {
  const PictureRules pictures(
      shared_.config.hosts, shared_.buckets, wanted.table,
      {.bucket = target.bucket, .user = wanted.user, .by_style = !wanted.style.empty()});
  auto plan = variants_.plan(target, wanted.bucket, pictures, exchange);
  const bool unusable = !plan && (plan.error().reason == Reason::UnknownCommand ||
                                  plan.error().reason == Reason::BadParameter);
  if (unusable && !wanted.style.empty()) {
    plan.error().public_message =
        "The style \"" + wanted.style + "\" cannot be made: " + plan.error().public_message;
  }
  return plan;
}

net::Awaitable<std::optional<Refusal>> MediaService::serve_variant(net::HttpExchange& exchange,
                                                                   const Wanted& wanted,
                                                                   const Asking& asking,
                                                                   RequestRecord& record) {
  const auto plan = this->plan(exchange, wanted, wanted.target);
  if (!plan) {
    Refusal refused = refusal(plan.error());
    if (plan.error().reason == Reason::NoNode) refused.retry_after = std::chrono::seconds(1);
    co_return refused;
  }
  record.pipeline = plan->text;
  const auto cpu = std::chrono::duration<double, std::milli>(plan->cpu_ms.value_or(0));
  Usage usage{.commands = plan->command_names(),
              .predicted_cpu = std::chrono::duration_cast<base::Duration>(cpu)};
  Admitted admitted = co_await admit(shared_, redis_.get(), asking, std::move(usage), record);
  if (admitted.refusal) co_return std::move(admitted.refusal);
  const GivenBackInTime place(exchange, admitted.permit);
  std::optional<Refusal> refused = co_await variants_.serve(exchange, wanted.target, *plan, record);
  if (refused && refused->error.reason == Reason::NoKey && plan->gives_picture &&
      has_fallback(wanted)) {
    refused = co_await serve_fallback(exchange, wanted, *std::move(refused), record);
  }
  admitted.permit.release(Clock::now());
  co_return refused;
}

net::Awaitable<std::optional<Refusal>> MediaService::serve_fallback(net::HttpExchange& exchange,
                                                                    const Wanted& wanted,
                                                                    Refusal missing,
                                                                    RequestRecord& record) {
  pipeline::Target instead = wanted.target;
  instead.key = wanted.bucket.fallback;
  auto plan = this->plan(exchange, wanted, instead);
  if (!plan) co_return missing;
  plan->is_fallback = true;
  std::optional<Refusal> refused = co_await variants_.serve(exchange, instead, *plan, record);
  if (!refused) {
    shared_.metrics->fallbacks.add();
    co_return std::nullopt;
  }
  auto failed = fallback_failure(std::move(missing.error), std::move(refused->error));
  missing.error = *std::move(failed);
  co_return missing;
}

net::Awaitable<void> MediaService::answer(net::HttpExchange& exchange, RequestRecord& record,
                                          Refusal refused) {
  record.failure = refused.error.reason;
  record.detail = refused.error.detail;
  if (refused.error.reason == Reason::ClientGone) {
    exchange.abort();
    co_return;
  }
  if (refused.error.reason == Reason::NoKey) {
    const bool served = co_await missing_page_.serve(exchange, record);
    if (served) co_return;
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
