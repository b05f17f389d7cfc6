// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/task_features.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <optional>
#include <string_view>

#include "pipeline/format_choice.h"

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

// "80" or "80!".
bool number_or_forced(std::string_view text) {
  if (text.ends_with('!')) text.remove_suffix(1);
  return number(text).has_value();
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

// Of a value that has one of several forms the form alone goes into the name, and its w and h bound
// the picture at once: such values are worked off in their order. False: it is no such value.
bool take_form(const pipeline::CommandSpec* spec, const pipeline::CommandCall::Argument& argument,
               TaskFeatures& features, Sides& sides) {
  const pipeline::ParameterSpec* parameter =
      spec == nullptr ? nullptr : spec->find_named(argument.name);
  if (parameter == nullptr || parameter->kind != pipeline::ParameterKind::Form) return false;
  const auto value = pipeline::match_form(parameter->forms, argument.text);
  if (!value) return false;
  const pipeline::ValueForm& form = parameter->forms[value->form];
  features.chain += "/" + argument.name + "/" + form.text;
  Sides bounds;
  for (std::size_t i = 0; i < form.numbers.size(); ++i) {
    if (form.numbers[i].name == "w") bounds.width = value->numbers[i];
    if (form.numbers[i].name == "h") bounds.height = value->numbers[i];
  }
  sides = bounded(sides, bounds);
  return true;
}

// What a client may write in a thousand ways without changing what it costs.
bool is_free(const pipeline::CommandSpec* spec, const std::string& name) {
  const pipeline::ParameterSpec* parameter = spec == nullptr ? nullptr : spec->find_named(name);
  return parameter != nullptr && (parameter->kind == pipeline::ParameterKind::Color ||
                                  parameter->kind == pipeline::ParameterKind::Text);
}

// What the file will be, as far as the plan tells: of format/auto the dearest that it may become.
// format/best is a format of its own, for it costs the trials of all of its set.
std::string format_of(const std::string& text) {
  const auto set = pipeline::set_of_auto_format(text);
  if (!set) return text == "jpg" ? "jpeg" : text;
  if (set->avif) return "avif";
  if (set->jxl) return "jxl";
  return set->webp ? "webp" : "";
}

// Adds the call to the chain and applies what it says of sizes and the format.
void take_call(const pipeline::CommandCall& call, const pipeline::CommandSpec* spec,
               TaskFeatures& features, Sides& sides) {
  if (!features.chain.empty()) features.chain += '|';
  features.chain += call.name();
  Sides bounds;
  for (const auto& argument : call.arguments()) {
    if (argument.is_picture) {
      // Which one it is does not matter, but how many there are.
      features.chain += "/" + argument.name;
      continue;
    }
    if (take_form(spec, argument, features, sides) || is_free(spec, argument.name)) continue;
    if (const auto size = size_in(argument.text)) {
      bounds = *size;
    } else if (argument.name == "w") {
      bounds.width = number(argument.text).value_or(0);
    } else if (argument.name == "h") {
      bounds.height = number(argument.text).value_or(0);
    } else if (argument.name == "format") {
      features.format_out = format_of(argument.text);
    } else if (argument.name == "q" || argument.name == "quality") {
      // A number costs what any other costs; a search for one does not.
      if (!number_or_forced(argument.text)) features.chain += "/q/auto";
    } else if (argument.name != "ignore-error") {
      if (!argument.positional) features.chain += "/" + argument.name;
      if (!argument.text.empty()) features.chain += "/" + argument.text;
    }
  }
  sides = bounded(sides, bounds);
}

}  // namespace

TaskFeatures features_of(const ipc::Probe& probe, const pipeline::Pipeline& plan,
                         const pipeline::Catalogue& catalogue,
                         const std::vector<ipc::Probe>& others) {
  TaskFeatures features;
  features.format_in = probe.format;
  Sides sides{static_cast<double>(probe.width), static_cast<double>(probe.height)};
  constexpr int kFirstTurned = 5;  // EXIF orientations from here on exchange the sides
  if (probe.orientation >= kFirstTurned) std::swap(sides.width, sides.height);
  features.source_px = sides.width * sides.height;
  for (const ipc::Probe& other : others) {
    features.source_px += static_cast<double>(other.width) * static_cast<double>(other.height);
  }
  features.frames = static_cast<double>(std::max<std::int64_t>(1, probe.frames));
  features.seconds = static_cast<double>(probe.duration_ms) / 1e3;
  bool gives_picture = true;
  for (const pipeline::CommandCall& call : plan.commands) {
    const pipeline::CommandSpec* spec = catalogue.find(call.name());
    take_call(call, spec, features, sides);
    // A fact that rides on the picture as a header field leaves it the answer.
    gives_picture = spec == nullptr || spec->gives != "json" || call.choice("as") == "header";
  }
  if (gives_picture) features.result_px = sides.width * sides.height;
  if (features.chain.size() > kChainBytesMax) features.chain.resize(kChainBytesMax);
  return features;
}

bool can_share_decode(const TaskFeatures& task, base::Duration cpu) {
  constexpr base::Duration kCpuMax = std::chrono::milliseconds(500);
  const std::string& out = task.format_out;
  return task.format_in == "jpeg" && task.result_px > 0 && cpu <= kCpuMax &&
         (out.empty() || out == "jpeg" || out == "webp");
}

}  // namespace millrace::agent
