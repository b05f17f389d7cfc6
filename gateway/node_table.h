// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "discovery/registry.h"
#include "net/endpoint.h"
#include "pipeline/pipeline.h"
#include "pipeline/task.h"

namespace millrace::gateway {

// A node as one thread of the gateway sees it. Requests on their way keep it alive over newer
// snapshots.
struct Node {
  std::shared_ptr<const discovery::NodeRecord> record;
  net::Endpoint endpoint;
  std::uint64_t hash = 0;
  std::uint32_t in_flight = 0;      // sent by this thread, not finished
  std::uint32_t reported_load = 0;  // busy + queued, its own word
  base::TimePoint reported_at{};    // steady clock
  base::TimePoint ejected_until{};
};

struct NodeTableOptions {
  std::string cell = "default";
  double load_bound = 1.25;
  base::Duration ejection = std::chrono::seconds(1);
  base::Duration load_report_life = std::chrono::seconds(1);
};

// The routing decider: bounded-load rendezvous hashing on the source's key, so that the same
// original meets the same memory cache. No I/O; one thread. A node is left out while it is not
// serving, in another cell, cannot run every command of the pipeline, or is ejected. The one with
// the highest weighted score wins, unless its load is above both its slots and load_bound times its
// share of all load: then the next is looked at.
class NodeTable {
 public:
  explicit NodeTable(NodeTableOptions options) : options_(std::move(options)) {}

  // Takes over a newer snapshot. A node that is still the same incarnation keeps its load and its
  // ejection. Gives the ids of nodes whose address cannot be read (they are left out).
  std::vector<std::string> update(const discovery::Snapshot& snapshot);

  // The node for this work, or null. `not_this`: a node that has been tried already. `kind` is that
  // of the pipeline's first command. O(nodes of the cell).
  [[nodiscard]] std::shared_ptr<Node> choose(const pipeline::Pipeline& pipeline,
                                             std::string_view kind, std::uint64_t source_hash,
                                             const Node* not_this, base::TimePoint now);

  void report(Node& node, const pipeline::NodeLoad& load, base::TimePoint now) const;
  void eject(Node& node, base::TimePoint now) const;

  [[nodiscard]] std::size_t serving_count() const { return nodes_.size(); }

 private:
  [[nodiscard]] std::uint32_t load_of(const Node& node, base::TimePoint now) const;

  NodeTableOptions options_;
  std::vector<std::shared_ptr<Node>> nodes_;  // serving, in the cell, address readable
  struct Candidate {
    std::shared_ptr<Node>* node;
    double score;
    std::uint32_t load;
    std::uint32_t slots;
  };
  std::vector<Candidate> candidates_;  // kept between calls for its memory
};

// 64 bits that are the same in every gateway and version: FNV-1a and a finaliser.
std::uint64_t stable_hash(std::string_view text, std::uint64_t seed = 0);

}  // namespace millrace::gateway
