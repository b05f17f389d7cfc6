// SPDX-License-Identifier: Apache-2.0
#include "storage/original.h"

#include <chrono>
#include <utility>

namespace millrace::storage {
namespace {

using base::Result;

std::int64_t now_unix_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

bool plain(const ConditionalFields& fields) {
  return !fields.if_none_match && !fields.if_modified_since && !fields.range;
}

}  // namespace

net::Awaitable<Result<Original>> open_original(Bucket& bucket, std::string key,
                                               ConditionalFields fields, base::Deadline deadline,
                                               net::CancelToken cancel) {
  Original original;
  if (!plain(fields)) {
    const Result<EntryFacts> facts = co_await bucket.stat(key, deadline);
    if (!facts) co_return base::fail(facts.error());
    original.facts = *facts;
    original.decision = decide_serving(fields, *facts, now_unix_s());
    const ServeKind kind = original.decision.kind;
    if (kind == ServeKind::NotModified || kind == ServeKind::Unsatisfiable)
      co_return std::move(original);
  }

  OpenOptions options{.deadline = deadline, .cancel = cancel};
  if (original.decision.kind == ServeKind::Partial) {
    options.range = ByteRange{original.decision.offset, original.decision.length};
    Result<OpenOutcome> part = co_await bucket.open(key, options);
    const bool shrunk = !part && part.error().reason == base::Reason::BadRange;
    if (!part && !shrunk) co_return base::fail(part.error());
    if (!shrunk) {
      auto reader = std::get<std::unique_ptr<EntryReader>>(std::move(*part));
      const bool same = same_entity_weakly(reader->facts().validator, original.facts.validator);
      if (same && reader->offset() == original.decision.offset) {
        original.reader = std::move(reader);
        co_return std::move(original);
      }
    }
    // It changed between the two: the range was decided on another entry. The whole is always a
    // right answer.
    options.range.reset();
    original.decision = ServeDecision{};
  }
  Result<OpenOutcome> whole = co_await bucket.open(key, options);
  if (!whole) co_return base::fail(whole.error());
  original.reader = std::get<std::unique_ptr<EntryReader>>(std::move(*whole));
  original.facts = original.reader->facts();
  co_return std::move(original);
}

}  // namespace millrace::storage
