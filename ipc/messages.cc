// SPDX-License-Identifier: Apache-2.0
#include "ipc/messages.h"

#include <nlohmann/json.hpp>

#include "pipeline/json_fields.h"
#include "pipeline/json_writer.h"

namespace millrace::ipc {
namespace {

using nlohmann::ordered_json;
using pipeline::JsonWriter;

ordered_json message(std::string_view type) {
  ordered_json json;
  json["type"] = type;
  json["version"] = kProtocolVersion;
  return json;
}

// Requests and replies are written for every task, and without a tree of JSON values.
constexpr std::size_t kMessageHint = 512;

JsonWriter message_of_task(std::string_view type, std::uint64_t id, std::size_t texts_bytes = 0) {
  JsonWriter json(kMessageHint + texts_bytes);
  json.text("type", type);
  json.number("version", kProtocolVersion);
  json.number("id", id);
  return json;
}

void write_limits(JsonWriter& json, const RunLimits& limits) {
  json.open("limits");
  json.number("source_px_max", limits.source_max.count);
  json.number("result_px_max", limits.result_max.count);
  json.number("result_side_px_max", limits.result_side_px_max);
  json.number("frames_max", limits.frames_max);
  json.number("result_bytes_max", limits.result_bytes_max.count);
  json.number("memory_bytes_max", limits.memory_max.count);
  json.number("cpu_ms_max", limits.cpu_max.count());
  json.number("webp_effort_max", limits.webp_effort_max);
  json.close();
}

struct BodyWriter {
  JsonWriter& json;

  void operator()(const Probe& probe) const {
    json.open("probe");
    json.text("format", probe.format);
    json.text("media_type", probe.media_type);
    json.number("width_px", probe.width);
    json.number("height_px", probe.height);
    json.number("frames", probe.frames);
    json.number("duration_ms", probe.duration_ms);
    json.number("orientation", probe.orientation);
    json.close();
  }
  void operator()(const RunOutcome& outcome) const {
    json.open("outcome");
    json.text("media_type", outcome.media_type);
    json.number("width_px", outcome.width);
    json.number("height_px", outcome.height);
    json.number("frames", outcome.frames);
    json.number("duration_ms", outcome.duration_ms);
    json.number("bytes", outcome.bytes);
    json.flag("cacheable_by_clients", outcome.cacheable_by_clients);
    json.open("headers");
    for (const auto& [name, value] : outcome.headers) json.text(name, value);
    json.close();
    if (outcome.road) json.text("road", word_of(*outcome.road));
    if (outcome.eased) json.flag("eased", true);
    if (outcome.shared) json.flag("shared", true);
    json.close();
  }
  void operator()(const base::Error& error) const {
    json.open("error");
    json.text("reason", base::word_of(error.reason));
    json.text("public_message", error.public_message);
    json.text("detail", error.detail);
    json.close();
  }
};

}  // namespace

std::string to_json(const Describe& describe) {
  ordered_json json = message("describe");
  json["kind"] = describe.kind;
  json["build"] = describe.build;
  ordered_json commands = ordered_json::array();
  for (const pipeline::CommandSpec& spec : describe.commands) {
    commands.push_back(ordered_json::parse(pipeline::to_json(spec)));
  }
  json["commands"] = std::move(commands);
  json["notes"] = describe.notes;
  return pipeline::dump_json(json);
}

std::string to_json(const ProbeRequest& request) {
  JsonWriter json = message_of_task("probe", request.id);
  write_limits(json, request.limits);
  return std::move(json).finish();
}

std::string to_json(const RunRequest& request) {
  JsonWriter json = message_of_task("run", request.id, request.pipeline.size());
  json.text("pipeline", request.pipeline);
  json.number("time_left_ms", request.time_left.count());
  write_limits(json, request.limits);
  if (request.group != 0) json.number("group", request.group);
  if (!request.next.empty()) json.texts("next", request.next);
  return std::move(json).finish();
}

std::string to_json(const Progress& progress) {
  ordered_json json = message("progress");
  json["id"] = progress.id;
  json["fraction"] = progress.fraction;
  return pipeline::dump_json(json);
}

std::string to_json(const Reply& reply) {
  JsonWriter json = message_of_task("result", reply.id);
  std::visit(BodyWriter{json}, reply.body);
  json.number("cpu_time_us", reply.cpu_time.count());
  json.number("memory_peak_bytes", reply.memory_peak.count);
  return std::move(json).finish();
}

std::string to_json(const Spawn& spawn) {
  return std::move(message_of_task("spawn", spawn.id)).finish();
}

std::string to_json(const Spawned& spawned) {
  JsonWriter json = message_of_task("spawned", spawned.id);
  if (const auto* pid = std::get_if<pid_t>(&spawned.body)) json.number("pid", *pid);
  if (const auto* error = std::get_if<base::Error>(&spawned.body)) BodyWriter{json}(*error);
  return std::move(json).finish();
}

}  // namespace millrace::ipc
