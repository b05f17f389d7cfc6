// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::pipeline {

// What a gateway asks of an agent: `POST /v1/task` with this as the JSON body and, over exactly
// these bytes, the header X-Millrace-Signature (hex HMAC-SHA256 with the fleet's key).
// docs/formats/task.md has every field.
struct Task {
  static constexpr int kVersion = 1;

  std::string request_id;
  std::string traceparent;  // W3C, may be empty
  std::string bucket;
  std::string key;                         // decoded bytes (JSON carries them percent-encoded)
  std::string pipeline;                    // canonical text
  std::string user;                        // "" is anonymous
  std::string tier;                        // "paid", "free", …
  std::chrono::milliseconds time_left{0};  // until the deadline, when it was sent
  // Against replay: the gateway's instance, its own running number, and wall-clock time of sending
  // (ms since 1970).
  std::string gateway_instance;
  std::uint64_t sequence = 0;
  std::int64_t sent_at_unix_ms = 0;
};

std::string to_json(const Task& task);
// BadTarget for anything that is not a task of a version understood here (fields that are not known
// are ignored).
base::Result<Task> task_from_json(std::string_view json);

// Header names of the link. The answer carries the variant's own fields (Content-Type, ETag, …),
// Server-Timing, and the node's load; an error answer is the JSON body of base errors.
inline constexpr std::string_view kSignatureHeader = "X-Millrace-Signature";
inline constexpr std::string_view kLoadHeader = "X-Millrace-Load";
inline constexpr std::string_view kCostHeader = "X-Millrace-Cost";
inline constexpr std::string_view kNodeHeader = "X-Millrace-Node";
// Of an answer from the cache: whoever asks for the same within so many milliseconds gets the same.
inline constexpr std::string_view kFreshHeader = "X-Millrace-Fresh-Ms";
// Of a request over a unix socket: the gateway takes a body as a descriptor too. And of an answer
// that comes so: the size of the body in bytes.
inline constexpr std::string_view kTakesHeader = "X-Millrace-Takes";
inline constexpr std::string_view kTakesDescriptor = "descriptor";
inline constexpr std::string_view kDescriptorHeader = "X-Millrace-Descriptor";

// What rides on every agent answer: slow facts go through the registry, load does not.
struct NodeLoad {
  static constexpr std::uint32_t kVersion = 2;

  std::uint32_t busy = 0;    // workers at work
  std::uint32_t slots = 0;   // workers in all
  std::uint32_t queued = 0;  // tasks waiting, all tiers
  double drain_per_s = 0;    // tasks finished a second, smoothed
  std::uint64_t cache_bytes = 0;
  // What an agent of version 1 does not tell; then zero and empty.
  std::uint64_t queued_cpu_ms = 0;   // processor time that the waiting tasks are expected to take
  std::uint64_t running_cpu_ms = 0;  // and those at work, of which some is done already
  std::vector<std::string> full_tiers;  // a task of these would be refused with queue_full now
  std::uint32_t version = kVersion;     // of the side that wrote it

  [[nodiscard]] bool has_room(std::string_view tier) const {
    return std::ranges::find(full_tiers, tier) == full_tiers.end();
  }
};
// "v=2, busy=1, slots=2, queued=0, drain=31.500, cache=1048576, queued_cpu_ms=0, running_cpu_ms=12,
// full=free"; a tier's name is percent-encoded, several are joined by "+".
std::string to_header(const NodeLoad& load);
// Reads every version's: a newer one's further fields are ignored, an older one's missing ones are
// what the struct says.
base::Result<NodeLoad> node_load_from_header(std::string_view text);

// What a variant cost, on the answer of the request that had it made.
struct TaskCost {
  double predicted_cpu_ms = 0;
  double actual_cpu_ms = 0;  // user + system, of the worker for this task
  std::uint64_t memory_predicted_bytes = 0;
  std::uint64_t memory_peak_bytes = 0;  // resident, of the worker during this task
};
// "predicted=12.345, actual=11.870, memory_predicted=52428800, memory_peak=50331648"
std::string to_header(const TaskCost& cost);
// Fields that are not known are ignored.
base::Result<TaskCost> task_cost_from_header(std::string_view text);

// Refuses what was signed long ago or seen before, in constant memory per gateway: a window of
// sequence numbers, as in RFC 4303 appendix A2. Pure; time is passed in.
class ReplayWindow {
 public:
  static constexpr std::uint64_t kWindow = 65'536;
  explicit ReplayWindow(std::chrono::milliseconds clock_skew_max, std::size_t gateways_max = 256);
  ~ReplayWindow();
  ReplayWindow(ReplayWindow&&) noexcept;
  ReplayWindow& operator=(ReplayWindow&&) noexcept;
  // False: too old, from too far in the future, or a repeat.
  [[nodiscard]] bool accept(const Task& task, std::int64_t now_unix_ms);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::pipeline
