// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/config.h"
#include "discovery/config.h"
#include "gateway/redis_config.h"
#include "gateway/throttle_config.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace millrace::gateway {

// What one client may cost (net/http_server.h says what each means). Its keys stand in gateway:
// itself.
struct LimitsConfig {
  // Nothing that the media port answers needs a body, and every connection may hold one.
  net::HttpServerLimits server{.body_max = base::kibibytes(16)};
  void bind(base::ConfigBinder& binder);
};

// Section gateway.agent_link: the connections to agents.
struct AgentLinkConfig {
  net::HttpClientLimits client{.connect_timeout = std::chrono::milliseconds(500)};
  std::chrono::milliseconds ejection{
      1'000};  // a node that cannot be reached is left out for so long
  // A node's load report is believed for so long; then only the requests on the way to it count.
  std::chrono::milliseconds load_report_life{1'000};
  // A node that was not heard of for so long is asked how loaded it is, while there is traffic.
  std::chrono::milliseconds load_poll{500};
  double load_bound = 1.25;  // a node above this multiple of the mean load is passed over
  base::Bytes hot_answers_max{8 << 20};  // of each thread
  double retry_ratio = 0.1;              // requests tried on a second node, per request admitted
  void bind(base::ConfigBinder& binder);
};

// Section gateway.deadlines: after it the client gets 504, whoever has the work in hand drops it.
struct DeadlineConfig {
  std::chrono::milliseconds image{30'000};
  std::chrono::milliseconds av{300'000};
  std::chrono::milliseconds original{3'600'000};  // to the last byte of an original
  [[nodiscard]] std::chrono::milliseconds of_kind(std::string_view kind) const;
  void bind(base::ConfigBinder& binder);
};

struct CacheBucketConfig {
  std::int64_t max_age_s = 31'536'000;
  void bind(base::ConfigBinder& binder);
};

// Section gateway.cache_control: what browsers and CDNs are told.
struct CacheControlConfig {
  std::int64_t max_age_s = 31'536'000;
  std::map<std::string, CacheBucketConfig> buckets;  // by bucket name, instead of max_age_s
  [[nodiscard]] std::int64_t max_age_s_of(const std::string& bucket) const;
  void bind(base::ConfigBinder& binder);
};

struct HostConfig {
  std::string bucket;
  void bind(base::ConfigBinder& binder);
};

// Section gateway.access_log.
struct AccessLogConfig {
  std::string requests = "failed";        // all | failed (5xx and slow ones) | none
  std::chrono::milliseconds slow{2'000};  // a request above it is slow
  void bind(base::ConfigBinder& binder);
};

// Section gateway of the one configuration file.
struct GatewayConfig {
  std::string listen = "127.0.0.1:8080";
  std::string api_listen = "127.0.0.1:8081";
  std::string ops_listen = "127.0.0.1:8082";
  std::size_t threads = 0;  // 0: one per core
  std::string cell = "default";
  std::string fleet_key_file;  // holds the secret that gateways and agents share
  std::string state_dir;       // this gateway's alone; empty: the api changes nothing
  std::string log_level = "info";
  std::string tier = "free";     // of anonymous requests; one of throttle.tiers
  std::size_t disk_threads = 4;  // that read originals of local buckets
  std::size_t requests_in_flight_max = 10'000;
  std::string cors_allow_origin = "*";
  std::chrono::milliseconds drain_timeout{30'000};
  LimitsConfig limits;
  ThrottleConfig throttle;  // its keys stand in gateway: itself
  RedisConfig redis;
  std::size_t gateways_count = 1;  // that share redis
  AgentLinkConfig agent_link;
  DeadlineConfig deadlines;
  CacheControlConfig cache_control;
  AccessLogConfig access_log;
  discovery::RegistryConfig registry;
  std::map<std::string, HostConfig> hosts;  // Host header (lower case, no port) -> bucket

  void bind(base::ConfigBinder& binder);
};

}  // namespace millrace::gateway
