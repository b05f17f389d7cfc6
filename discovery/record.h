// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pipeline/command_spec.h"

namespace millrace::discovery {

enum class NodeState { Starting, Serving, Draining, Down };
std::string_view word_of(NodeState state);
std::optional<NodeState> node_state_from_word(std::string_view word);

// One kind of worker on a node, with what it can do. Absent while no worker of it is up.
struct NodeKind {
  std::string kind;
  std::uint32_t slots = 0;
  std::vector<pipeline::CommandSpec> commands;
  friend bool operator==(const NodeKind&, const NodeKind&) = default;
};

// The slow facts of a node; docs/formats/node-record.md has the JSON.
struct NodeRecord {
  static constexpr int kVersion = 1;
  std::string id;           // stable over restarts
  std::string incarnation;  // new at every start
  std::string address;      // net::Endpoint text of the agent's task port
  std::string cell;
  std::string build;
  NodeState state = NodeState::Starting;
  std::vector<NodeKind> kinds;
  friend bool operator==(const NodeRecord&, const NodeRecord&) = default;
};

// Letters, digits, '-', '_' and '.', 1 to 128 of them: ids stand in paths and metric labels.
bool is_node_id(std::string_view text);

std::string to_json(const NodeRecord& record);
// BadParameter with a sentence for anything that is not a record of a version understood here.
// Fields that are not known are ignored; so is a command that this version cannot read, and what
// else the kind offers stays.
base::Result<NodeRecord> node_record_from_json(std::string_view json);

}  // namespace millrace::discovery
