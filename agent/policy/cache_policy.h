// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "agent/policy/cache_key.h"
#include "base/units.h"

namespace millrace::agent {

// Decides what stays in the cache: S3-FIFO (Yang et al., SOSP 2023) over a budget of bytes and of
// entries. New entries begin in a small queue that holds a tenth of the budget; who is asked for
// again there moves to the main queue, the others leave and are remembered for a while as ghosts,
// and a ghost that returns goes to the main queue. So a scan over many originals that nobody asks
// for twice never pushes out what is popular. Pinned entries and reservations (contents being
// written) are never evicted. Pure; one thread.
class CachePolicy {
 public:
  struct Limits {
    base::Bytes bytes_max;
    std::size_t entries_max = 0;
  };
  enum class Queue { Small, Main };
  // One entry. Its address is stable until it is evicted or removed.
  struct Node {
    CacheKey key;
    base::Bytes size;
    Queue queue = Queue::Small;
    std::uint8_t hits = 0;  // saturates at 3
    std::size_t pins = 0;
    std::list<Node*>::iterator place;
  };

  explicit CachePolicy(Limits limits) : limits_(limits) {}

  // Sets `size` bytes aside for something that is being written, and appends to `evicted` what has
  // to go for that (they are forgotten here already). False, and nothing changes, when what is
  // pinned and reserved leaves no room. Amortised O(evicted).
  [[nodiscard]] bool reserve(base::Bytes size, std::vector<CacheKey>& evicted);
  void release(base::Bytes size);
  // Turns `size` reserved bytes into an entry with one pin. Null, with the reservation kept, when
  // the key is there already or when every entry is pinned and there are entries_max of them.
  [[nodiscard]] Node* admit(const CacheKey& key, base::Bytes size, std::vector<CacheKey>& evicted);

  static void touch(Node& node);  // it was asked for
  void pin(Node& node);
  void unpin(Node& node);
  // Forgets an entry that is not pinned.
  void remove(Node& node);

  [[nodiscard]] Node* find(const CacheKey& key);
  [[nodiscard]] base::Bytes used() const { return used_; }  // entries and reservations
  [[nodiscard]] base::Bytes pinned() const { return pinned_; }
  [[nodiscard]] std::size_t entries() const { return nodes_.size(); }
  [[nodiscard]] std::uint64_t evictions() const { return evictions_; }

 private:
  std::list<Node*>& list_of(Queue queue) { return queue == Queue::Small ? small_ : main_; }
  void evict_one(std::vector<CacheKey>& evicted);
  bool sweep_small(std::vector<CacheKey>& evicted);
  bool sweep_main(std::vector<CacheKey>& evicted);
  bool step_small(std::vector<CacheKey>& evicted);
  bool step_main(std::vector<CacheKey>& evicted);
  void move_to_main(Node& node);
  void remember_ghost(const CacheKey& key);

  Limits limits_;
  std::unordered_map<CacheKey, std::unique_ptr<Node>, CacheKeyHash> nodes_;
  std::list<Node*> small_;  // front is the oldest
  std::list<Node*> main_;
  std::list<CacheKey> ghosts_;
  std::unordered_map<CacheKey, std::list<CacheKey>::iterator, CacheKeyHash> ghost_places_;
  base::Bytes used_;
  base::Bytes reserved_;
  base::Bytes pinned_;
  base::Bytes small_bytes_;
  std::size_t pinned_entries_ = 0;
  std::uint64_t evictions_ = 0;
};

}  // namespace millrace::agent
