// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/headers.h"
#include "net/http_server.h"
#include "ratelimit/gcra.h"
#include "storage/bucket.h"
#include "storage/conditional.h"

namespace millrace::gateway {

// What every answer of the media port has, errors too. Views.
struct CommonFields {
  std::string_view request_id;
  std::string_view cors_allow_origin;  // empty: not sent
  ratelimit::RateFacts rate{};         // of a limited user: X-RateLimit-Limit, -Remaining, -Reset
};

// What the gateway knows of a request when it writes the head of the answer. Views live as long as
// the request.
struct AnswerContext {
  CommonFields common;
  std::int64_t max_age_s = 0;
  std::optional<std::string_view> attname;  // decoded
  std::string_view key;
  std::chrono::nanoseconds admit{0};  // from the complete head to the task's sending
  bool cost_wanted = false;           // the client asked for X-Millrace-Cost
  bool is_private = false;            // nobody but this client may keep it
  bool is_fallback = false;           // stands in for an original that is missing
  bool varies_by_accept = false;      // another Accept might have got another format
};

void add_common_fields(net::Headers& headers, const CommonFields& fields);

// The client's head from an agent's answer (200 or 304): an allow-list of the agent's fields, so
// that nothing of the link leaks, and the gateway's own.
net::HttpHead variant_head(int status, const net::Headers& from_agent,
                           const AnswerContext& context);

// The client's head of an original: 200, 206, 304 or 416.
net::HttpHead original_head(const storage::ServeDecision& decision,
                            const storage::EntryFacts& facts, const AnswerContext& context);

// "no-cache" for 0, else "public, max-age=…" or "private, max-age=…".
std::string cache_control(std::int64_t max_age_s, bool is_private = false);

}  // namespace millrace::gateway
