// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/result.h"
#include "base/units.h"
#include "ipc/road.h"
#include "pipeline/command_spec.h"

namespace millrace::ipc {

inline constexpr int kProtocolVersion = 1;

// worker -> agent, once, when it is ready to work.
struct Describe {
  std::string kind;   // "image"
  std::string build;  // changes when results may change; part of every ETag
  std::vector<pipeline::CommandSpec> commands;
  std::vector<std::string>
      notes;  // what is missing and said aloud: "no face model: facecrop uses attention"
};

// What the header of a file says. Costs a header, never a decode.
struct Probe {
  std::string format;       // "jpeg", "png", …: the loader, from magic bytes
  std::string media_type;   // "image/jpeg"
  std::int64_t width = 0;   // px as stored, before orientation
  std::int64_t height = 0;  // px as stored
  std::int64_t frames = 1;
  std::int64_t duration_ms = 0;
  int orientation = 1;  // EXIF 1..8
};

// Limits that the worker enforces on itself.
struct RunLimits {
  base::Pixels source_max{150'000'000};
  base::Pixels result_max{24'999'999};
  std::int64_t result_side_px_max = 9'999;
  std::int64_t frames_max = 200;
  base::Bytes result_bytes_max{256 << 20};
  base::Bytes memory_max{1 << 30};
  std::chrono::milliseconds cpu_max{30'000};
  int webp_effort_max = 6;  // libwebp's method; less while more waits than can be done in time
};

// agent -> worker; descriptor 0: the input, readable from offset 0.
struct ProbeRequest {
  std::uint64_t id = 0;
  RunLimits limits;
};
// agent -> worker; descriptor 0: input, 1: output, empty and writable; then one for each other
// picture that the pipeline names, in the order of pipeline::pictures_of.
struct RunRequest {
  std::uint64_t id = 0;
  std::string pipeline;  // canonical text; the worker checks it again against its own specs
  std::chrono::milliseconds time_left{30'000};
  RunLimits limits;
  // Runs of one group have the same input and follow each other; 0: none. With the first come the
  // pipelines of the others (canonical text, kNextMax at most), so that it can do for all what all
  // need. Only advice: they may come in another order, or not at all.
  std::uint64_t group = 0;
  std::vector<std::string> next{};
};
inline constexpr std::size_t kNextMax = 7;
// worker -> agent, any number of times during a run.
struct Progress {
  std::uint64_t id = 0;
  double fraction = 0;  // 0..1
};

struct RunOutcome {
  std::string media_type;
  std::int64_t width = 0;   // px; 0 when the result is not a picture
  std::int64_t height = 0;  // px
  std::int64_t frames = 1;
  std::int64_t duration_ms = 0;
  std::uint64_t bytes = 0;                     // written to the output
  bool cacheable_by_clients = true;            // false: Cache-Control: no-store (imageInfo)
  std::map<std::string, std::string> headers;  // for the client: X-Millrace-Crop …
  std::optional<Road> road;                    // nullopt: no picture was made
  bool eased = false;   // written with less effort than without RunLimits::webp_effort_max
  bool shared = false;  // some of the work was done for others of its group, or by one of them
};
// worker -> agent, once for each probe and run.
struct Reply {
  std::uint64_t id = 0;
  std::variant<Probe, RunOutcome, base::Error> body;
  std::chrono::microseconds cpu_time{0};  // user + system, of this task alone
  base::Bytes memory_peak;                // resident set's high-water mark of the process
};

// agent -> template (the process that the workers of a kind are forked from); descriptor 0: the new
// worker's end of its channel.
struct Spawn {
  std::uint64_t id = 0;
};
// template -> agent, once for each spawn: the worker, whose parent is the agent by now, or why
// there is none.
struct Spawned {
  std::uint64_t id = 0;
  std::variant<pid_t, base::Error> body;
};

std::string to_json(const Describe&);
std::string to_json(const ProbeRequest&);
std::string to_json(const RunRequest&);
std::string to_json(const Progress&);
std::string to_json(const Reply&);
std::string to_json(const Spawn&);
std::string to_json(const Spawned&);

using ToWorker = std::variant<ProbeRequest, RunRequest>;
using FromWorker = std::variant<Describe, Progress, Reply>;
// Internal for anything malformed or of a newer major version. Unknown fields are ignored.
base::Result<ToWorker> to_worker_from_json(std::string_view json);
base::Result<FromWorker> from_worker_from_json(std::string_view json);
base::Result<Spawn> spawn_from_json(std::string_view json);
base::Result<Spawned> spawned_from_json(std::string_view json);

}  // namespace millrace::ipc
