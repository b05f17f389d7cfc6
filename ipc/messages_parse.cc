// SPDX-License-Identifier: Apache-2.0
//
// Reads what the other process sent. A worker has parsed a hostile file before it speaks, so that
// an agent takes nothing on trust: every number has a range, every text a length, and what becomes
// a header of an answer cannot break out of it.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "ipc/messages.h"
#include "pipeline/json_fields.h"
#include "pipeline/wording.h"

namespace millrace::ipc {
namespace {

using pipeline::JsonFields;
using Presence = pipeline::JsonFields::Presence;

constexpr std::int64_t kCountMax = std::int64_t{1} << 40;
constexpr std::int64_t kMillisecondsMax = 24LL * 3600 * 1000;
constexpr std::int64_t kMicrosecondsMax = kMillisecondsMax * 1000;
constexpr std::size_t kWordBytesMax = 256;
constexpr std::size_t kSentenceBytesMax = 4 << 10;
constexpr std::size_t kHeadersMax = 32;

base::Failure refused(std::string_view what) {
  return base::fail(base::Reason::Internal, "A message between agent and worker is broken.",
                    std::string(what));
}

// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}
bool is_field_value(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; });
}

template <class Rep, class Period>
void read_time(JsonFields& fields, std::string_view name, std::chrono::duration<Rep, Period>& value,
               std::int64_t max) {
  std::int64_t count = 0;
  fields.integer<std::int64_t>(name, count, Presence::Required, 0, max);
  value = std::chrono::duration<Rep, Period>(count);
}

void read_media_type(JsonFields& fields, std::string& media_type) {
  fields.text("media_type", media_type, Presence::Required, kWordBytesMax);
  if (!is_field_value(media_type)) fields.refuse("media_type is no value of a header");
}

void read_picture(JsonFields& fields, std::int64_t& width, std::int64_t& height,
                  std::int64_t& frames, std::int64_t& duration_ms) {
  fields.integer<std::int64_t>("width_px", width, Presence::Required, 0, kCountMax);
  fields.integer<std::int64_t>("height_px", height, Presence::Required, 0, kCountMax);
  fields.integer<std::int64_t>("frames", frames, Presence::Required, 0, kCountMax);
  fields.integer<std::int64_t>("duration_ms", duration_ms, Presence::Required, 0, kCountMax);
}

void read_limits(JsonFields& outer, RunLimits& limits) {
  const nlohmann::json* json = outer.object("limits", Presence::Required);
  if (json == nullptr) return;
  JsonFields fields(*json);
  fields.integer("source_px_max", limits.source_max.count, Presence::Required);
  fields.integer("result_px_max", limits.result_max.count, Presence::Required);
  fields.integer<std::int64_t>("result_side_px_max", limits.result_side_px_max, Presence::Required,
                               0, kCountMax);
  fields.integer<std::int64_t>("frames_max", limits.frames_max, Presence::Required, 0, kCountMax);
  fields.integer("result_bytes_max", limits.result_bytes_max.count, Presence::Required);
  fields.integer("memory_bytes_max", limits.memory_max.count, Presence::Required);
  read_time(fields, "cpu_ms_max", limits.cpu_max, kMillisecondsMax);
  fields.integer("webp_effort_max", limits.webp_effort_max, Presence::Optional, 0, 6);
  if (fields.failed()) outer.refuse("limits: " + fields.mistake());
}

void read_headers(JsonFields& outer, std::map<std::string, std::string>& headers) {
  const nlohmann::json* json = outer.object("headers", Presence::Optional);
  if (json == nullptr) return;
  if (json->size() > kHeadersMax) return outer.refuse("there are too many headers");
  for (const auto& [name, value] : json->items()) {
    if (!is_token(name) || name.size() > kWordBytesMax || !value.is_string()) {
      return outer.refuse("headers: " + pipeline::in_quotes(name) + " is no field");
    }
    auto text = value.get<std::string>();
    if (!is_field_value(text) || text.size() > kSentenceBytesMax) {
      return outer.refuse("headers: " + name + " has an impossible value");
    }
    headers.emplace(name, std::move(text));
  }
}

