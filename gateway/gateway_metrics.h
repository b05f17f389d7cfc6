// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "base/deadline.h"
#include "base/error.h"
#include "base/metrics.h"

namespace millrace::gateway {

// What a request turned out to be; a metric label.
enum class RequestKind { Other, Original, Variant };
std::string_view word_of(RequestKind kind);
inline constexpr std::size_t kRequestKindCount = 3;

// Who decides about the limits that several gateways share (gateway.redis).
struct SharedLimitMetrics {
  base::Gauge redis_threads;  // threads for which Redis decides
  base::Counter redis_decisions;
  std::array<base::Counter, 4> share_decisions;  // by ratelimit::FallBack
  base::Counter redis_late;                      // answers after the share had decided
};

// Every series of the gateway, made once, so that the request path only adds. Any thread.
class GatewayMetrics {
 public:
  explicit GatewayMetrics(base::Metrics& metrics);

  // `failure`: nullopt for an answer that was meant (200, 206, 304).
  void finished(RequestKind kind, std::optional<base::Reason> failure, base::Duration took,
                std::uint64_t body_bytes) const;

  base::Gauge in_flight;
  base::Gauge nodes_serving;
  base::Gauge throttle_users;               // whose limits are kept in memory
  base::Counter throttle_shared_decisions;  // there was no place for the user
  SharedLimitMetrics shared_limits;
  base::Counter retries;         // a second node was asked
  base::Counter retries_denied;  // the retry budget was spent
  base::Counter refused_here;    // every node's queue was full: refused without asking any
  base::Counter probes;          // sent although every queue was full
  base::Counter unreachable;     // connections that nodes refused
  base::Counter link_broken;     // answers of nodes that broke off or were not of this protocol
  base::Counter hot_answers;     // given without asking the node that vouches for them
  base::Counter fallbacks;       // answered with a bucket's fallback for a missing original

 private:
  struct Series {
    base::Counter ok;
    std::array<base::Counter, static_cast<std::size_t>(base::Reason::Deadline) + 1> failed;
    base::Histogram seconds;
    base::Counter body_bytes;
  };
  std::array<Series, kRequestKindCount> kinds_;
};

}  // namespace millrace::gateway
