// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <cmath>
#include <string>

#include <fmt/format.h>

#include "pipeline/task.h"

namespace millrace::pipeline {
namespace {

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

template <class Number>
bool read(std::string_view text, Number& number) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end;
}

}  // namespace

std::string to_header(const NodeLoad& load) {
  return fmt::format("busy={}, slots={}, queued={}, drain={:.3f}, cache={}", load.busy, load.slots,
                     load.queued, std::isfinite(load.drain_per_s) ? load.drain_per_s : 0.0,
                     load.cache_bytes);
}

base::Result<NodeLoad> node_load_from_header(std::string_view text) {
  NodeLoad load;
  unsigned fields_seen = 0;
  bool sound = true;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view item = trimmed(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) {
      sound = false;
      break;
    }
    const std::string_view name = item.substr(0, equals);
    const std::string_view value = item.substr(equals + 1);
    if (name == "busy") {
      sound = sound && read(value, load.busy);
      fields_seen |= 1U;
    } else if (name == "slots") {
      sound = sound && read(value, load.slots);
      fields_seen |= 2U;
    } else if (name == "queued") {
      sound = sound && read(value, load.queued);
      fields_seen |= 4U;
    } else if (name == "drain") {
      sound = sound && read(value, load.drain_per_s) && std::isfinite(load.drain_per_s) &&
              load.drain_per_s >= 0;
      fields_seen |= 8U;
    } else if (name == "cache") {
      sound = sound && read(value, load.cache_bytes);
      fields_seen |= 16U;
    }  // a newer agent's field: ignored
  }
  if (!sound || fields_seen != 31U) {
    return base::fail(base::Reason::Internal, "A node's load cannot be read.", std::string(text));
  }
  return load;
}

}  // namespace millrace::pipeline
