// SPDX-License-Identifier: Apache-2.0
#include "pipeline/pipeline_form.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include <fmt/format.h>

#include "pipeline/wording.h"

namespace millrace::pipeline {
namespace {

constexpr std::size_t kNameBytesMax = 64;

base::Failure refuse(std::string sentence) {
  return base::fail(base::Reason::BadParameter, std::move(sentence));
}

bool is_command_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

base::Result<void> check_characters(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_sequence_bytes(text.substr(at));
    const auto byte = static_cast<unsigned char>(text[at]);
    if (length == 0 || byte < 0x20 || byte == 0x7F) {
      return refuse("A pipeline has neither control characters nor bytes that are not UTF-8.");
    }
    if (text[at] == '&') return refuse("A pipeline ends before \"&\"; leave it out.");
    if (text[at] == '%' && at + 2 < text.size() && is_hex(text[at + 1]) && is_hex(text[at + 2])) {
      return refuse(
          fmt::format("Write the pipeline decoded, without {}.", in_quotes(text.substr(at, 3))));
    }
    at += length;
  }
  return {};
}

base::Result<void> check_command(std::string_view command) {
  if (command.ends_with('/')) command.remove_suffix(1);
  const std::string_view name = command.substr(0, command.find('/'));
  if (name.empty()) {
    return refuse(
        "A command of the pipeline is empty; write command/parameter/value, and one "
        "\"|\" between two commands.");
  }
  if (!is_command_name(name)) {
    return refuse(fmt::format("{} is no name of a command.", in_quotes(name)));
  }
  if (command.ends_with('/') || command.find("//") != std::string_view::npos) {
    return refuse(fmt::format("{}: two slashes stand side by side, or one too many at the end.",
                              in_quotes(name)));
  }
  return {};
}

}  // namespace

base::Result<void> check_pipeline_form(std::string_view text, const PipelineLimits& limits) {
  if (text.empty()) return refuse("The pipeline is empty.");
  if (text.size() > limits.text_bytes_max) {
    return refuse(fmt::format("The pipeline is {} bytes long; at most {} are allowed.", text.size(),
                              limits.text_bytes_max));
  }
  const auto count = static_cast<std::size_t>(std::ranges::count(text, '|')) + 1;
  if (count > limits.commands_max) {
    return refuse(fmt::format("The pipeline has {} commands; at most {} are allowed.", count,
                              limits.commands_max));
  }
  if (auto checked = check_characters(text); !checked) return checked;
  while (true) {
    const std::size_t bar = text.find('|');
    if (auto checked = check_command(text.substr(0, bar)); !checked) return checked;
    if (bar == std::string_view::npos) return {};
    text.remove_prefix(bar + 1);
  }
}

}  // namespace millrace::pipeline
