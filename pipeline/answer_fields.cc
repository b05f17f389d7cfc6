// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <cmath>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "pipeline/target.h"
#include "pipeline/task.h"

namespace millrace::pipeline {
namespace {

constexpr std::size_t kFullTiersMax = 64;

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end;
}

bool read_rate(std::string_view text, double& rate) {
  return read_number(text, rate) && std::isfinite(rate) && rate >= 0;
}

bool read_tiers(std::string_view text, std::vector<std::string>& tiers) {
  while (!text.empty()) {
    const std::size_t plus = text.find('+');
    auto tier = percent_decode(text.substr(0, plus));
    if (!tier || tier->empty() || tiers.size() >= kFullTiersMax) return false;
    tiers.push_back(std::move(*tier));
    text.remove_prefix(plus == std::string_view::npos ? text.size() : plus + 1);
  }
  return true;
}

std::optional<unsigned> bit_if(bool sound, unsigned bit) {
  return sound ? std::optional(bit) : std::nullopt;
}

// "name=value, name=value": gives each to `read`, which answers the field's bit, or nullopt when
// its value is broken.
template <class Read>
bool read_fields(std::string_view text, unsigned& seen, const Read& read) {
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view item = trimmed(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) return false;
    const auto field = read(item.substr(0, equals), item.substr(equals + 1));
    if (!field) return false;
    seen |= *field;
  }
  return true;
}

// Reads one field into `load`; nullopt when its value is broken, else its place among those that
// must be there (0 for a newer agent's field, which is ignored).
std::optional<unsigned> read_field(std::string_view name, std::string_view value, NodeLoad& load) {
  if (name == "busy") return bit_if(read_number(value, load.busy), 1U);
  if (name == "slots") return bit_if(read_number(value, load.slots), 2U);
  if (name == "queued") return bit_if(read_number(value, load.queued), 4U);
  if (name == "drain") return bit_if(read_rate(value, load.drain_per_s), 8U);
  if (name == "cache") return bit_if(read_number(value, load.cache_bytes), 16U);
  if (name == "queued_cpu_ms") return bit_if(read_number(value, load.queued_cpu_ms), 32U);
  if (name == "running_cpu_ms") return bit_if(read_number(value, load.running_cpu_ms), 64U);
  if (name == "full") return bit_if(read_tiers(value, load.full_tiers), 128U);
  if (name == "v") return bit_if(read_number(value, load.version) && load.version > 0, 0U);
  return 0U;
}

constexpr unsigned kFieldsOfVersion1 = 31U;
constexpr unsigned kFieldsOfVersion2 = 255U;

}  // namespace

std::string to_header(const NodeLoad& load) {
  std::string text = fmt::format(
      "v={}, busy={}, slots={}, queued={}, drain={:.3f}, cache={}, queued_cpu_ms={}, "
      "running_cpu_ms={}, full=",
      NodeLoad::kVersion, load.busy, load.slots, load.queued,
      std::isfinite(load.drain_per_s) ? load.drain_per_s : 0.0, load.cache_bytes,
      load.queued_cpu_ms, load.running_cpu_ms);
  bool first = true;
  for (const std::string& tier : load.full_tiers) {
    if (!first) text += '+';
    first = false;
    text += percent_encode_path(tier);
  }
  return text;
}

base::Result<NodeLoad> node_load_from_header(std::string_view text) {
  NodeLoad load;
  load.version = 1;
  unsigned seen = 0;
  const bool sound =
      read_fields(text, seen, [&load](std::string_view name, std::string_view value) {
        return read_field(name, value, load);
      });
  const unsigned expected = load.version == 1 ? kFieldsOfVersion1 : kFieldsOfVersion2;
  if (!sound || (seen & expected) != expected) {
    return base::fail(base::Reason::Internal, "A node's load cannot be read.", std::string(text));
  }
  return load;
}

std::string to_header(const TaskCost& cost) {
  return fmt::format("predicted={:.3f}, actual={:.3f}, memory_predicted={}, memory_peak={}",
                     cost.predicted_cpu_ms, cost.actual_cpu_ms, cost.memory_predicted_bytes,
                     cost.memory_peak_bytes);
}

base::Result<TaskCost> task_cost_from_header(std::string_view text) {
  TaskCost cost;
  unsigned seen = 0;
  const auto read = [&cost](std::string_view name,
                            std::string_view value) -> std::optional<unsigned> {
    if (name == "predicted") return bit_if(read_rate(value, cost.predicted_cpu_ms), 1U);
    if (name == "actual") return bit_if(read_rate(value, cost.actual_cpu_ms), 2U);
    if (name == "memory_predicted") {
      return bit_if(read_number(value, cost.memory_predicted_bytes), 4U);
    }
    if (name == "memory_peak") return bit_if(read_number(value, cost.memory_peak_bytes), 8U);
    return 0U;
  };
  constexpr unsigned kAll = 15U;
  if (!read_fields(text, seen, read) || (seen & kAll) != kAll) {
    return base::fail(base::Reason::Internal, "A task's cost cannot be read.", std::string(text));
  }
  return cost;
}

}  // namespace millrace::pipeline
