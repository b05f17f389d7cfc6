// SPDX-License-Identifier: Apache-2.0
#include "codecs/jpeg/huffman_table.h"

#include <algorithm>
#include <cstdlib>

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

bool HuffmanTable::build(const JpegCode& code, Kind kind, bool with_skips, std::int32_t value_max) {
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
  const ShortCodes codes = short_codes(code);
  for (std::uint32_t i = 0; i < words_.size(); ++i) {
    const Code found = codes[i << (kSkipBits - kWordBits)];
    if (found.length == 0 || found.length > kWordBits) {
      words_[i] = 0;
    } else if (kind == Kind::Dc) {
      words_[i] = (found.length + std::uint32_t{found.symbol}) | std::uint32_t{found.length} << 9 |
                  std::uint32_t{found.symbol} << 16;
    } else {
      words_[i] = make_ac_word(i, found, value_max);
    }
  }
  if (!with_skips) return true;
  skips_.resize(codes.size());
  for (std::uint32_t i = 0; i < skips_.size(); ++i) skips_[i] = make_skip(i, codes);
  return true;
}

HuffmanTable::ShortCodes HuffmanTable::short_codes(const JpegCode& code) {
  ShortCodes codes{};
  auto next = codes.begin();
  std::size_t symbol = 0;
  for (int length = 1; length <= kSkipBits; ++length) {
    const std::ptrdiff_t of_each = std::ptrdiff_t{1} << (kSkipBits - length);
    for (int i = 0; i < code.codes_of_length[static_cast<std::size_t>(length)]; ++i) {
      next = std::fill_n(next, of_each,
                         Code{static_cast<std::uint8_t>(length), code.symbols[symbol++]});
    }
  }
  return codes;
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

std::uint32_t HuffmanTable::make_ac_word(std::uint32_t index, Code code, std::int32_t value_max) {
  const int run = code.symbol >> 4;
  const int size = code.symbol & 15;
  const std::uint32_t advance = static_cast<std::uint32_t>(run + 1) << 9;
  if (size == 0 && run != kZeroRun) return code.length | kBlockEnd;
  const int all = code.length + size;
  // Sixteen zeros are a coefficient of zero, fifteen behind.
  const int value =
      all > kWordBits ? 0 : extended(bits_of(index, kWordBits, code.length, size), size);
  if (all > kWordBits || std::abs(value) > value_max) {
    return code.length | kCodeOnly | advance | static_cast<std::uint32_t>(size) << 16;
  }
  return static_cast<std::uint32_t>(all) | kWhole | advance |
         static_cast<std::uint32_t>(value) << 16;
}

std::uint16_t HuffmanTable::make_skip(std::uint32_t index, const ShortCodes& codes) {
  int used = 0;
  int reach = 0;
  std::uint32_t end = 0;
  while (used < kSkipBits && end == 0) {
    const Code code = codes[index << used & (codes.size() - 1)];
    const int run = code.symbol >> 4;
    const int size = code.symbol & 15;
    const bool block_ends = size == 0 && run != kZeroRun;
    if (code.length == 0 || used + code.length > kSkipBits) break;
    if (reach + run + 1 > kLastCoefficient) break;
    used += code.length + (block_ends ? 0 : size);
    reach += block_ends ? 1 : run + 1;
    if (block_ends) end = kSkipsToEnd;
  }
  if (reach == 0) reach = kNoReach;
  return static_cast<std::uint16_t>(static_cast<std::uint32_t>(used) | end |
                                    static_cast<std::uint32_t>(reach) << 7);
}

}  // namespace millrace::codecs
