// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway_metrics.h"

#include <string>
#include <vector>

#include "ratelimit/redis_store.h"

namespace millrace::gateway {
namespace {

// From a refusal (tens of microseconds) to the longest deadline.
const std::vector<double>& seconds_bounds() {
  static const std::vector<double> bounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                             0.01,   0.025,   0.05,   0.1,   0.25,   0.5,
                                             1,      2.5,     5,      10,    30,     100};
  return bounds;
}

SharedLimitMetrics shared_limit_metrics(base::Metrics& metrics) {
  SharedLimitMetrics made;
  made.redis_threads = metrics.gauge("millrace_gateway_redis_threads",
                                     "Threads whose limits Redis decides on, as it should be");
  made.redis_decisions =
      metrics.counter("millrace_gateway_redis_decisions_total", "Limits decided on by Redis");
  for (std::size_t i = 0; i < made.share_decisions.size(); ++i) {
    const std::string why(ratelimit::word_of(static_cast<ratelimit::FallBack>(i)));
    made.share_decisions[i] = metrics.counter(
        "millrace_gateway_share_decisions_total",
        "Limits decided on by this gateway's share, because Redis did not", {{"why", why}});
  }
  made.redis_late = metrics.counter("millrace_gateway_redis_late_answers_total",
                                    "Answers of Redis after the share had decided");
  return made;
}

}  // namespace

std::string_view word_of(RequestKind kind) {
  switch (kind) {
    case RequestKind::Original:
      return "original";
    case RequestKind::Variant:
      return "variant";
    case RequestKind::Other:
      break;
  }
  return "other";
}

GatewayMetrics::GatewayMetrics(base::Metrics& metrics)
    : in_flight(metrics.gauge("millrace_gateway_requests_in_flight",
                              "Requests of the media port that are being answered")),
      nodes_serving(metrics.gauge("millrace_gateway_nodes_serving",
                                  "Nodes of this cell that take work, as last seen")),
      throttle_users(metrics.gauge("millrace_gateway_throttle_users",
                                   "Users whose limits this gateway keeps in memory")),
      throttle_shared_decisions(metrics.counter(
          "millrace_gateway_throttle_shared_decisions_total",
          "Limits decided on for newcomers together, because too many users were active")),
      shared_limits(shared_limit_metrics(metrics)),
      retries(metrics.counter("millrace_gateway_retries_total",
                              "Requests that were tried on a second node")),
      retries_denied(metrics.counter("millrace_gateway_retries_denied_total",
                                     "Retries that the retry budget did not allow")),
      refused_here(metrics.counter("millrace_gateway_refused_here_total",
                                   "Requests refused without asking a node: all queues are full")),
      probes(metrics.counter("millrace_gateway_probes_total",
                             "Requests sent to a full node to see whether it still is")),
      unreachable(metrics.counter("millrace_gateway_node_unreachable_total",
                                  "Connections to nodes that failed")),
      link_broken(metrics.counter("millrace_gateway_node_link_broken_total",
                                  "Answers of nodes that broke off or could not be understood")),
      hot_answers(
          metrics.counter("millrace_gateway_hot_answers_total",
                          "Variants answered without asking the node that vouches for them")),
      fallbacks(metrics.counter("millrace_gateway_fallbacks_total",
                                "Missing originals that a bucket's fallback stood in for")) {
  constexpr const char* kRequests = "millrace_gateway_requests_total";
  constexpr const char* kHelp = "Answered requests by what they asked for and how they ended";
  for (std::size_t i = 0; i < kinds_.size(); ++i) {
    const std::string kind(word_of(static_cast<RequestKind>(i)));
    Series& series = kinds_[i];
    series.ok = metrics.counter(kRequests, kHelp, {{"kind", kind}, {"reason", "ok"}});
    for (std::size_t reason = 0; reason < series.failed.size(); ++reason) {
      const std::string word(base::word_of(static_cast<base::Reason>(reason)));
      series.failed[reason] = metrics.counter(kRequests, kHelp, {{"kind", kind}, {"reason", word}});
    }
    series.seconds = metrics.histogram("millrace_gateway_request_seconds",
                                       "From the complete head of a request to the answer's end",
                                       seconds_bounds(), {{"kind", kind}});
    series.body_bytes = metrics.counter("millrace_gateway_response_body_bytes_total",
                                        "Bytes of answers' bodies", {{"kind", kind}});
  }
}

void GatewayMetrics::finished(RequestKind kind, std::optional<base::Reason> failure,
                              base::Duration took, std::uint64_t body_bytes) const {
  const Series& series = kinds_[static_cast<std::size_t>(kind)];
  (failure ? series.failed[static_cast<std::size_t>(*failure)] : series.ok).add();
  series.seconds.observe(std::chrono::duration<double>(took).count());
  if (body_bytes > 0) series.body_bytes.add(static_cast<double>(body_bytes));
}

}  // namespace millrace::gateway
