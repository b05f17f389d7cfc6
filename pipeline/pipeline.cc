// SPDX-License-Identifier: Apache-2.0
#include "pipeline/pipeline.h"

#include <algorithm>
#include <utility>

#include "pipeline/value.h"

namespace millrace::pipeline {
namespace {

const std::string* text_of(const std::vector<CommandCall::Argument>& arguments,
                           std::string_view name) {
  const auto found = std::ranges::find(arguments, name, &CommandCall::Argument::name);
  return found == arguments.end() ? nullptr : &found->text;
}

}  // namespace

CommandCall::CommandCall(std::string name, std::vector<Argument> arguments)
    : name_(std::move(name)), arguments_(std::move(arguments)) {}

std::optional<std::int64_t> CommandCall::integer(std::string_view parameter) const {
  const std::string* text = text_of(arguments_, parameter);
  return text == nullptr ? std::nullopt : whole_number(*text);
}

std::optional<std::string> CommandCall::choice(std::string_view parameter) const {
  const std::string* text = text_of(arguments_, parameter);
  if (text == nullptr) return std::nullopt;
  return *text;
}

std::optional<QualityValue> CommandCall::quality(std::string_view parameter) const {
  const std::string* text = text_of(arguments_, parameter);
  if (text == nullptr) return std::nullopt;
  std::string_view digits = *text;
  const bool forced = digits.ends_with('!');
  if (forced) digits.remove_suffix(1);
  const auto percent = whole_number(digits);
  if (!percent) return std::nullopt;
  return QualityValue{*percent, forced};
}

std::optional<SizeValue> CommandCall::size(std::string_view parameter) const {
  const std::string* text = text_of(arguments_, parameter);
  if (text == nullptr) return std::nullopt;
  const std::string_view both = *text;
  const std::size_t cross = both.find('x');
  if (cross == std::string_view::npos) return std::nullopt;
  const auto width = whole_number(both.substr(0, cross));
  const auto height = whole_number(both.substr(cross + 1));
  if (!width || !height) return std::nullopt;
  return SizeValue{*width, *height};
}

std::optional<Color> CommandCall::color(std::string_view parameter) const {
  const std::string* text = text_of(arguments_, parameter);
  return text == nullptr ? std::nullopt : color_from_value(*text);
}

std::optional<std::string> CommandCall::form(std::string_view parameter) const {
  return choice(parameter);
}

std::optional<std::string> CommandCall::decoded(std::string_view parameter) const {
  const std::string* text = text_of(arguments_, parameter);
  return text == nullptr ? std::nullopt : text_from_value(*text);
}

bool CommandCall::flag(std::string_view parameter) const {
  return text_of(arguments_, parameter) != nullptr;
}

std::string CommandCall::text() const {
  std::size_t length = name_.size();
  for (const Argument& argument : arguments_) {
    length += 2 + argument.name.size() + argument.text.size();
  }
  std::string result;
  result.reserve(length);
  result += name_;
  for (const Argument& argument : arguments_) {
    if (!argument.positional) {
      result += '/';
      result += argument.name;
    }
    if (argument.text.empty()) continue;  // a flag
    result += '/';
    result += argument.text;
  }
  return result;
}

std::string Pipeline::text() const {
  std::string result;
  for (const CommandCall& command : commands) {
    if (!result.empty()) result += '|';
    result += command.text();
  }
  return result;
}

bool Pipeline::ignores_errors() const {
  return std::ranges::any_of(commands, [](const CommandCall& command) {
    const std::string* text = text_of(command.arguments(), "ignore-error");
    return text != nullptr && *text == "1";
  });
}

}  // namespace millrace::pipeline
