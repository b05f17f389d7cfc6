// SPDX-License-Identifier: Apache-2.0
//
// The path of a cached result is the hot one: one HMAC, one JSON parse, one SHA-256, two look-ups,
// one write from memory, or of a descriptor; no timer is set, nothing is logged.
#include "agent/task_server.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <utility>

#include "agent/cache_store.h"
#include "base/crypto.h"
#include "base/log.h"
#include "ipc/road.h"
#include "net/cancel.h"

namespace millrace::agent {
namespace {

constexpr std::size_t kOneWriteBytesMax = 256U << 10;
// What a gateway is handed, and its client takes slowly, is no longer pinned here: larger files are
// written, so that a gateway holds few bytes beyond this node's budget.
constexpr std::uint64_t kPassedBytesMax = 1U << 20;
constexpr std::string_view kNoStages = "fetch;dur=0, probe;dur=0, queue;dur=0, work;dur=0";

std::string server_timing(const StageTimes& times) {
  const auto ms = [](base::Duration span) {
    return std::chrono::duration<double, std::milli>(span).count();
  };
  std::array<char, 128> text{};
  const int size = std::snprintf(text.data(), text.size(),
                                 "fetch;dur=%.2f, probe;dur=%.2f, queue;dur=%.2f, work;dur=%.2f",
                                 ms(times.fetch), ms(times.probe), ms(times.queue), ms(times.work));
  std::string timing(text.data(), static_cast<std::size_t>(size));
  if (times.road) timing.append(";desc=").append(ipc::word_of(*times.road));
  return timing;
}

std::string_view word_of(VariantOrigin from) {
  switch (from) {
    case VariantOrigin::Cache:
      return "hit";
    case VariantOrigin::Worker:
      return "miss";
    case VariantOrigin::Flight:
      return "joined";
  }
  return "miss";
}

// A gateway on this machine that asks for it gets a file as what it is. Below the size of files of
// the cache that are results, a copy through the socket costs less than what a descriptor costs.
bool is_passed(const net::HttpExchange& exchange, const CachedFile& file) {
  return file.is_file() && file.size_bytes() > CacheWriter::kHeldBytesMax &&
         file.size_bytes() <= kPassedBytesMax && exchange.carries_descriptors() &&
         exchange.request().headers.find(pipeline::kTakesHeader) == pipeline::kTakesDescriptor;
}

std::int64_t unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

TaskServer::TaskServer(Options options, Sources sources, std::shared_ptr<VariantService> variants,
                       const AgentMetrics& metrics)
    : options_(std::move(options)),
      sources_(std::move(sources)),
      variants_(std::move(variants)),
      metrics_(metrics),
      replay_(options_.clock_skew) {}

net::Awaitable<void> TaskServer::handle(std::shared_ptr<TaskServer> server,
                                        net::HttpExchange& exchange) {
  const net::HttpRequest& request = exchange.request();
  if (request.target == "/v1/task") {
    if (request.method == "POST") {
      co_await server->task(exchange);
      co_return;
    }
    co_await server->refuse(
        exchange, base::make_error(base::Reason::BadMethod, "Tasks are sent with POST."), {});
    co_return;
  }
  if (request.target == "/v1/load" && (request.method == "GET" || request.is_head())) {
    net::HttpHead head;
    head.headers.set("Content-Type", "text/plain");
    head.headers.set("Cache-Control", "no-store");
    server->add_node_fields(head.headers, exchange.received_at());
    const std::string body = server->load_text_ + "\n";
    (void)co_await exchange.respond(std::move(head), body);
    co_return;
  }
  co_await server->refuse(
      exchange,
      base::make_error(base::Reason::BadTarget, "An agent answers POST /v1/task and GET /v1/load."),
      {});
}

net::Awaitable<void> TaskServer::task(net::HttpExchange& exchange) {
  auto task = accept(exchange.request());
  if (!task) {
    co_await refuse(exchange, task.error(), {});
    co_return;
  }
  Asker asker{task->request_id, task->tier};
  if (draining_) {
    co_await refuse(
        exchange, base::make_error(base::Reason::Draining, "This node is being taken out."), asker);
    co_return;
  }
  const base::TimePoint received = exchange.received_at();
  VariantRequest request = request_of(*task, exchange.request(), received);
  asker.tier = request.tier;
  if (auto ready = variants_->at_once(request, received)) {
    co_await answer(exchange, *ready, asker);
    co_return;
  }
  auto outcome = co_await wait_for(exchange, std::move(request));
  if (outcome) {
    co_await answer(exchange, *outcome, asker);
  } else {
    co_await refuse(exchange, outcome.error(), asker);
  }
}

// A task of this fleet, signed over exactly these bytes, and not seen before.
base::Result<pipeline::Task> TaskServer::accept(const net::HttpRequest& request) {
  const auto signature = request.headers.find(pipeline::kSignatureHeader);
  if (!signature) {
    return base::fail(base::Reason::TokenMissing, "The task is not signed.");
  }
  const std::string expected = base::hex(base::hmac_sha256(options_.fleet_key, request.body));
  if (!base::equal_constant_time(*signature, expected)) {
    return base::fail(base::Reason::TokenInvalid, "The task's signature is not this fleet's.");
  }
  auto task = pipeline::task_from_json(request.body);
  if (task && !replay_.accept(*task, unix_ms())) {
    return base::fail(base::Reason::TokenInvalid,
                      "The task was sent before, or the clocks of gateway and node differ.");
  }
  return task;
}

VariantRequest TaskServer::request_of(pipeline::Task& task, const net::HttpRequest& http,
                                      base::TimePoint received) {
  VariantRequest request;
  request.bucket = std::move(task.bucket);
  request.key = std::move(task.key);
  request.pipeline = std::move(task.pipeline);
  request.user = std::move(task.user);
  // A gateway may know of a tier before this node does: better served late than not at all.
  if (!options_.tiers.contains(task.tier)) {
    if (!warned_of_tier_) base::log_warn("tier_unknown", {{"tier", task.tier}});
    warned_of_tier_ = true;
    task.tier = options_.lightest_tier;
  }
  request.tier = std::move(task.tier);
  request.if_none_match = http.headers.find("If-None-Match").value_or("");
  request.time_allowed = std::min(task.time_left, options_.deadline_max);
  request.deadline = base::Deadline::after(received, request.time_allowed);
  return request;
}

net::Awaitable<base::Result<VariantOutcome>> TaskServer::wait_for(net::HttpExchange& exchange,
                                                                  VariantRequest request) {
  if (waiting_ >= options_.waiting_max) {
    co_return base::fail(base::Reason::QueueFull, "Too many requests wait on this node.");
  }
  ++waiting_;
  const std::shared_ptr<void> place(nullptr, [this](void*) { --waiting_; });
  net::CancelSource gone;
  exchange.on_client_gone([&gone] { gone.cancel(); });
  auto outcome = co_await VariantService::make(variants_, std::move(request), gone.token());
  exchange.on_client_gone({});
  co_return outcome;
}

net::Awaitable<void> TaskServer::answer(net::HttpExchange& exchange, const VariantOutcome& outcome,
                                        const Asker& asker) {
  net::HttpHead head;
  add_node_fields(head.headers, exchange.received_at());
  if (const auto* same = std::get_if<VariantNotModified>(&outcome)) {
    head.status = 304;
    head.headers.add("ETag", same->etag);
    (void)co_await exchange.respond(std::move(head), {});
    co_return;
  }
  if (const auto* variant = std::get_if<VariantAnswer>(&outcome)) {
    CachedFile& file = variant->file.file();
    for (const net::Header& field : file.facts()->headers) {
      head.headers.add(field.name, field.value);
    }
    head.headers.add("X-Millrace-Cache", word_of(variant->from));
    if (variant->from == VariantOrigin::Cache) {
      head.headers.add("Server-Timing", kNoStages);
    } else {
      head.headers.add("Server-Timing", server_timing(variant->times));
    }
    if (variant->fresh_for.count() > 0) {
      head.headers.add(pipeline::kFreshHeader, std::to_string(variant->fresh_for.count()));
    }
    if (variant->cost) head.headers.add(pipeline::kCostHeader, pipeline::to_header(*variant->cost));
    co_await send_file(exchange, std::move(head), file, asker);
    co_return;
  }
  const auto& original = std::get<OriginalInstead>(outcome);
  head.headers.add("Content-Type", original.source.version->media_type);
  if (!original.source.version->validator.empty()) {
    head.headers.add("ETag", original.source.version->validator);
  }
  head.headers.add("X-Millrace-Ignored-Error", base::word_of(original.ignored));
  head.headers.add("X-Millrace-Cache", "miss");
  head.headers.add("Server-Timing", server_timing(original.times));
  co_await send_file(exchange, std::move(head), original.source.bytes.file(), asker);
}

net::Awaitable<void> TaskServer::send_file(net::HttpExchange& exchange, net::HttpHead head,
                                           CachedFile& file, const Asker& asker) {
  if (is_passed(exchange, file)) {
    const auto descriptor = file.descriptor();
    if (!descriptor) {
      co_await refuse(exchange, descriptor.error(), asker);
      co_return;
    }
    metrics_.result_bytes.add(static_cast<double>(file.size_bytes()));
    head.headers.add(pipeline::kDescriptorHeader, std::to_string(file.size_bytes()));
    (void)co_await exchange.respond_beside(std::move(head), *descriptor);
    co_return;
  }
  const auto bytes = file.bytes();
  if (!bytes) {
    co_await refuse(exchange, bytes.error(), asker);
    co_return;
  }
  metrics_.result_bytes.add(static_cast<double>(bytes->size()));
  if (bytes->size() <= kOneWriteBytesMax) {
    (void)co_await exchange.respond(std::move(head), *bytes);
    co_return;
  }
  std::string_view rest = *bytes;
  const auto take = [&rest] {
    const std::string_view piece = rest.substr(0, kOneWriteBytesMax);
    rest.remove_prefix(piece.size());
    return piece;
  };
  const std::string_view first = take();
  auto sent = co_await exchange.start(std::move(head), bytes->size(), first);
  while (sent && !rest.empty()) {
    const std::string_view piece = take();
    sent = co_await exchange.write(piece);
  }
  if (sent) (void)co_await exchange.finish();
}

net::Awaitable<void> TaskServer::refuse(net::HttpExchange& exchange, const base::Error& error,
                                        const Asker& asker) {
  metrics_.refused(error.reason);
  const int status = base::http_status_of(error.reason);
  if (status >= 500 && status != 503) {
    base::log_warn("task_failed", {{"request_id", asker.request_id},
                                   {"reason", base::word_of(error.reason)},
                                   {"message", error.public_message},
                                   {"detail", error.detail}});
  }
  auto [head, body] = net::error_answer(error, asker.request_id);
  add_node_fields(head.headers, exchange.received_at());
  if (status == 503 || status == 504) {
    head.headers.set("Retry-After", std::to_string(sources_.retry_after_s(asker.tier)));
  }
  (void)co_await exchange.respond(std::move(head), body);
}

// The load changes with work, not with each cached answer: its text is made at most every
// kLoadLife.
void TaskServer::add_node_fields(net::Headers& headers, base::TimePoint now) {
  if (load_text_.empty() || now - load_made_ >= kLoadLife || now < load_made_) {
    load_text_ = pipeline::to_header(sources_.load());
    load_made_ = now;
  }
  headers.add(pipeline::kLoadHeader, load_text_);
  headers.add(pipeline::kNodeHeader, options_.node_id);
}

}  // namespace millrace::agent
