// SPDX-License-Identifier: Apache-2.0
#include "gateway/original_server.h"

#include <chrono>
#include <string>
#include <utility>

#include "gateway/answer_head.h"
#include "gateway/entry_stream.h"
#include "net/cancel.h"
#include "storage/conditional.h"
#include "storage/original.h"

namespace millrace::gateway {
namespace {

using base::Reason;
using base::Result;

std::int64_t now_unix_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// What HEAD wants to know, without opening the body.
net::Awaitable<Result<storage::Original>> look_at(storage::Bucket& bucket, std::string key,
                                                  storage::ConditionalFields fields,
                                                  base::Deadline deadline) {
  Result<storage::EntryFacts> facts = co_await bucket.stat(std::move(key), deadline);
  if (!facts) co_return base::fail(std::move(facts.error()));
  storage::Original original;
  original.decision = storage::decide_serving(fields, *facts, now_unix_s());
  original.facts = *std::move(facts);
  co_return original;
}

// 416 with the error body that all errors have, and the size of the entry in Content-Range.
net::Awaitable<void> refuse_range(net::HttpExchange& exchange, net::HttpHead head,
                                  RequestRecord& record) {
  record.failure = Reason::BadRange;
  auto answer = net::error_answer(
      base::make_error(Reason::BadRange, "The range lies beyond the end of the original."),
      record.request_id);
  for (const net::Header& field : head.headers) answer.first.headers.set(field.name, field.value);
  record.status = answer.first.status;
  record.body_bytes = answer.second.size();
  // A client that cannot be told is gone.
  (void)co_await exchange.respond(std::move(answer.first), answer.second);
}

}  // namespace

net::Awaitable<std::optional<base::Error>> OriginalServer::serve(net::HttpExchange& exchange,
                                                                 const pipeline::Target& target,
                                                                 const OriginalServing& serving,
                                                                 RequestRecord& record) {
  auto bucket = buckets_.find(target.bucket);
  if (!bucket) co_return std::move(bucket.error());
  const net::HttpRequest& request = exchange.request();
  net::CancelSource cancel;
  exchange.on_client_gone([cancel]() mutable { cancel.cancel(); });
  const auto deadline =
      base::Deadline::after(exchange.received_at(), shared_.config.deadlines.original);
  auto fields = storage::conditional_fields(request.method, request.headers);
  Result<storage::Original> opened;
  if (request.is_head()) {
    opened = co_await look_at(**bucket, target.key, std::move(fields), deadline);
  } else {
    opened = co_await storage::open_original(**bucket, target.key, std::move(fields), deadline,
                                             cancel.token());
  }
  if (!opened) co_return std::move(opened.error());

  const AnswerContext context{.common = {.request_id = record.request_id,
                                         .cors_allow_origin = shared_.config.cors_allow_origin,
                                         .rate = record.rate},
                              .max_age_s = shared_.config.cache_control.max_age_s_of(record.bucket),
                              .attname = target.parameter("attname"),
                              .key = target.key,
                              .is_private = serving.is_private,
                              .is_fallback = serving.is_fallback};
  net::HttpHead head = original_head(opened->decision, opened->facts, context);
  if (opened->decision.kind == storage::ServeKind::Unsatisfiable) {
    co_await refuse_range(exchange, std::move(head), record);
    co_return std::nullopt;
  }
  if (opened->reader) {
    const auto first = co_await opened->reader->read_some();
    if (!first) co_return first.error();
    co_await stream_entry(exchange, *opened->reader, *first, std::move(head), record);
    co_return std::nullopt;
  }
  record.status = head.status;
  Result<void> written;
  if (request.is_head() && head.status != 304) {
    written = co_await exchange.start(std::move(head), opened->facts.size_bytes);
    if (written) written = co_await exchange.finish();
  } else {
    written = co_await exchange.respond(std::move(head), {});
  }
  if (!written) {
    record.failure = written.error().reason;
    record.detail = written.error().detail;
  }
  co_return std::nullopt;
}

}  // namespace millrace::gateway