Probe read_probe(JsonFields& outer, const nlohmann::json& json) {
  Probe probe;
  JsonFields fields(json);
  fields.text("format", probe.format, Presence::Required, kWordBytesMax);
  read_media_type(fields, probe.media_type);
  read_picture(fields, probe.width, probe.height, probe.frames, probe.duration_ms);
  fields.integer("orientation", probe.orientation, Presence::Required, 1, 8);
  if (fields.failed()) outer.refuse("probe: " + fields.mistake());
  return probe;
}

RunOutcome read_outcome(JsonFields& outer, const nlohmann::json& json) {
  RunOutcome outcome;
  JsonFields fields(json);
  read_media_type(fields, outcome.media_type);
  read_picture(fields, outcome.width, outcome.height, outcome.frames, outcome.duration_ms);
  fields.integer("bytes", outcome.bytes, Presence::Required);
  fields.flag("cacheable_by_clients", outcome.cacheable_by_clients, Presence::Required);
  read_headers(fields, outcome.headers);
  std::string road;
  fields.text("road", road, Presence::Optional, kWordBytesMax);
  outcome.road = road_from_word(road);  // a newer worker may know more
  fields.flag("eased", outcome.eased, Presence::Optional);
  fields.flag("shared", outcome.shared, Presence::Optional);
  if (fields.failed()) outer.refuse("outcome: " + fields.mistake());
  return outcome;
}

base::Error read_error(JsonFields& outer, const nlohmann::json& json) {
  base::Error error;
  std::string word;
  JsonFields fields(json);
  fields.text("reason", word, Presence::Required, kWordBytesMax);
  fields.text("public_message", error.public_message, Presence::Required, kSentenceBytesMax);
  fields.text("detail", error.detail, Presence::Optional);
  // A newer worker may know more reasons; its sentence still says what was wrong.
  error.reason = base::reason_from_word(word).value_or(base::Reason::Internal);
  if (fields.failed()) outer.refuse("error: " + fields.mistake());
  return error;
}

Reply read_reply(JsonFields& fields) {
  Reply reply;
  fields.integer("id", reply.id, Presence::Required);
  const nlohmann::json* probe = fields.object("probe", Presence::Optional);
  const nlohmann::json* outcome = fields.object("outcome", Presence::Optional);
  const nlohmann::json* error = fields.object("error", Presence::Optional);
  const int bodies =
      (probe != nullptr ? 1 : 0) + (outcome != nullptr ? 1 : 0) + (error != nullptr ? 1 : 0);
  if (bodies != 1) fields.refuse("one of probe, outcome and error must be there");
  if (probe != nullptr) reply.body = read_probe(fields, *probe);
  if (outcome != nullptr) reply.body = read_outcome(fields, *outcome);
  if (error != nullptr) reply.body = read_error(fields, *error);
  read_time(fields, "cpu_time_us", reply.cpu_time, kMicrosecondsMax);
  fields.integer("memory_peak_bytes", reply.memory_peak.count, Presence::Required);
  return reply;
}

Progress read_progress(JsonFields& fields) {
  Progress progress;
  fields.integer("id", progress.id, Presence::Required);
  fields.number("fraction", progress.fraction, Presence::Required);
  if (!std::isfinite(progress.fraction) || progress.fraction < 0 || progress.fraction > 1) {
    fields.refuse("fraction must be from 0 to 1");
  }
  return progress;
}

