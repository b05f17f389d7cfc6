// SPDX-License-Identifier: Apache-2.0
#include "gateway/config.h"

#include <algorithm>
#include <array>
#include <utility>

#include "net/endpoint.h"

namespace millrace::gateway {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr base::IntegerRange kTimeoutMs{.min = 1, .max = kDayMs};

void listen_address(base::ConfigBinder& binder, std::string_view key, std::string& value,
                    std::string_view about) {
  binder.text(key, value, about);
  const auto endpoint = net::parse_endpoint(value);
  if (!endpoint) {
    binder.refuse(std::string(key) + " is \"" + value + "\": " + endpoint.error().public_message);
  } else if (endpoint->tls) {
    binder.refuse(std::string(key) + " is an address to listen on, host:port or unix:/path");
  }
}

bool is_lower_host(std::string_view host) {
  return !host.empty() && std::ranges::none_of(host, [](char c) {
    return (c >= 'A' && c <= 'Z') || c == '/' || c == ':' || c <= ' ';
  });
}

// Goes into an answer's header as it is.
bool is_header_text(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

void LimitsConfig::bind(base::ConfigBinder& b) {
  b.bytes("request_line_bytes_max", server.request_line_max, {.min = 64, .max = 1 << 20},
          "longer request lines are answered 414");
  b.bytes("headers_bytes_max", server.headers_max, {.min = 256, .max = 1 << 20},
          "all header fields of one request; more are answered 431");
  b.bytes("body_bytes_max", server.body_max, {.min = 0, .max = 1 << 30},
          "body of one request; larger ones are answered 413");
  b.milliseconds("header_timeout_ms_max", server.header_timeout, kTimeoutMs,
                 "from the first byte of a request to the end of its head");
  b.milliseconds("body_timeout_ms_max", server.body_timeout, kTimeoutMs,
                 "from the end of the head to the end of the body");
  b.milliseconds("idle_timeout_ms_max", server.idle_timeout, kTimeoutMs,
                 "between two requests of one connection");
  b.bytes("write_bytes_per_s_min", server.write_bytes_per_s_min, {.min = 1, .max = 1 << 30},
          "of an answer; see write_timeout_ms_max");
  b.milliseconds("write_timeout_ms_max", server.write_timeout, kTimeoutMs,
                 "a client that takes fewer bytes than that for so long is dropped");
  b.count("connections_max", server.connections_max, {.min = 1, .max = 10'000'000},
          "of the media port; above it the oldest idle connection is closed");
  std::int64_t backlog = server.listen_backlog;
  b.integer("listen_backlog", backlog, {.min = 1, .max = 65'535},
            "connections that the kernel holds while the accept gate is shut");
  server.listen_backlog = static_cast<int>(backlog);
}

void AgentLinkConfig::bind(base::ConfigBinder& b) {
  b.milliseconds("connect_timeout_ms_max", client.connect_timeout, kTimeoutMs,
                 "then the node counts as unreachable");
  b.milliseconds("read_timeout_ms_max", client.read_timeout, kTimeoutMs,
                 "without a byte of progress in the middle of an answer");
  b.milliseconds("idle_timeout_ms_max", client.idle_timeout, kTimeoutMs,
                 "a pooled connection is closed after it");
  b.count("idle_per_node_max", client.idle_per_endpoint_max, {.min = 0, .max = 100'000},
          "pooled connections kept per node and thread");
  b.count("connections_per_node_max", client.connections_per_endpoint_max,
          {.min = 1, .max = 100'000}, "per node and thread");
  b.milliseconds("ejection_ms", ejection, {.min = 0, .max = kDayMs},
                 "a node that could not be reached is left out for so long");
  b.milliseconds("load_report_life_ms", load_report_life, {.min = 0, .max = kDayMs},
                 "a node's own word about its load is believed for so long");
  b.milliseconds("load_poll_ms", load_poll, {.min = 10, .max = kDayMs},
                 "a node that was not heard of for so long is asked, while there is traffic");
  b.number("load_bound", load_bound, 1.0, 100.0,
           "a node above this multiple of the mean load is passed over");
  b.bytes("hot_answers_bytes_max", hot_answers_max, {.min = 0, .max = 1 << 30},
          "small answers that a node vouches for a moment longer, kept by each thread; 0: none");
  b.number("retry_ratio", retry_ratio, 0.0, 1.0,
           "requests that may be tried on a second node, per request admitted");
}

std::chrono::milliseconds DeadlineConfig::of_kind(std::string_view kind) const {
  return kind == "av" ? av : image;
}

void DeadlineConfig::bind(base::ConfigBinder& b) {
  b.milliseconds("image_ms_max", image, kTimeoutMs, "pipelines of pictures");
  b.milliseconds("av_ms_max", av, kTimeoutMs, "pipelines of audio and video");
  b.milliseconds("original_ms_max", original, kTimeoutMs,
                 "an original without a pipeline, to its last byte");
}

void CacheBucketConfig::bind(base::ConfigBinder& b) {
  b.integer("max_age_s", max_age_s, {.min = 0, .max = 31'536'000}, "0: no-cache");
}

std::int64_t CacheControlConfig::max_age_s_of(const std::string& bucket) const {
  const auto found = buckets.find(bucket);
  return found == buckets.end() ? max_age_s : found->second.max_age_s;
}

void CacheControlConfig::bind(base::ConfigBinder& b) {
  b.integer("max_age_s", max_age_s, {.min = 0, .max = 31'536'000},
            "Cache-Control max-age of originals and variants; 0: no-cache");
  b.parts("buckets", buckets, "by bucket name, instead of the value above");
}

void HostConfig::bind(base::ConfigBinder& b) {
  b.text("bucket", bucket, "the bucket whose keys are this host's paths");
  if (bucket.empty()) b.refuse("a host needs a bucket");
}

void AccessLogConfig::bind(base::ConfigBinder& b) {
  b.choice(
      "requests", requests, {"all", "failed", "none"},
      "which requests get a line: failed are 5xx, without those of a full queue, and slow ones");
  b.milliseconds("slow_ms", slow, {.min = 0, .max = kDayMs}, "a request above it is slow");
}

void GatewayConfig::bind(base::ConfigBinder& b) {
  listen_address(b, "listen", listen, "media port, host:port");
  listen_address(b, "api_listen", api_listen, "api port: registry of nodes, list of commands");
  listen_address(b, "ops_listen", ops_listen, "ops port: /metrics /livez /readyz /version");
  b.count("threads", threads, {.min = 0, .max = 1024}, "0: one per core");
  b.text("cell", cell, "only nodes of this cell are used");
  b.text("fleet_key_file", fleet_key_file, "the secret of the fleet: 32 bytes or more of text");
  b.text("state_dir", state_dir,
         "folder of this gateway alone, for what is set over the api (styles, separators, "
         "protection); empty: nothing can be");
  b.choice("log_level", log_level, {"debug", "info", "warn", "error"}, "least severe line logged");
  b.text("tier", tier, "tier of anonymous requests");
  b.count("disk_threads", disk_threads, {.min = 1, .max = 1024},
          "that read originals of local buckets");
  b.count("requests_in_flight_max", requests_in_flight_max, {.min = 1, .max = 10'000'000},
          "over all threads; above it nothing more is accepted");
  b.text("cors_allow_origin", cors_allow_origin, "Access-Control-Allow-Origin; empty: not sent");
  if (!is_header_text(cors_allow_origin)) {
    b.refuse("cors_allow_origin is \"*\", an origin such as https://app.example, or empty");
  }
  b.milliseconds("drain_timeout_ms_max", drain_timeout, {.min = 0, .max = kDayMs},
                 "at stop, running requests may take so long");
  limits.bind(b);
  throttle.bind(b, tier);
  b.part("redis", redis, "limits that several gateways share");
  b.count("gateways_count", gateways_count, {.min = 1, .max = 10'000},
          "gateways that share redis: each has so much of the limits when Redis does not answer");
  if (gateways_count > 1 && redis.address.empty()) {
    b.refuse("gateways_count is above 1, so redis.address must say where limits are shared");
  }
  if (gateways_count > 1 && !state_dir.empty()) {
    b.refuse(
        "gateways_count is above 1, and what is set over the api is one gateway's alone: leave "
        "state_dir empty and name styles under buckets");
  }
  b.part("agent_link", agent_link, "connections to agents and the choice between them");
  b.part("deadlines", deadlines, "how long a request may take");
  b.part("cache_control", cache_control, "what browsers and CDNs are told");
  b.part("access_log", access_log, "one JSON line a request");
  b.part("registry", registry, "the embedded registry, where nodes make themselves known");
  b.parts("hosts", hosts, "Host header -> bucket: the path is then the key alone");
  for (const auto& [host, unused] : hosts) {
    if (!is_lower_host(host)) {
      b.refuse("hosts: \"" + host + "\" is a host name in lower case without a port");
    }
  }
}

}  // namespace millrace::gateway
