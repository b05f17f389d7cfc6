// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace millrace::gateway {

// Which node answered which variant lately: it probably has it in its cache, where an answer costs
// no place in a queue. A guess, in bounded memory: each variant has one slot, and a newer one of
// the same slot takes it over. One thread.
class RecentVariants {
 public:
  // 16 bytes each, allocated at the first use.
  explicit RecentVariants(std::size_t slots = 32'768) : slots_(slots) {}

  void remember(std::uint64_t variant, std::uint64_t node);
  void forget(std::uint64_t variant);
  // The node's hash, 0 for none.
  [[nodiscard]] std::uint64_t node_of(std::uint64_t variant) const;

 private:
  struct Slot {
    std::uint64_t variant = 0;
    std::uint64_t node = 0;
  };
  std::size_t slots_;
  std::vector<Slot> table_;
};

}  // namespace millrace::gateway