Describe read_describe(JsonFields& fields) {
  Describe describe;
  fields.text("kind", describe.kind, Presence::Required, kWordBytesMax);
  fields.text("build", describe.build, Presence::Required, kWordBytesMax);
  if (!is_token(describe.kind)) fields.refuse("kind is no name");
  fields.texts("notes", describe.notes, Presence::Optional);
  const nlohmann::json* commands = fields.array("commands", Presence::Required);
  if (commands == nullptr) return describe;
  for (const nlohmann::json& item : *commands) {
    auto spec = pipeline::command_spec_from_json(item.dump());
    if (!spec) {
      fields.refuse(spec.error().public_message);
      return describe;
    }
    describe.commands.push_back(std::move(*spec));
  }
  return describe;
}

std::string read_type(JsonFields& fields) {
  std::string type;
  int version = 0;
  fields.text("type", type, Presence::Required, kWordBytesMax);
  fields.integer("version", version, Presence::Required, 1, kProtocolVersion);
  return type;
}

Spawned read_spawned(JsonFields& fields) {
  Spawned spawned;
  fields.integer("id", spawned.id, Presence::Required);
  const nlohmann::json* error = fields.object("error", Presence::Optional);
  pid_t pid = 0;
  fields.integer<pid_t>("pid", pid, Presence::Optional, 1);
  if ((error == nullptr) == (pid == 0)) fields.refuse("one of pid and error must be there");
  spawned.body = pid;
  if (error != nullptr) spawned.body = read_error(fields, *error);
  return spawned;
}

// Where only one type of message may come.
template <class Message, class Read>
base::Result<Message> only(std::string_view expected, std::string_view json, const Read& read) {
  const auto object = pipeline::parse_json_object(json);
  if (!object) return refused("it is not a JSON object");
  JsonFields fields(*object);
  if (const std::string type = read_type(fields); type != expected) {
    fields.refuse("there is no type " + pipeline::in_quotes(type));
  }
  Message message = read(fields);
  if (fields.failed()) return refused(fields.mistake());
  return message;
}

}  // namespace

base::Result<ToWorker> to_worker_from_json(std::string_view json) {
  const auto object = pipeline::parse_json_object(json);
  if (!object) return refused("it is not a JSON object");
  JsonFields fields(*object);
  const std::string type = read_type(fields);
  ToWorker message;
  if (type == "probe") {
    ProbeRequest request;
    fields.integer("id", request.id, Presence::Required);
    read_limits(fields, request.limits);
    message = request;
  } else if (type == "run") {
    RunRequest request;
    fields.integer("id", request.id, Presence::Required);
    fields.text("pipeline", request.pipeline, Presence::Required);
    read_time(fields, "time_left_ms", request.time_left, kMillisecondsMax);
    read_limits(fields, request.limits);
    fields.integer("group", request.group, Presence::Optional);
    fields.texts("next", request.next, Presence::Optional);
    if (request.next.size() > kNextMax) fields.refuse("next has too many pipelines");
    message = std::move(request);
  } else {
    fields.refuse("there is no type " + pipeline::in_quotes(type));
  }
  if (fields.failed()) return refused(fields.mistake());
  return message;
}

base::Result<FromWorker> from_worker_from_json(std::string_view json) {
  const auto object = pipeline::parse_json_object(json);
  if (!object) return refused("it is not a JSON object");
  JsonFields fields(*object);
  const std::string type = read_type(fields);
  FromWorker message;
  if (type == "describe") {
    message = read_describe(fields);
  } else if (type == "progress") {
    message = read_progress(fields);
  } else if (type == "result") {
    message = read_reply(fields);
  } else {
    fields.refuse("there is no type " + pipeline::in_quotes(type));
  }
  if (fields.failed()) return refused(fields.mistake());
  return message;
}

base::Result<Spawn> spawn_from_json(std::string_view json) {
  return only<Spawn>("spawn", json, [](JsonFields& fields) {
    Spawn spawn;
    fields.integer("id", spawn.id, Presence::Required);
    return spawn;
  });
}

base::Result<Spawned> spawned_from_json(std::string_view json) {
  return only<Spawned>("spawned", json, read_spawned);
}

}  // namespace millrace::ipc
