// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pipeline/command_spec.h"

namespace millrace::discovery {

enum class NodeState { Starting, Serving, Draining, Down };
std::string_view word_of(NodeState state);

// One kind of worker on a node, with what it can do. Absent while no worker of it is up.
struct NodeKind {
  std::string kind;
  std::uint32_t slots = 0;
  std::vector<pipeline::CommandSpec> commands;
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
};

std::string to_json(const NodeRecord& record);
base::Result<NodeRecord> node_record_from_json(std::string_view json);

}  // namespace millrace::discovery
