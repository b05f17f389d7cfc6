// SPDX-License-Identifier: Apache-2.0
#include "pipeline/json_fields.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace millrace::pipeline {
namespace {

// Nothing that is sent is deeper than a reply > body > headers or a describe > command > parameter
// > choices.
constexpr int kDepthMax = 16;

// Looked at beforehand: the parser can be asked to watch the depth, and then takes twice as long.
bool is_too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (depth > kDepthMax) return true;
  }
  return false;
}

}  // namespace

std::optional<nlohmann::json> parse_json_object(std::string_view text) {
  if (is_too_deep(text)) return std::nullopt;
  auto value = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
  if (value.is_discarded() || !value.is_object()) return std::nullopt;
  return value;
}

std::string dump_json(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void JsonFields::refuse(std::string sentence) {
  if (mistake_.empty()) mistake_ = std::move(sentence);
}

void JsonFields::wrong(std::string_view name, std::string_view expected) {
  refuse(fmt::format("{} must be {}", name, expected));
}

const nlohmann::json* JsonFields::member(std::string_view name, Presence presence) {
  if (failed()) return nullptr;
  const auto found = object_.find(name);
  if (found != object_.end()) return &*found;
  if (presence == Presence::Required) refuse(fmt::format("{} is missing", name));
  return nullptr;
}

void JsonFields::text(std::string_view name, std::string& value, Presence presence,
                      std::size_t bytes_max) {
  const nlohmann::json* found = member(name, presence);
  if (found == nullptr) return;
  if (!found->is_string()) return wrong(name, "text");
  const auto& given = found->get_ref<const std::string&>();
  if (given.size() > bytes_max) return wrong(name, fmt::format("at most {} bytes", bytes_max));
  value = given;
}

void JsonFields::flag(std::string_view name, bool& value, Presence presence) {
  const nlohmann::json* found = member(name, presence);
  if (found == nullptr) return;
  if (!found->is_boolean()) return wrong(name, "true or false");
  value = found->get<bool>();
}

void JsonFields::number(std::string_view name, double& value, Presence presence) {
  const nlohmann::json* found = member(name, presence);
  if (found == nullptr) return;
  if (!found->is_number()) return wrong(name, "a number");
  value = found->get<double>();
}

void JsonFields::read_signed(std::string_view name, std::int64_t& value, Presence presence,
                             std::int64_t min, std::int64_t max) {
  const nlohmann::json* found = member(name, presence);
  if (found == nullptr) return;
  const bool beyond = found->is_number_unsigned() &&
                      found->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX);
  if (!found->is_number_integer() || beyond || found->get<std::int64_t>() < min ||
      found->get<std::int64_t>() > max) {
    return wrong(name, fmt::format("a whole number from {} to {}", min, max));
  }
  value = found->get<std::int64_t>();
}

void JsonFields::read_unsigned(std::string_view name, std::uint64_t& value, Presence presence,
                               std::uint64_t min, std::uint64_t max) {
  const nlohmann::json* found = member(name, presence);
  if (found == nullptr) return;
  if (!found->is_number_unsigned() || found->get<std::uint64_t>() < min ||
      found->get<std::uint64_t>() > max) {
    return wrong(name, fmt::format("a whole number from {} to {}", min, max));
  }
  value = found->get<std::uint64_t>();
}

void JsonFields::texts(std::string_view name, std::vector<std::string>& value, Presence presence,
                       std::size_t count_max) {
  const nlohmann::json* found = array(name, presence);
  if (found == nullptr) return;
  if (found->size() > count_max) return wrong(name, fmt::format("at most {} texts", count_max));
  std::vector<std::string> read;
  for (const nlohmann::json& item : *found) {
    if (!item.is_string()) return wrong(name, "a list of texts");
    read.push_back(item.get<std::string>());
  }
  value = std::move(read);
}

const nlohmann::json* JsonFields::object(std::string_view name, Presence presence) {
  const nlohmann::json* found = member(name, presence);
  if (found != nullptr && !found->is_object()) {
    wrong(name, "an object");
    return nullptr;
  }
  return found;
}

const nlohmann::json* JsonFields::array(std::string_view name, Presence presence) {
  const nlohmann::json* found = member(name, presence);
  if (found != nullptr && !found->is_array()) {
    wrong(name, "a list");
    return nullptr;
  }
  return found;
}

}  // namespace millrace::pipeline
