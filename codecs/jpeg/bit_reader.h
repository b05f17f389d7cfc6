// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace millrace::codecs {

// Bits of destuffed bytes, the highest first. `window` holds the next bits at its top; `count` of
// them are good. Bits below these may already be those that follow in memory, so that a refill may
// or the same ones over them.
struct BitReader {
  const std::uint8_t* next = nullptr;
  std::uint64_t window = 0;
  int count = 0;

  // At least 56 bits afterwards. Without a branch: eight bytes are read, as many as fit are kept.
  void refill() {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, next, sizeof bytes);
    if constexpr (std::endian::native == std::endian::little) bytes = __builtin_bswap64(bytes);
    window |= bytes >> count;
    next += (63 - count) >> 3;
    count |= 56;
  }
  // 1..32 bits.
  [[nodiscard]] std::uint32_t peek(int bits) const {
    return static_cast<std::uint32_t>(window >> (64 - bits));
  }
  // Takes the lowest six bits of `entry` as the count, as a shift does by itself.
  void drop(std::uint32_t entry) {
    window <<= entry & 63U;
    count -= static_cast<int>(entry & 63U);
  }
  // Whether bits from `end` on were dropped.
  [[nodiscard]] bool is_beyond(const std::uint8_t* end) const { return (next - end) * 8 > count; }
};

}  // namespace millrace::codecs
