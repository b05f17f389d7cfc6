// SPDX-License-Identifier: Apache-2.0
#include "gateway/cost_book.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace millrace::gateway {
namespace {

constexpr double kSampleWeight = 0.1;  // of a new sample once enough were seen

// No name and no number is longer: what is, is text of the client's.
constexpr std::size_t kWordBytesMax = 24;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void add_shape(std::string& shape, std::string_view segment) {
  if (segment.size() > kWordBytesMax) {
    shape += '*';
    return;
  }
  for (const char c : segment) {
    if (!is_digit(c)) {
      shape += c;
    } else if (!shape.ends_with('#')) {
      shape += '#';
    }
  }
}

}  // namespace

std::string shape_of(std::string_view pipeline) {
  std::string shape;
  shape.reserve(pipeline.size());
  while (true) {
    const std::size_t end = pipeline.find_first_of("/|");
    add_shape(shape, pipeline.substr(0, end));
    if (end == std::string_view::npos) return shape;
    shape += pipeline[end];
    pipeline.remove_prefix(end + 1);
  }
}

std::string command_names_of(std::string_view pipeline) {
  std::string names;
  while (true) {
    const std::size_t bar = pipeline.find('|');
    const std::string_view command = pipeline.substr(0, bar);
    names += command.substr(0, command.find('/'));
    if (bar == std::string_view::npos) return names;
    names += '|';
    pipeline.remove_prefix(bar + 1);
  }
}

// The first samples count alike, so that the very first is not the mean for long.
void CostBook::Mean::add(double sample_ms) {
  samples += 1;
  const double weight = std::max(kSampleWeight, 1 / samples);
  value_ms += weight * (sample_ms - value_ms);
}

void CostBook::add(Means& means, std::string key, double cpu_ms) const {
  const auto found = means.find(key);
  if (found != means.end()) {
    found->second.add(cpu_ms);
  } else if (means.size() < shapes_max_) {
    means[std::move(key)].add(cpu_ms);
  }
}

void CostBook::learn(std::string_view pipeline, double cpu_ms) {
  if (!std::isfinite(cpu_ms) || cpu_ms < 0) return;
  mean_.add(cpu_ms);
  add(by_shape_, shape_of(pipeline), cpu_ms);
  add(by_commands_, command_names_of(pipeline), cpu_ms);
}

std::optional<double> CostBook::expect(std::string_view pipeline) const {
  if (const auto found = by_shape_.find(shape_of(pipeline)); found != by_shape_.end()) {
    return found->second.value_ms;
  }
  const auto found = by_commands_.find(command_names_of(pipeline));
  return found == by_commands_.end() ? std::nullopt : std::optional(found->second.value_ms);
}

}  // namespace millrace::gateway
