// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/task_features.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

namespace millrace::agent {
namespace {

constexpr std::size_t kChainBytesMax = 256;

struct Sides {
  double width = 0;
  double height = 0;
};

std::optional<double> number(std::string_view text) {
  std::uint32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<Sides> size_in(std::string_view text) {
  const std::size_t x = text.find('x');
  if (x == std::string_view::npos) return std::nullopt;
  const auto width = number(text.substr(0, x));
  const auto height = number(text.substr(x + 1));
  if (!width || !height) return std::nullopt;
  return Sides{*width, *height};
}

// The picture within bounds that may be given by one side alone (0: not given), never enlarged.
Sides bounded(Sides picture, Sides bounds) {
  if (picture.width <= 0 || picture.height <= 0) return bounds;
  if (bounds.width == 0 && bounds.height == 0) return picture;
  if (bounds.width == 0) bounds.width = bounds.height * picture.width / picture.height;
  if (bounds.height == 0) bounds.height = bounds.width * picture.height / picture.width;
  return {std::min(picture.width, bounds.width), std::min(picture.height, bounds.height)};
}

// Adds the call to the chain and applies what it says of sizes and the format.
void take_call(const pipeline::CommandCall& call, TaskFeatures& features, Sides& sides) {
  if (!features.chain.empty()) features.chain += '|';
  features.chain += call.name();
  Sides bounds;
  for (const auto& argument : call.arguments()) {
    if (const auto size = size_in(argument.text)) {
      bounds = *size;
    } else if (argument.name == "w") {
      bounds.width = number(argument.text).value_or(0);
    } else if (argument.name == "h") {
      bounds.height = number(argument.text).value_or(0);
    } else if (argument.name == "format") {
      features.format_out = argument.text == "jpg" ? "jpeg" : argument.text;
    } else if (argument.name != "q" && argument.name != "ignore-error") {
      if (!argument.positional) features.chain += "/" + argument.name;
      features.chain += "/" + argument.text;
    }
  }
  sides = bounded(sides, bounds);
}

}  // namespace

TaskFeatures features_of(const ipc::Probe& probe, const pipeline::Pipeline& plan,
                         const pipeline::Catalogue& catalogue) {
  TaskFeatures features;
  features.format_in = probe.format;
  Sides sides{static_cast<double>(probe.width), static_cast<double>(probe.height)};
  constexpr int kFirstTurned = 5;  // EXIF orientations from here on exchange the sides
  if (probe.orientation >= kFirstTurned) std::swap(sides.width, sides.height);
  features.source_px = sides.width * sides.height;
  features.frames = static_cast<double>(std::max<std::int64_t>(1, probe.frames));
  features.seconds = static_cast<double>(probe.duration_ms) / 1e3;
  bool gives_picture = true;
  for (const pipeline::CommandCall& call : plan.commands) {
    take_call(call, features, sides);
    const pipeline::CommandSpec* spec = catalogue.find(call.name());
    gives_picture = spec == nullptr || spec->gives != "json";
  }
  if (gives_picture) features.result_px = sides.width * sides.height;
  if (features.chain.size() > kChainBytesMax) features.chain.resize(kChainBytesMax);
  return features;
}

}  // namespace millrace::agent
