// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/deadline.h"
#include "base/error.h"
#include "gateway/config.h"
#include "gateway/gateway_metrics.h"
#include "gateway/request_identity.h"
#include "net/http_server.h"
#include "ratelimit/gcra.h"

namespace millrace::gateway {

// What is known of one request, for its log line and metrics. Lives in the handler's frame.
struct RequestRecord {
  std::string request_id;
  TraceParent trace;
  RequestKind kind = RequestKind::Other;
  std::string bucket;
  std::string key;
  std::string pipeline;  // canonical
  std::string node;      // id of the node that answered
  int attempts = 0;      // nodes asked
  int status = 0;        // 0: no head was sent
  std::string user;      // configured name, or "ip:<address>"
  std::string tier;
  ratelimit::RateFacts rate;  // limit 0: the user has none
  std::optional<base::Reason> failure;
  std::string detail;            // for the log only
  std::uint64_t body_bytes = 0;  // handed to the client's connection
};

// Decides whether a request gets a line.
bool is_logged(const AccessLogConfig& config, const RequestRecord& record, base::Duration took);
// One JSON line: event "request". Never the query as it came, which may hold a token. `client`: who
// asked, as far as trusted proxies tell; the other end of the connection is logged beside it.
void log_request(const net::HttpExchange& exchange, const RequestRecord& record,
                 std::string_view client, base::Duration took);

}  // namespace millrace::gateway
