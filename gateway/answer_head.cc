// SPDX-License-Identifier: Apache-2.0
#include "gateway/answer_head.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "gateway/disposition.h"
#include "storage/http_date.h"

namespace millrace::gateway {
namespace {

constexpr std::array<std::string_view, 10> kFromAgent = {
    "Content-Type",         "ETag",
    "X-Millrace-Cache",     "X-Millrace-Crop",
    "X-Millrace-Faces",     "X-Millrace-Note",
    "X-Millrace-Slim",      "X-Millrace-Blurhash",
    "X-Millrace-Thumbhash", "X-Millrace-Quality"};
constexpr std::string_view kCost = "X-Millrace-Cost";
constexpr std::string_view kIgnoredError = "X-Millrace-Ignored-Error";
constexpr std::string_view kFallback = "X-Millrace-Fallback";
// What stands in for a failure is kept no longer than the failure would be.
constexpr std::int64_t kStandInAgeMaxS = 1;

// Answers that describe rather than show (imageInfo, …) are not kept by anybody:
// reference/qiniu.md 1.6.
bool is_json(std::string_view media_type) { return media_type.starts_with("application/json"); }

std::string lifetime(const AnswerContext& context, bool stands_in) {
  const std::int64_t age_s =
      stands_in ? std::min(context.max_age_s, kStandInAgeMaxS) : context.max_age_s;
  return cache_control(age_s, context.is_private);
}

void add_cache_control(net::Headers& headers, const net::Headers& from_agent,
                       const AnswerContext& context) {
  const auto agents_word = from_agent.find("Cache-Control");
  const bool no_store = agents_word && agents_word->find("no-store") != std::string_view::npos;
  if (no_store || is_json(from_agent.find("Content-Type").value_or(""))) {
    headers.add("Cache-Control", "no-store");
  } else {
    const bool ignored = from_agent.find(kIgnoredError).has_value();
    headers.add("Cache-Control", lifetime(context, ignored || context.is_fallback));
  }
}

void add_safety(net::Headers& headers, std::string_view media_type, const AnswerContext& context) {
  headers.add("X-Content-Type-Options", "nosniff");
  if (needs_sandbox(media_type)) headers.add("Content-Security-Policy", kSandboxPolicy);
  if (context.attname) {
    headers.add("Content-Disposition", content_disposition(*context.attname, context.key));
  }
}

}  // namespace

std::string cache_control(std::int64_t max_age_s, bool is_private) {
  if (max_age_s <= 0) return is_private ? "private, no-cache" : "no-cache";
  return (is_private ? "private, max-age=" : "public, max-age=") + std::to_string(max_age_s);
}

void add_common_fields(net::Headers& headers, const CommonFields& fields) {
  headers.set("X-Reqid", fields.request_id);
  headers.set("Timing-Allow-Origin", "*");
  if (fields.rate.limit > 0) {
    headers.set("X-RateLimit-Limit", std::to_string(fields.rate.limit));
    headers.set("X-RateLimit-Remaining", std::to_string(fields.rate.remaining));
    const auto reset = std::chrono::ceil<std::chrono::seconds>(fields.rate.reset_after);
    headers.set("X-RateLimit-Reset", std::to_string(reset.count()));
  }
  if (fields.cors_allow_origin.empty()) return;
  headers.set("Access-Control-Allow-Origin", fields.cors_allow_origin);
  headers.set("Access-Control-Expose-Headers", "*");
}

net::HttpHead variant_head(int status, const net::Headers& from_agent,
                           const AnswerContext& context) {
  net::HttpHead head;
  head.status = status;
  for (const std::string_view name : kFromAgent) {
    if (const auto value = from_agent.find(name)) head.headers.add(name, *value);
  }
  const auto ignored = from_agent.find(kIgnoredError);
  if (ignored) head.headers.add(kIgnoredError, *ignored);
  add_cache_control(head.headers, from_agent, context);
  if (context.varies_by_accept) head.headers.add("Vary", "Accept");
  if (context.is_fallback) head.headers.add(kFallback, "1");

  const auto cost = context.cost_wanted ? from_agent.find(kCost) : std::nullopt;
  if (cost) head.headers.add(kCost, *cost);

  std::string timing = fmt::format(
      "admit;dur={:.3f}", std::chrono::duration<double, std::milli>(context.admit).count());
  if (const auto rest = from_agent.find("Server-Timing")) timing.append(", ").append(*rest);
  head.headers.add("Server-Timing", timing);
  if (status != 304) {
    add_safety(head.headers, from_agent.find("Content-Type").value_or(""), context);
  }
  add_common_fields(head.headers, context.common);
  return head;
}

net::HttpHead original_head(const storage::ServeDecision& decision,
                            const storage::EntryFacts& facts, const AnswerContext& context) {
  net::HttpHead head;
  head.status = decision.status();
  if (decision.kind != storage::ServeKind::NotModified &&
      decision.kind != storage::ServeKind::Unsatisfiable) {
    head.headers.add("Content-Type", facts.media_type);
    add_safety(head.headers, facts.media_type, context);
  }
  const std::string range = decision.content_range(facts.size_bytes.value_or(0));
  if (!range.empty()) head.headers.add("Content-Range", range);
  if (decision.kind != storage::ServeKind::Unsatisfiable) {
    if (!facts.validator.empty()) head.headers.add("ETag", facts.validator);
    if (facts.modified_unix_s) {
      head.headers.add("Last-Modified", storage::format_http_date(*facts.modified_unix_s));
    }
    head.headers.add("Cache-Control", lifetime(context, context.is_fallback));
    if (context.is_fallback) head.headers.add(kFallback, "1");
  }
  if (facts.size_bytes) head.headers.add("Accept-Ranges", "bytes");
  add_common_fields(head.headers, context.common);
  return head;
}

}  // namespace millrace::gateway
