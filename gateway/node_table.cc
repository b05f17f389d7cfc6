// SPDX-License-Identifier: Apache-2.0
#include "gateway/node_table.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace millrace::gateway {
namespace {

// The tiers are the configuration's, the buckets too: what a node says of others is not worth
// remembering without end.
constexpr std::size_t kTiersMax = 64;
constexpr std::size_t kBucketGatesMax = 1'024;

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

std::string bucket_gate_name(const GateName& of) {
  std::string name(of.tier);
  name += '\0';  // in no tier's name
  name += of.bucket;
  return name;
}

template <class Gates, class Name>
FullGate* shut_gate(Gates& gates, const Name& name, base::TimePoint now) {
  if (gates.empty()) return nullptr;
  const auto found = gates.find(name);
  return found != gates.end() && found->second.is_full(now) ? &found->second : nullptr;
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
    node->hash = std::max<std::uint64_t>(stable_hash(record->id), 1);
    nodes.push_back(std::move(node));
  }
  nodes_ = std::move(nodes);
  return unreadable;
}

bool NodeTable::is_fresh(const Node& node, base::TimePoint now) const {
  return now - node.reported_at < options_.load_report_life;
}

void NodeTable::collect(const Placement& work, base::TimePoint now) {
  candidates_.clear();
  bool all_tell_cpu = true;
  const std::string bucket_gate = bucket_gate_name({work.tier, work.bucket});
  for (std::shared_ptr<Node>& node : nodes_) {
    if (node.get() == work.not_this || now < node->ejected_until) continue;
    const std::uint32_t slots = slots_of(*node->record, work.kind);
    if (slots == 0 || !runs(*node->record, work.pipeline)) continue;
    const bool fresh = is_fresh(*node, now);
    const std::uint32_t count =
        fresh ? std::max(node->in_flight, node->reported_load) : node->in_flight;
    const double cpu_ms =
        fresh ? std::max(node->in_flight_cpu_ms, node->reported_cpu_ms) : node->in_flight_cpu_ms;
    all_tell_cpu = all_tell_cpu && (count == 0 || cpu_ms > 0);
    candidates_.push_back({&node, score_of(node->hash, work.source_hash, slots), slots, count,
                           cpu_ms, shut_gate(node->gates, work.tier, now),
                           shut_gate(node->bucket_gates, bucket_gate, now)});
  }
  if (all_tell_cpu) return;
  for (Candidate& candidate : candidates_) candidate.load = candidate.count;
}

base::Duration NodeTable::Candidate::retry_after() const {
  base::Duration wait{};
  for (const FullGate* gate : {tier_gate, bucket_gate}) {
    if (gate != nullptr) wait = std::max(wait, gate->retry_after());
  }
  return wait;
}

// The bucket's first: a pass of the tier's that is not used would be missed by other buckets.
bool NodeTable::Candidate::try_probe(base::TimePoint now, bool behind) {
  if (bucket_gate != nullptr && !bucket_gate->try_probe(now, behind)) return false;
  return tier_gate == nullptr || tier_gate->try_probe(now, behind);
}

NodeTable::Candidate* NodeTable::best(bool full, double load_per_slot) {
  Candidate* chosen = nullptr;
  Candidate* idlest = nullptr;
  for (Candidate& each : candidates_) {
    if (each.full() != full) continue;
    if (idlest == nullptr || each.load * idlest->slots < idlest->load * each.slots) idlest = &each;
    const bool passed_over =
        each.count + 1 > each.slots && each.load > options_.load_bound * load_per_slot * each.slots;
    if (passed_over) continue;
    if (chosen == nullptr || each.score > chosen->score) chosen = &each;
  }
  // Every one that is open may be above the bound when the idle ones are full.
  return chosen != nullptr ? chosen : idlest;
}

Choice NodeTable::choose(const Placement& work, base::TimePoint now) {
  collect(work, now);
  if (candidates_.empty()) return {.kind = ChoiceKind::NoNode, .node = {}, .retry_after = {}};
  double load_total = 0;
  double slots_total = 0;
  for (const Candidate& each : candidates_) {
    load_total += each.load;
    slots_total += each.slots;
  }
  const double load_per_slot = load_total / slots_total;
  if (const Candidate* const open = best(false, load_per_slot)) {
    return {.kind = ChoiceKind::Chosen, .node = *open->node, .retry_after = {}};
  }
  return choose_among_full(work, load_per_slot, now);
}

Choice NodeTable::choose_among_full(const Placement& work, double load_per_slot,
                                    base::TimePoint now) {
  Choice refused{.kind = ChoiceKind::AllFull, .node = {}, .retry_after = base::Duration::max()};
  for (const Candidate& each : candidates_) {
    if ((*each.node)->hash == work.probably_cached_at && work.not_this == nullptr) {
      return {.kind = ChoiceKind::Cached, .node = *each.node, .retry_after = {}};
    }
    refused.retry_after = std::min(refused.retry_after, each.retry_after());
  }
  while (work.not_this == nullptr) {
    Candidate* const probed = best(true, load_per_slot);
    if (probed == nullptr) break;
    if (probed->try_probe(now, work.user_is_behind)) {
      return {.kind = ChoiceKind::Probe, .node = *probed->node, .retry_after = {}};
    }
    candidates_.erase(candidates_.begin() + (probed - candidates_.data()));
  }
  return refused;
}

void NodeTable::report(Node& node, const pipeline::NodeLoad& load, base::TimePoint now) const {
  node.reported_load = load.busy + load.queued;
  node.reported_cpu_ms = static_cast<double>(load.queued_cpu_ms + load.running_cpu_ms);
  node.reported_at = now;
  for (const std::string& tier : load.full_tiers) {
    note_full(node, tier, {.drain_per_s = load.drain_per_s, .queued = load.queued}, now);
  }
}

void NodeTable::note_full(Node& node, std::string_view tier, const FullNews& news,
                          base::TimePoint now) const {
  auto gate = node.gates.find(tier);
  if (gate == node.gates.end()) {
    if (node.gates.size() >= kTiersMax) return;
    gate = node.gates.emplace(tier, FullGate(options_.threads)).first;
  }
  gate->second.note_full(news, now);
}

void NodeTable::note_bucket_full(Node& node, const GateName& name, const FullNews& news,
                                 base::TimePoint now) const {
  if (node.bucket_gates.size() >= kBucketGatesMax) {
    std::erase_if(node.bucket_gates, [now](const auto& gate) { return !gate.second.is_full(now); });
    if (node.bucket_gates.size() >= kBucketGatesMax) return;
  }
  node.bucket_gates.try_emplace(bucket_gate_name(name), options_.threads)
      .first->second.note_full(news, now);
}

void NodeTable::note_finished(Node& node, const GateName& name) {
  const auto gate = node.gates.find(name.tier);
  if (gate != node.gates.end()) gate->second.note_finished();
  if (node.bucket_gates.empty()) return;
  const auto of_bucket = node.bucket_gates.find(bucket_gate_name(name));
  if (of_bucket != node.bucket_gates.end()) of_bucket->second.note_finished();
}

void NodeTable::note_refused(Node& node, const GateName& name, base::Reason reason,
                             const FullNews& news, base::TimePoint now) const {
  if (reason != base::Reason::QueueFull) {
    note_finished(node, name);
  } else if (news.others_have_room) {
    note_bucket_full(node, name, news, now);
  } else {
    note_full(node, name.tier, news, now);
  }
}

void NodeTable::eject(Node& node, base::TimePoint now) const {
  node.ejected_until = now + options_.ejection;
}

}  // namespace millrace::gateway
