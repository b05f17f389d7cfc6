// SPDX-License-Identifier: Apache-2.0
#include "gateway/node_table.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace millrace::gateway {
namespace {

// splitmix64's finaliser: FNV alone leaves the high bits of short keys poorly mixed.
std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9ULL;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebULL;
  x ^= x >> 31;
  return x;
}

// Weighted rendezvous hashing: -w / ln(u) with u uniform in (0, 1). A node with twice the slots
// gets twice the keys, and only the keys of a node that goes are moved.
double score_of(std::uint64_t node_hash, std::uint64_t source_hash, std::uint32_t weight) {
  const std::uint64_t bits = mix(node_hash ^ (source_hash * 0x9e3779b97f4a7c15ULL));
  const double u = (static_cast<double>(bits >> 11) + 0.5) * 0x1.0p-53;
  return -static_cast<double>(weight) / std::log(u);
}

bool runs_command(const discovery::NodeRecord& record, std::string_view name) {
  return std::ranges::any_of(record.kinds, [name](const discovery::NodeKind& kind) {
    return std::ranges::any_of(kind.commands,
                               [name](const auto& command) { return command.name == name; });
  });
}

bool runs(const discovery::NodeRecord& record, const pipeline::Pipeline& pipeline) {
  return std::ranges::all_of(pipeline.commands, [&record](const pipeline::CommandCall& call) {
    return runs_command(record, call.name());
  });
}

std::uint32_t slots_of(const discovery::NodeRecord& record, std::string_view kind) {
  for (const discovery::NodeKind& each : record.kinds) {
    if (each.kind == kind) return each.slots;
  }
  return 0;
}

}  // namespace

std::uint64_t stable_hash(std::string_view text, std::uint64_t seed) {
  std::uint64_t hash = 0xcbf29ce484222325ULL ^ seed;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ULL;
  }
  return mix(hash);
}

std::vector<std::string> NodeTable::update(const discovery::Snapshot& snapshot) {
  std::vector<std::string> unreadable;
  std::vector<std::shared_ptr<Node>> nodes;
  for (const auto& record : snapshot.nodes) {
    if (record->state != discovery::NodeState::Serving || record->cell != options_.cell) continue;
    const auto known = std::ranges::find_if(nodes_, [&record](const auto& node) {
      return node->record->id == record->id && node->record->incarnation == record->incarnation &&
             node->record->address == record->address;
    });
    if (known != nodes_.end()) {
      (*known)->record = record;
      nodes.push_back(*known);
      continue;
    }
    auto endpoint = net::parse_endpoint(record->address);
    if (!endpoint) {
      unreadable.push_back(record->id);
      continue;
    }
    auto node = std::make_shared<Node>();
    node->record = record;
    node->endpoint = *std::move(endpoint);
    node->hash = stable_hash(record->id);
    nodes.push_back(std::move(node));
  }
  nodes_ = std::move(nodes);
  return unreadable;
}

std::uint32_t NodeTable::load_of(const Node& node, base::TimePoint now) const {
  const bool fresh = now - node.reported_at < options_.load_report_life;
  return fresh ? std::max(node.in_flight, node.reported_load) : node.in_flight;
}

std::shared_ptr<Node> NodeTable::choose(const pipeline::Pipeline& pipeline, std::string_view kind,
                                        std::uint64_t source_hash, const Node* not_this,
                                        base::TimePoint now) {
  candidates_.clear();
  double load_total = 1;  // with the request that is being placed
  double slots_total = 0;
  for (std::shared_ptr<Node>& node : nodes_) {
    if (node.get() == not_this || now < node->ejected_until) continue;
    const std::uint32_t slots = slots_of(*node->record, kind);
    if (slots == 0 || !runs(*node->record, pipeline)) continue;
    const std::uint32_t load = load_of(*node, now);
    candidates_.push_back({&node, score_of(node->hash, source_hash, slots), load, slots});
    load_total += load;
    slots_total += slots;
  }
  const Candidate* best = nullptr;
  for (const Candidate& candidate : candidates_) {
    const double share = load_total * candidate.slots / slots_total;
    const double capacity =
        std::max<double>(candidate.slots, std::ceil(options_.load_bound * share));
    // At least one passes: if all were at their bound, the loads would add up to more than their
    // sum.
    if (candidate.load + 1 > capacity) continue;
    if (best == nullptr || candidate.score > best->score) best = &candidate;
  }
  return best == nullptr ? nullptr : *best->node;
}

void NodeTable::report(Node& node, const pipeline::NodeLoad& load, base::TimePoint now) const {
  node.reported_load = load.busy + load.queued;
  node.reported_at = now;
}

void NodeTable::eject(Node& node, base::TimePoint now) const {
  node.ejected_until = now + options_.ejection;
}

}  // namespace millrace::gateway
