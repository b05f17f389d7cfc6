// SPDX-License-Identifier: Apache-2.0
#include "pipeline/task.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

#include "pipeline/json_fields.h"
#include "pipeline/json_writer.h"
#include "pipeline/target.h"

namespace millrace::pipeline {
namespace {

using Presence = JsonFields::Presence;

// Longer than any job may take; keeps arithmetic on deadlines far from overflow.
constexpr std::int64_t kTimeLeftMsMax = 24LL * 3600 * 1000;
constexpr std::size_t kWordBytesMax = 256;

}  // namespace

std::string to_json(const Task& task) {
  constexpr std::size_t kWithoutTexts = 384;
  JsonWriter json(kWithoutTexts + task.key.size() + task.pipeline.size());
  json.number("version", Task::kVersion);
  json.text("request_id", task.request_id);
  if (!task.traceparent.empty()) json.text("traceparent", task.traceparent);
  json.text("bucket", percent_encode_path(task.bucket));
  json.text("key", percent_encode_path(task.key));
  json.text("pipeline", task.pipeline);
  json.text("user", task.user);
  json.text("tier", task.tier);
  json.number("time_left_ms", task.time_left.count());
  json.text("gateway_instance", task.gateway_instance);
  json.number("sequence", task.sequence);
  json.number("sent_at_unix_ms", task.sent_at_unix_ms);
  return std::move(json).finish();
}

base::Result<Task> task_from_json(std::string_view json) {
  const auto refused = [](const std::string& why) {
    return base::fail(base::Reason::BadTarget, "The task cannot be read: " + why + ".");
  };
  const auto object = parse_json_object(json);
  if (!object) return refused("it is not a JSON object");
  JsonFields fields(*object);
  int version = 0;
  std::string bucket;
  std::string key;
  std::int64_t time_left_ms = 0;
  Task task;
  fields.integer("version", version, Presence::Required, 1, Task::kVersion);
  fields.text("request_id", task.request_id, Presence::Required, kWordBytesMax);
  fields.text("traceparent", task.traceparent, Presence::Optional, kWordBytesMax);
  fields.text("bucket", bucket, Presence::Required);
  fields.text("key", key, Presence::Required);
  fields.text("pipeline", task.pipeline, Presence::Required);
  fields.text("user", task.user, Presence::Optional, kWordBytesMax);
  fields.text("tier", task.tier, Presence::Optional, kWordBytesMax);
  fields.integer<std::int64_t>("time_left_ms", time_left_ms, Presence::Required, 0, kTimeLeftMsMax);
  fields.text("gateway_instance", task.gateway_instance, Presence::Required, kWordBytesMax);
  fields.integer("sequence", task.sequence, Presence::Required);
  fields.integer<std::int64_t>("sent_at_unix_ms", task.sent_at_unix_ms, Presence::Required);
  if (fields.failed()) return refused(fields.mistake());
  auto decoded_bucket = percent_decode(bucket);
  auto decoded_key = percent_decode(key);
  if (!decoded_bucket || !decoded_key) return refused("bucket or key has a broken escape");
  if (decoded_bucket->empty() || decoded_key->empty()) return refused("bucket or key is empty");
  task.bucket = std::move(*decoded_bucket);
  task.key = std::move(*decoded_key);
  task.time_left = std::chrono::milliseconds(time_left_ms);
  return task;
}

}  // namespace millrace::pipeline
