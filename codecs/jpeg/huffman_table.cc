// SPDX-License-Identifier: Apache-2.0
#include "codecs/jpeg/huffman_table.h"

#include <algorithm>

namespace millrace::codecs {
namespace {

constexpr int kCodeBitsMax = 16;
constexpr int kDcSizeMax = 11;
constexpr int kZeroRun = 15;  // sixteen zeros: the symbol F0
constexpr int kLastCoefficient = 63;

// The `bits` highest of `size`, from the bit `at` on.
std::uint32_t bits_of(std::uint32_t index, int size, int at, int bits) {
  return index >> (size - at - bits) & ((1U << bits) - 1);
}

}  // namespace

bool HuffmanTable::build(const JpegCode& code, Kind kind, bool with_skips) {
  symbols_ = code.symbols;
  std::uint32_t next = 0;  // code, in 16 bits
  std::int32_t symbol = 0;
  for (std::size_t length = 1; length <= kCodeBitsMax; ++length) {
    const int unit_bits = kCodeBitsMax - static_cast<int>(length);
    const int count = code.codes_of_length[length];
    first_symbol_[length] = symbol - static_cast<std::int32_t>(next >> unit_bits);
    next += static_cast<std::uint32_t>(count) << unit_bits;
    symbol += count;
    limit_[length] = next;
    // No word is all ones, which is what pads the data.
    if (next >= 1U << kCodeBitsMax) return false;
  }
  if (kind == Kind::Dc && std::any_of(symbols_.begin(), symbols_.begin() + symbol,
                                      [](std::uint8_t size) { return size > kDcSizeMax; })) {
    return false;
  }
  for (std::uint32_t i = 0; i < words_.size(); ++i) words_[i] = make_word(i, kind);
  if (!with_skips) return true;
  skips_.resize(1U << kSkipBits);
  for (std::uint32_t i = 0; i < skips_.size(); ++i) skips_[i] = make_skip(i);
  return true;
}

HuffmanTable::Code HuffmanTable::code_at(std::uint32_t next16, std::size_t length_min) const {
  for (std::size_t length = length_min; length <= kCodeBitsMax; ++length) {
    if (next16 >= limit_[length]) continue;
    const auto number = static_cast<std::int32_t>(next16 >> (kCodeBitsMax - length));
    const std::int32_t at = first_symbol_[length] + number;
    return {static_cast<std::uint8_t>(length), symbols_[static_cast<std::size_t>(at)]};
  }
  return {};
}

int HuffmanTable::symbol(BitReader& bits) const {
  // Shorter ones are found too, though not at once.
  const std::uint32_t next = bits.peek(kCodeBitsMax);
  const Code code = code_at(next, next >= limit_[kWordBits] ? kWordBits + 1 : 1);
  bits.drop(code.length);
  return code.length == 0 ? -1 : code.symbol;
}

std::uint32_t HuffmanTable::make_word(std::uint32_t index, Kind kind) const {
  const Code code = code_at(index << (kCodeBitsMax - kWordBits));
  if (code.length == 0 || code.length > kWordBits) return 0;
  const int run = kind == Kind::Dc ? 0 : code.symbol >> 4;
  const int size = code.symbol & 15;
  const std::uint32_t advance = static_cast<std::uint32_t>(run + 1) << 9;
  if (kind == Kind::Ac && size == 0 && run != kZeroRun) return code.length | kBlockEnd;
  const int all = code.length + size;
  if (all > kWordBits) {
    return code.length | kCodeOnly | advance | static_cast<std::uint32_t>(size) << 16;
  }
  // Sixteen zeros are a coefficient of zero, fifteen behind.
  const int value = extended(bits_of(index, kWordBits, code.length, size), size);
  return static_cast<std::uint32_t>(all) | kWhole | advance |
         static_cast<std::uint32_t>(value) << 16;
}

std::uint16_t HuffmanTable::make_skip(std::uint32_t index) const {
  int used = 0;
  int reach = 0;
  std::uint32_t end = 0;
  while (used < kSkipBits && end == 0) {
    const Code code =
        code_at(bits_of(index << kCodeBitsMax, kSkipBits + kCodeBitsMax, used, kCodeBitsMax));
    const int run = code.symbol >> 4;
    const int size = code.symbol & 15;
    const bool block_ends = size == 0 && run != kZeroRun;
    if (code.length == 0 || used + code.length > kSkipBits) break;
    if (reach + run + 1 > kLastCoefficient) break;
    used += code.length + (block_ends ? 0 : size);
    reach += block_ends ? 1 : run + 1;
    if (block_ends) end = kSkipsToEnd;
  }
  return static_cast<std::uint16_t>(static_cast<std::uint32_t>(used) | end |
                                    static_cast<std::uint32_t>(reach) << 7);
}

}  // namespace millrace::codecs
