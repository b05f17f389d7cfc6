// SPDX-License-Identifier: Apache-2.0
#include "agent/config.h"

#include "net/endpoint.h"

namespace millrace::agent {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr base::IntegerRange kTimeMs{.min = 1, .max = kDayMs};
constexpr base::IntegerRange kCount{.min = 1, .max = 1'000'000};

void pixels(base::ConfigBinder& binder, std::string_view key, base::Pixels& value,
            std::string_view about) {
  auto count = static_cast<std::int64_t>(value.count);
  binder.integer(key, count, {.min = 1, .max = 10'000'000'000}, about);
  value.count = static_cast<std::uint64_t>(count);
}

void listen_address(base::ConfigBinder& binder, std::string_view key, std::string& value,
                    std::string_view about) {
  binder.text(key, value, about);
  if (value.empty()) return;
  const auto endpoint = net::parse_endpoint(value);
  if (!endpoint) {
    binder.refuse(std::string(key) + " is \"" + value + "\": " + endpoint.error().public_message);
  } else if (endpoint->tls) {
    binder.refuse(std::string(key) + " must be an address to listen on, host:port or unix:/path");
  }
}

}  // namespace

void CacheConfig::bind(base::ConfigBinder& b) {
  b.text("dir", dir, "folder on tmpfs or ramfs, this agent's alone; emptied at start");
  b.bytes("bytes_max", bytes_max, {.min = 8 << 20}, "budget of originals and results together");
  b.count("entries_max", entries_max, {.min = 16, .max = 10'000'000},
          "files; keep it below the kernel's vm.max_map_count");
  b.flag("results", results, "keep results; false: a result lives as long as its answers");
  b.count("sources_known_max", sources_known_max, {.min = 16, .max = 100'000'000},
          "originals whose version is remembered, with or without their bytes");
  b.milliseconds("source_fresh_ms", source_fresh, {.min = 0, .max = kDayMs},
                 "an original is served for so long before its origin is asked whether it changed");
}

void WorkersConfig::bind(base::ConfigBinder& b) {
  b.text("binary", binary, "the worker's program; empty: beside the agent's own");
  b.text("face_model", face_model, "ONNX file of the face detector; empty: none");
  b.count("count", count, {.min = 0, .max = 4'096}, "workers; 0: one per core");
  b.count(
      "probe_count", probe_count, {.min = 1, .max = 256},
      "workers beside those that do nothing but read headers; with two, one that hangs does not "
      "hold up the files of others");
  b.flag("pin", pin, "pin each worker to a core of its own");
  b.count("nice", nice, {.min = 0, .max = 19},
          "how far workers give way to gateway and agent on the same cores, as nice(1)");
  b.count("spares", spares, {.min = 0, .max = 64}, "workers started ahead of a crash");
  std::int64_t tasks = static_cast<std::int64_t>(tasks_max);
  b.integer("tasks_max", tasks, {.min = 0}, "a worker is replaced after so many tasks; 0: never");
  tasks_max = static_cast<std::uint64_t>(tasks);
  b.bytes("rss_bytes_max", rss_max, {.min = 0},
          "a worker whose resident memory is above it is replaced between tasks; 0: never");
  b.milliseconds("start_timeout_ms_max", start_timeout, kTimeMs,
                 "from the order of a worker to its first frame");
  b.milliseconds("probe_timeout_ms_max", probe_timeout, kTimeMs, "of reading one header");
  b.milliseconds("cancel_grace_ms_max", cancel_grace, {.min = 0, .max = kDayMs},
                 "a task that nobody waits for any more may run on before its worker is killed");
  b.milliseconds("back_off_ms_min", back_off_min, kTimeMs, "wait after a start that failed");
  b.milliseconds("back_off_ms_max", back_off_max, kTimeMs, "it doubles up to this");
  if (back_off_max < back_off_min) b.refuse("back_off_ms_max must not be below back_off_ms_min");
}

void TierConfig::bind(base::ConfigBinder& b) {
  b.count(
      "queue_per_worker", queue_per_worker, {.min = 1, .max = 100'000},
      "a full queue is gone in so many service times, lighter tiers beside it; it is counted in "
      "tasks and in processor time");
  b.count("weight", weight, {.min = 1, .max = 1'000},
          "share of the processor time, against tiers of other weights");
  b.choice("order", order, {"fifo", "adaptive_lifo"},
           "adaptive_lifo: newest first while the queue stands above target_delay_ms");
  b.milliseconds("target_delay_ms", target_delay, kTimeMs,
                 "a queue whose oldest task has waited so long, for as long again, stands");
}

void TaskLimitsConfig::bind(base::ConfigBinder& b) {
  b.bytes("source_bytes_max", source_max, {.min = 1}, "original; larger: 413 source_too_large");
  pixels(b, "source_px_max", source_px, "width x height; more: 422 too_many_pixels");
  b.integer("source_side_px_max", source_side_px_max, kCount, "longest side of an original");
  b.integer("frames_max", frames_max, kCount, "frames of an original; more: 422 too_many_frames");
  pixels(b, "result_px_max", result_px, "width x height of a result; more: 422 result_too_large");
  b.integer("result_side_px_max", result_side_px_max, kCount, "longest side of a result");
  b.bytes("result_bytes_max", result_max, {.min = 1}, "result; larger: 422 result_too_large");
  b.bytes("worker_memory_bytes_max", worker_memory_max, {.min = 64 << 20},
          "address space of a task; more: 422 task_too_expensive");
  b.milliseconds("worker_cpu_ms_max", worker_cpu, kTimeMs,
                 "processor time of a task; more: 422 task_too_expensive");
  b.milliseconds("deadline_ms_max", deadline, kTimeMs, "of a task, whatever its gateway allows");
  b.count("waiting_max", waiting_max, kCount, "requests that wait for a source or a result");
  b.count("probes_waiting_max", probes_waiting_max, kCount, "originals that wait to be probed");
}

void FetchConfig::bind(base::ConfigBinder& b) {
  b.count("downloads_per_origin_max", downloads_per_origin_max, kCount, "at the same time");
  b.count("waiting_per_origin_max", waiting_per_origin_max, {.min = 0, .max = 1'000'000},
          "downloads that wait for one of those places; more: 503 queue_full");
  b.count("disk_threads", disk_threads, {.min = 1, .max = 64}, "that read local buckets");
}

void QuarantineConfig::bind(base::ConfigBinder& b) {
  b.count("deaths_max", deaths_max, {.min = 1, .max = 1'000},
          "workers that one input and plan may kill before it is refused");
  b.milliseconds("ttl_ms", ttl, kTimeMs, "it is refused for so long after the last death");
  b.count("entries_max", entries_max, kCount, "suspects remembered");
}

void AgentConfig::bind(base::ConfigBinder& b) {
  listen_address(b, "listen", listen, "where gateways send tasks; host:port or unix:/path");
  if (listen.empty()) b.refuse("listen must not be empty");
  listen_address(b, "ops_listen", ops_listen, "metrics and health; empty: none");
  listen_address(b, "advertise", advertise, "how gateways reach `listen`; empty: as it is");
  b.text("node_id", node_id, "name of this node, stable over restarts; empty: the host name");
  b.text("cell", cell, "the group of nodes this one belongs to");
  b.text("fleet_key_file", fleet_key_file, "the secret of the fleet: 32 bytes or more of text");
  b.milliseconds("clock_skew_ms_max", clock_skew, kTimeMs,
                 "between the clocks of a gateway and this node");
  b.milliseconds("drain_timeout_ms_max", drain_timeout, kTimeMs,
                 "running tasks may take so long to end when the agent is told to stop");
  b.count("connections_max", connections_max, kCount, "from gateways");
  b.choice("log_level", log_level, {"debug", "info", "warn", "error"}, "least severe line logged");
  b.part("cache", cache, "originals and results, in memory");
  b.section(
      "workers", [this](base::ConfigBinder& w) { w.part("image", image_workers, "pictures"); },
      "worker processes by kind");
  b.parts("tiers", tiers, "queues by the user's tier");
  b.part("limits", limits, "what one task may cost");
  b.part("fetch", fetch, "downloads of originals");
  b.part("quarantine", quarantine, "inputs that kill workers");
  b.part("registrar", registrar, "where this node makes itself known");
}

}  // namespace millrace::agent
