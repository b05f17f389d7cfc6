// SPDX-License-Identifier: Apache-2.0
#include "ipc/messages.h"

#include <nlohmann/json.hpp>

#include "pipeline/json_fields.h"

namespace millrace::ipc {
namespace {

using nlohmann::ordered_json;

ordered_json message(std::string_view type) {
  ordered_json json;
  json["type"] = type;
  json["version"] = kProtocolVersion;
  return json;
}

ordered_json limits_to_json(const RunLimits& limits) {
  ordered_json json;
  json["source_px_max"] = limits.source_max.count;
  json["result_px_max"] = limits.result_max.count;
  json["result_side_px_max"] = limits.result_side_px_max;
  json["frames_max"] = limits.frames_max;
  json["result_bytes_max"] = limits.result_bytes_max.count;
  json["memory_bytes_max"] = limits.memory_max.count;
  json["cpu_ms_max"] = limits.cpu_max.count();
  json["webp_effort_max"] = limits.webp_effort_max;
  return json;
}

struct BodyWriter {
  ordered_json& json;

  void operator()(const Probe& probe) const {
    ordered_json& body = json["probe"];
    body["format"] = probe.format;
    body["media_type"] = probe.media_type;
    body["width_px"] = probe.width;
    body["height_px"] = probe.height;
    body["frames"] = probe.frames;
    body["duration_ms"] = probe.duration_ms;
    body["orientation"] = probe.orientation;
  }
  void operator()(const RunOutcome& outcome) const {
    ordered_json& body = json["outcome"];
    body["media_type"] = outcome.media_type;
    body["width_px"] = outcome.width;
    body["height_px"] = outcome.height;
    body["frames"] = outcome.frames;
    body["duration_ms"] = outcome.duration_ms;
    body["bytes"] = outcome.bytes;
    body["cacheable_by_clients"] = outcome.cacheable_by_clients;
    body["headers"] = outcome.headers;
    if (outcome.road) body["road"] = word_of(*outcome.road);
    if (outcome.eased) body["eased"] = true;
    if (outcome.shared) body["shared"] = true;
  }
  void operator()(const base::Error& error) const {
    ordered_json& body = json["error"];
    body["reason"] = base::word_of(error.reason);
    body["public_message"] = error.public_message;
    body["detail"] = error.detail;
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
  ordered_json json = message("probe");
  json["id"] = request.id;
  json["limits"] = limits_to_json(request.limits);
  return pipeline::dump_json(json);
}

std::string to_json(const RunRequest& request) {
  ordered_json json = message("run");
  json["id"] = request.id;
  json["pipeline"] = request.pipeline;
  json["time_left_ms"] = request.time_left.count();
  json["limits"] = limits_to_json(request.limits);
  if (request.group != 0) json["group"] = request.group;
  if (!request.next.empty()) json["next"] = request.next;
  return pipeline::dump_json(json);
}

std::string to_json(const Progress& progress) {
  ordered_json json = message("progress");
  json["id"] = progress.id;
  json["fraction"] = progress.fraction;
  return pipeline::dump_json(json);
}

std::string to_json(const Reply& reply) {
  ordered_json json = message("result");
  json["id"] = reply.id;
  std::visit(BodyWriter{json}, reply.body);
  json["cpu_time_us"] = reply.cpu_time.count();
  json["memory_peak_bytes"] = reply.memory_peak.count;
  return pipeline::dump_json(json);
}

}  // namespace millrace::ipc
