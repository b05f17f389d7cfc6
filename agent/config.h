// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "base/config.h"
#include "base/units.h"
#include "discovery/config.h"

namespace millrace::agent {

// Section agent.cache: originals and results, in memory.
struct CacheConfig {
  std::string dir = "/dev/shm/millrace-agent";  // on tmpfs or ramfs; emptied at start
  base::Bytes bytes_max = base::mebibytes(1024);
  std::size_t entries_max = 40'000;         // some are memory mappings (vm.max_map_count)
  bool results = true;                      // false: a result lives as long as its answers
  std::size_t sources_known_max = 200'000;  // originals whose version is remembered
  std::chrono::milliseconds source_fresh{
      2'000};  // served for so long without asking the origin again
  void bind(base::ConfigBinder& binder);
};

// Section agent.workers.image.
struct WorkersConfig {
  std::string binary;                // empty: millrace-image-worker beside the agent's own binary
  std::string face_model;            // ONNX file; empty: facecrop falls back to the attention crop
  std::size_t count = 0;             // 0: one per core
  std::size_t probe_count = 2;       // more, that read headers only: one may hang
  bool pin = true;                   // each to a core of its own
  std::size_t nice = 10;             // on the cores that gateway and agent are on as well
  std::size_t spares = 1;            // started ahead, so that a crash costs milliseconds
  std::uint64_t tasks_max = 10'000;  // recycled after; 0: never
  base::Bytes rss_max = base::mebibytes(512);       // recycled above; 0: never
  std::chrono::milliseconds start_timeout{30'000};  // from order to the first frame
  std::chrono::milliseconds probe_timeout{5'000};   // of reading one header
  std::chrono::milliseconds cancel_grace{1'000};    // a task nobody waits for may still end
  std::chrono::milliseconds back_off_min{100};      // after a failed start, doubled each time
  std::chrono::milliseconds back_off_max{10'000};
  void bind(base::ConfigBinder& binder);
};

// Section agent.tiers.<name>.
struct TierConfig {
  std::size_t queue_per_worker = 10;  // service times in which a full queue is gone
  std::size_t weight = 1;             // processor time for each second of it for a tier of weight 1
  std::string order = "fifo";         // or adaptive_lifo
  std::chrono::milliseconds target_delay{500};  // adaptive_lifo: newest first when it stands above
  void bind(base::ConfigBinder& binder);
};

// Section agent.limits: what one task may cost.
struct TaskLimitsConfig {
  base::Bytes source_max = base::mebibytes(20);
  base::Pixels source_px{150'000'000};
  std::int64_t source_side_px_max = 30'000;
  std::int64_t frames_max = 200;
  base::Pixels result_px{24'999'999};
  std::int64_t result_side_px_max = 9'999;
  base::Bytes result_max = base::mebibytes(64);
  base::Bytes worker_memory_max = base::mebibytes(1024);
  std::chrono::milliseconds worker_cpu{30'000};
  std::chrono::milliseconds deadline{30'000};  // whatever the gateway allows
  std::size_t waiting_max = 20'000;            // requests that wait for anything, all together
  std::size_t probes_waiting_max = 1'024;
  void bind(base::ConfigBinder& binder);
};

// Section agent.fetch: downloads from origins.
struct FetchConfig {
  std::size_t downloads_per_origin_max = 64;
  std::size_t waiting_per_origin_max = 1'024;
  std::size_t disk_threads = 2;  // for local buckets
  void bind(base::ConfigBinder& binder);
};

// Section agent.quarantine.
struct QuarantineConfig {
  std::size_t deaths_max = 2;             // workers that one input and plan may kill
  std::chrono::milliseconds ttl{60'000};  // refused for so long after the last death
  std::size_t entries_max = 4'096;
  void bind(base::ConfigBinder& binder);
};

// Section agent: of the one configuration file.
struct AgentConfig {
  std::string listen = "127.0.0.1:9101";      // tasks; host:port or unix:/path
  std::string ops_listen = "127.0.0.1:9102";  // metrics and health; empty: none
  std::string advertise;                      // how gateways reach `listen`; empty: as it is
  std::string node_id;                        // empty: the host name
  std::string cell = "default";
  std::string fleet_key_file;                    // holds the secret that gateways and agents share
  std::chrono::milliseconds clock_skew{30'000};  // between a gateway's clock and this one
  std::chrono::milliseconds drain_timeout{30'000};
  std::size_t connections_max = 4'096;  // from gateways
  std::string log_level = "info";
  CacheConfig cache;
  WorkersConfig image_workers;
  std::map<std::string, TierConfig> tiers{
      {"free", {.queue_per_worker = 10, .weight = 1, .order = "adaptive_lifo"}},
      {"paid", {.queue_per_worker = 4, .weight = 8, .order = "fifo"}}};
  TaskLimitsConfig limits;
  FetchConfig fetch;
  QuarantineConfig quarantine;
  discovery::RegistrarConfig registrar;

  void bind(base::ConfigBinder& binder);
};

}  // namespace millrace::agent
