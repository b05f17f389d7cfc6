// SPDX-License-Identifier: Apache-2.0
#include "discovery/record.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "net/endpoint.h"

namespace millrace::discovery {
namespace {

using Json = nlohmann::json;
using base::Reason;
using base::Result;

constexpr std::size_t kKindsMax = 16;
constexpr std::size_t kCommandsPerKindMax = 256;
constexpr std::size_t kTextBytesMax = 128;

constexpr std::array kStates = {
    std::pair{NodeState::Starting, std::string_view("starting")},
    std::pair{NodeState::Serving, std::string_view("serving")},
    std::pair{NodeState::Draining, std::string_view("draining")},
    std::pair{NodeState::Down, std::string_view("down")},
};

base::Failure bad(const std::string& what) {
  return base::fail(Reason::BadParameter, "The node record is not valid: " + what);
}

Result<std::string> text_field(const Json& object, const char* name) {
  const auto field = object.find(name);
  if (field == object.end() || !field->is_string()) {
    return bad(std::string(name) + " has to be text");
  }
  auto text = field->get<std::string>();
  if (text.size() > kTextBytesMax) {
    return bad(std::string(name) + " is longer than " + std::to_string(kTextBytesMax) + " bytes");
  }
  return text;
}

Json to_json_value(const NodeKind& kind) {
  Json commands = Json::array();
  for (const pipeline::CommandSpec& spec : kind.commands) {
    commands.push_back(Json::parse(pipeline::to_json(spec)));
  }
  return {{"kind", kind.kind}, {"slots", kind.slots}, {"commands", std::move(commands)}};
}

Result<NodeKind> kind_from(const Json& object) {
  if (!object.is_object()) return bad("a kind has to be an object");
  NodeKind kind;
  auto name = text_field(object, "kind");
  if (!name) return base::fail(std::move(name.error()));
  kind.kind = std::move(*name);
  const auto slots = object.find("slots");
  if (slots == object.end() || !slots->is_number_unsigned() ||
      slots->get<std::uint64_t>() > UINT32_MAX) {
    return bad("slots has to be a count");
  }
  kind.slots = slots->get<std::uint32_t>();
  const auto commands = object.find("commands");
  if (commands == object.end() || !commands->is_array() || commands->size() > kCommandsPerKindMax) {
    return bad("commands has to be a list of at most " + std::to_string(kCommandsPerKindMax));
  }
  for (const Json& command : *commands) {
    auto spec = pipeline::command_spec_from_json(command.dump());
    if (spec) kind.commands.push_back(std::move(*spec));
  }
  return kind;
}

Result<NodeRecord> record_from(const Json& object) {
  const auto version = object.find("version");
  if (version == object.end() || !version->is_number_integer() || version->get<int>() < 1) {
    return bad("version has to be a number from 1");
  }
  NodeRecord record;
  std::string state;
  for (const auto& [name, target] :
       {std::pair{"id", &record.id}, std::pair{"incarnation", &record.incarnation},
        std::pair{"address", &record.address}, std::pair{"cell", &record.cell},
        std::pair{"build", &record.build}, std::pair{"state", &state}}) {
    auto text = text_field(object, name);
    if (!text) return base::fail(std::move(text.error()));
    *target = std::move(*text);
  }
  if (!is_node_id(record.id)) return bad("id has to be letters, digits, '-', '_' or '.'");
  if (record.incarnation.empty()) return bad("incarnation is empty");
  if (!net::parse_endpoint(record.address)) return bad("address has to be host:port");
  const auto known_state = node_state_from_word(state);
  if (!known_state) return bad("state has to be starting, serving, draining or down");
  record.state = *known_state;
  const auto kinds = object.find("kinds");
  if (kinds == object.end() || !kinds->is_array() || kinds->size() > kKindsMax) {
    return bad("kinds has to be a list of at most " + std::to_string(kKindsMax));
  }
  for (const Json& item : *kinds) {
    auto kind = kind_from(item);
    if (!kind) return base::fail(std::move(kind.error()));
    record.kinds.push_back(std::move(*kind));
  }
  return record;
}

}  // namespace

std::string_view word_of(NodeState state) {
  return std::ranges::find(kStates, state, &decltype(kStates)::value_type::first)->second;
}

std::optional<NodeState> node_state_from_word(std::string_view word) {
  const auto* row = std::ranges::find(kStates, word, &decltype(kStates)::value_type::second);
  if (row == kStates.end()) return std::nullopt;
  return row->first;
}

bool is_node_id(std::string_view text) {
  return !text.empty() && text.size() <= kTextBytesMax && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

std::string to_json(const NodeRecord& record) {
  Json kinds = Json::array();
  for (const NodeKind& kind : record.kinds) kinds.push_back(to_json_value(kind));
  const Json object = {{"version", NodeRecord::kVersion},
                       {"id", record.id},
                       {"incarnation", record.incarnation},
                       {"address", record.address},
                       {"cell", record.cell},
                       {"build", record.build},
                       {"state", word_of(record.state)},
                       {"kinds", std::move(kinds)}};
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<NodeRecord> node_record_from_json(std::string_view json) {
  const Json object = Json::parse(json, nullptr, false);
  if (!object.is_object()) return bad("it has to be a JSON object");
  try {
    return record_from(object);
  } catch (
      const Json::exception& error) {  // a number out of its type's range, text that is no UTF-8
    return bad(error.what());
  }
}

}  // namespace millrace::discovery
