// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/cache_policy.h"

#include <algorithm>

namespace millrace::agent {
namespace {

constexpr std::uint64_t kSmallShare = 10;  // the small queue may hold 1/10 of the budget
constexpr std::uint8_t kHitsMax = 3;
constexpr std::size_t kGhostsMin = 64;

}  // namespace

bool CachePolicy::reserve(base::Bytes size, std::vector<CacheKey>& evicted) {
  const base::Bytes fixed = pinned_ + reserved_;
  if (size > limits_.bytes_max || fixed > limits_.bytes_max - size) return false;
  // What is neither pinned nor reserved can go, so this ends.
  while (used_ + size > limits_.bytes_max) evict_one(evicted);
  used_ = used_ + size;
  reserved_ = reserved_ + size;
  return true;
}

void CachePolicy::release(base::Bytes size) {
  used_ = used_ - size;
  reserved_ = reserved_ - size;
}

CachePolicy::Node* CachePolicy::admit(const CacheKey& key, base::Bytes size,
                                      std::vector<CacheKey>& evicted) {
  if (nodes_.contains(key)) return nullptr;
  if (nodes_.size() >= limits_.entries_max) {
    if (pinned_entries_ == nodes_.size()) return nullptr;
    evict_one(evicted);
  }
  auto owned = std::make_unique<Node>();
  Node& node = *owned;
  node.key = key;
  node.size = size;
  const auto ghost = ghost_places_.find(key);
  node.queue = ghost == ghost_places_.end() ? Queue::Small : Queue::Main;
  if (ghost != ghost_places_.end()) {
    ghosts_.erase(ghost->second);
    ghost_places_.erase(ghost);
  }
  std::list<Node*>& list = list_of(node.queue);
  node.place = list.insert(list.end(), &node);
  if (node.queue == Queue::Small) small_bytes_ = small_bytes_ + size;
  nodes_.emplace(key, std::move(owned));
  reserved_ = reserved_ - size;  // still part of used_
  pin(node);
  return &node;
}

void CachePolicy::touch(Node& node) {
  if (node.hits < kHitsMax) ++node.hits;
}

void CachePolicy::pin(Node& node) {
  if (node.pins++ == 0) {
    pinned_ = pinned_ + node.size;
    ++pinned_entries_;
  }
}

void CachePolicy::unpin(Node& node) {
  if (--node.pins == 0) {
    pinned_ = pinned_ - node.size;
    --pinned_entries_;
  }
}

void CachePolicy::remove(Node& node) {
  list_of(node.queue).erase(node.place);
  if (node.queue == Queue::Small) small_bytes_ = small_bytes_ - node.size;
  used_ = used_ - node.size;
  const CacheKey key = node.key;
  nodes_.erase(key);
}

CachePolicy::Node* CachePolicy::find(const CacheKey& key) {
  const auto found = nodes_.find(key);
  return found == nodes_.end() ? nullptr : found->second.get();
}

// Called only when some entry is not pinned. A sweep of the small queue without a victim leaves
// nothing there but pinned entries (the popular ones moved over), and then a sweep of the main
// queue finds one: so this always evicts.
void CachePolicy::evict_one(std::vector<CacheKey>& evicted) {
  const bool small_is_due = small_bytes_.count * kSmallShare >= limits_.bytes_max.count;
  if ((small_is_due || main_.empty()) && sweep_small(evicted)) return;
  if (sweep_main(evicted)) return;
  if (sweep_small(evicted)) return;
  (void)sweep_main(evicted);
}

bool CachePolicy::sweep_small(std::vector<CacheKey>& evicted) {
  for (std::size_t left = small_.size(); left > 0; --left) {
    if (step_small(evicted)) return true;
  }
  return false;
}

bool CachePolicy::sweep_main(std::vector<CacheKey>& evicted) {
  for (std::size_t left = main_.size() * (kHitsMax + 1U); left > 0; --left) {
    if (step_main(evicted)) return true;
  }
  return false;
}

bool CachePolicy::step_small(std::vector<CacheKey>& evicted) {
  Node& node = *small_.front();
  if (node.hits > 1) {
    move_to_main(node);
    return false;
  }
  if (node.pins > 0) {
    small_.splice(small_.end(), small_, node.place);
    return false;
  }
  remember_ghost(node.key);
  evicted.push_back(node.key);
  ++evictions_;
  remove(node);
  return true;
}

bool CachePolicy::step_main(std::vector<CacheKey>& evicted) {
  Node& node = *main_.front();
  if (node.pins > 0 || node.hits > 0) {
    if (node.hits > 0) --node.hits;
    main_.splice(main_.end(), main_, node.place);
    return false;
  }
  evicted.push_back(node.key);
  ++evictions_;
  remove(node);
  return true;
}

void CachePolicy::move_to_main(Node& node) {
  node.hits = 0;
  small_bytes_ = small_bytes_ - node.size;
  main_.splice(main_.end(), small_, node.place);
  node.queue = Queue::Main;
}

void CachePolicy::remember_ghost(const CacheKey& key) {
  ghost_places_.emplace(key, ghosts_.insert(ghosts_.end(), key));
  const std::size_t ghosts_max = std::max(kGhostsMin, main_.size());
  while (ghosts_.size() > ghosts_max) {
    ghost_places_.erase(ghosts_.front());
    ghosts_.pop_front();
  }
}

}  // namespace millrace::agent
