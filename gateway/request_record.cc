// SPDX-License-Identifier: Apache-2.0
#include "gateway/request_record.h"

#include "base/log.h"

namespace millrace::gateway {

bool is_logged(const AccessLogConfig& config, const RequestRecord& record, base::Duration took) {
  if (config.requests == "all") return true;
  if (config.requests == "none") return false;
  // A full queue is refused for microseconds, and at ten times the load that is nearly every
  // request: a line would cost as much as the refusal. Metrics count them.
  const bool refused = record.failure == base::Reason::QueueFull;
  const bool failed = record.failure && base::http_status_of(*record.failure) >= 500 && !refused;
  return failed || took >= config.slow;
}

void log_request(const net::HttpExchange& exchange, const RequestRecord& record,
                 std::string_view client, base::Duration took) {
  const bool failed = record.failure && base::http_status_of(*record.failure) >= 500;
  const std::string peer = exchange.peer_address();
  const std::string_view reason = record.failure ? base::word_of(*record.failure) : "ok";
  base::log(failed ? base::LogLevel::Error : base::LogLevel::Info, "request",
            {{"request_id", record.request_id},
             {"trace_id", record.trace.trace_id},
             {"client", client},
             {"peer", peer},
             {"user", record.user},
             {"tier", record.tier},
             {"method", exchange.request().method},
             {"kind", word_of(record.kind)},
             {"bucket", record.bucket},
             {"key", record.key},
             {"pipeline", record.pipeline},
             {"status", std::int64_t{record.status}},
             {"reason", reason},
             {"detail", record.detail},
             {"node", record.node},
             {"attempts", std::int64_t{record.attempts}},
             {"body_bytes", static_cast<std::int64_t>(record.body_bytes)},
             {"seconds", std::chrono::duration<double>(took).count()}});
}

}  // namespace millrace::gateway
