// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "base/error.h"
#include "discovery/registry.h"
#include "gateway/full_gate.h"
#include "net/endpoint.h"
#include "pipeline/pipeline.h"
#include "pipeline/task.h"

namespace millrace::gateway {

// A node as one thread of the gateway sees it. Requests on their way keep it alive over newer
// snapshots.
struct Node {
  std::shared_ptr<const discovery::NodeRecord> record;
  net::Endpoint endpoint;
  std::uint64_t hash = 0;           // not 0
  std::uint32_t in_flight = 0;      // sent by this thread, not finished
  double in_flight_cpu_ms = 0;      // what these are expected to take
  std::uint32_t reported_load = 0;  // busy + queued, its own word
  double reported_cpu_ms = 0;       // what these are expected to take; 0: it does not say
  base::TimePoint reported_at{};    // steady clock
  base::TimePoint asked_at{};       // for its load
  base::TimePoint ejected_until{};
  // Of a tier whose queue was full once; and, by tier and bucket, of an origin that prepared all it
  // may while the queue had room for others.
  std::map<std::string, FullGate, std::less<>> gates;
  std::map<std::string, FullGate> bucket_gates;
};

struct NodeTableOptions {
  std::string cell = "default";
  double load_bound = 1.25;
  base::Duration ejection = std::chrono::seconds(1);
  base::Duration load_report_life = std::chrono::seconds(1);
  std::size_t threads = 1;  // of this gateway, each with a table of its own
};

// What is to be placed. Views outlive the call.
struct Placement {
  const pipeline::Pipeline& pipeline;
  std::string_view kind;  // of the pipeline's first command
  std::uint64_t source_hash = 0;
  std::string_view tier;
  std::string_view bucket = {};
  bool user_is_behind = false;  // has less on its way than others of the tier
  // A node that was asked already. A second one is asked only if it has room as far as is known.
  const Node* not_this = nullptr;
  std::uint64_t probably_cached_at = 0;  // hash of a node that may need no queue for it; 0: none
};

// Whose room on a node is spoken of. Views outlive the call.
struct GateName {
  std::string_view tier;
  std::string_view bucket = {};
};

enum class ChoiceKind {
  Chosen,
  Probe,    // chosen although every queue is full: to see whether it still is
  Cached,   // chosen although every queue is full: it probably needs none
  AllFull,  // no node: every candidate's queue for this tier is full
  NoNode,   // no node can do it
};
struct Choice {
  ChoiceKind kind = ChoiceKind::NoNode;
  std::shared_ptr<Node> node;    // null for AllFull and NoNode
  base::Duration retry_after{};  // of AllFull
};

// The routing decider: bounded-load rendezvous hashing on the source's key, so that the same
// original meets the same memory cache. No I/O; one thread. A node is left out while it is not
// serving, in another cell, cannot run every command of the pipeline, or is ejected. Those whose
// queue for the tier is full come into question only when all are. The one with the highest
// weighted score wins, unless it has no free slot and its load is above load_bound times its share
// of all load: then the next is looked at. Load is expected processor time where the nodes tell it,
// else a count of requests.
class NodeTable {
 public:
  explicit NodeTable(NodeTableOptions options) : options_(std::move(options)) {}

  // Takes over a newer snapshot. A node that is still the same incarnation keeps its load and its
  // ejection. Gives the ids of nodes whose address cannot be read (they are left out).
  std::vector<std::string> update(const discovery::Snapshot& snapshot);

  // O(nodes of the cell).
  [[nodiscard]] Choice choose(const Placement& work, base::TimePoint now);

  // A node's word about its load, from any answer of it.
  void report(Node& node, const pipeline::NodeLoad& load, base::TimePoint now) const;
  // A request of the tier was refused because its queue is full.
  void note_full(Node& node, std::string_view tier, const FullNews& news,
                 base::TimePoint now) const;
  // A request was refused because too many of its bucket's origin are fetched already.
  void note_bucket_full(Node& node, const GateName& name, const FullNews& news,
                        base::TimePoint now) const;
  // A request that held a place there was answered.
  static void note_finished(Node& node, const GateName& name);
  // A request was refused there: because there was no room, or after it had a place.
  void note_refused(Node& node, const GateName& name, base::Reason reason, const FullNews& news,
                    base::TimePoint now) const;
  void eject(Node& node, base::TimePoint now) const;

  [[nodiscard]] std::size_t serving_count() const { return nodes_.size(); }

  [[nodiscard]] const std::vector<std::shared_ptr<Node>>& nodes() const { return nodes_; }

 private:
  struct Candidate {
    std::shared_ptr<Node>* node;
    double score;
    std::uint32_t slots;
    std::uint32_t count;    // of requests
    double load;            // in the unit of this choice
    FullGate* tier_gate;    // null: it is not full
    FullGate* bucket_gate;  // null likewise
    [[nodiscard]] bool full() const { return tier_gate != nullptr || bucket_gate != nullptr; }
    [[nodiscard]] base::Duration retry_after() const;
    bool try_probe(base::TimePoint now, bool behind);
  };
  [[nodiscard]] bool is_fresh(const Node& node, base::TimePoint now) const;
  void collect(const Placement& work, base::TimePoint now);
  // The best of those that are full or not, as asked; null when there are none.
  [[nodiscard]] Candidate* best(bool full, double load_per_slot);
  [[nodiscard]] Choice choose_among_full(const Placement& work, double load_per_slot,
                                         base::TimePoint now);

  NodeTableOptions options_;
  std::vector<std::shared_ptr<Node>> nodes_;  // serving, in the cell, address readable
  std::vector<Candidate> candidates_;         // kept between calls for its memory
};

// 64 bits that are the same in every gateway and version: FNV-1a and a finaliser.
std::uint64_t stable_hash(std::string_view text, std::uint64_t seed = 0);

}  // namespace millrace::gateway
