// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "codecs/jpeg/bit_reader.h"
#include "codecs/jpeg/header.h"

namespace millrace::codecs {

// A Huffman code (ITU-T T.81, annex C), made into tables that are looked up with the next bits.
//
// `words` of AC codes: one code and the value behind it. The lowest bits of an entry are how many
// bits both take, and an entry says how far the coefficient lies ahead (run + 1) and what it is.
// Where the value has more bits than were looked at, or is too large to be stored without a look at
// it, only its size is there; where the code has, nothing.
//
// `words` of DC codes: how many bits the code takes, and how many with its value, which is read
// apart: DC values have so many bits that half of them would not be whole, and a branch that cannot
// be foreseen costs more than a shift.
//
// `skips`: as many codes as are whole within the bits, for coefficients that nobody needs: how many
// bits they and their values take, and how many coefficients ahead. The last value may go on behind
// the bits that were looked at, since only its size matters.
class HuffmanTable {
 public:
  static constexpr int kWordBits = 10;
  static constexpr int kSkipBits = 12;

  // An entry of `words` for AC.
  static constexpr std::uint32_t kWhole = 1U << 6;     // code and value; otherwise one of these
  static constexpr std::uint32_t kBlockEnd = 1U << 7;  // a code without a value
  static constexpr std::uint32_t kCodeOnly = 1U << 8;
  static constexpr int advance_of(std::uint32_t word) { return static_cast<int>(word >> 9 & 31); }
  static constexpr int size_of(std::uint32_t word) { return static_cast<int>(word >> 16); }
  static constexpr int value_of(std::uint32_t word) {
    return static_cast<std::int32_t>(word) >> 16;
  }

  // An entry of `words` for DC; 0: the code is longer.
  static constexpr std::uint32_t code_bits_of(std::uint32_t word) { return word >> 9 & 31; }

  static constexpr int kSkippedBitsMax = kSkipBits + 15;

  // An entry of `skips`. The end of the block counts as one more ahead, so that `reach` tells
  // whether all of it belongs to this block. Where there is not even one code, it reaches out of
  // any block.
  static constexpr std::uint32_t kSkipsToEnd = 1U << 6;
  static constexpr int kNoReach = 127;
  static constexpr int reach_of(std::uint32_t skip) { return static_cast<int>(skip >> 7); }

  enum class Kind { Dc, Ac };

  // AC words are whole up to values of +-`value_max`. False: the code has more words than there can
  // be (all ones is none), or a DC symbol is no size of 0..11 bits.
  bool build(const JpegCode& code, Kind kind, bool with_skips, std::int32_t value_max);

  [[nodiscard]] std::uint32_t word(const BitReader& bits) const {
    return words_[bits.peek(kWordBits)];
  }
  [[nodiscard]] std::uint32_t skip(const BitReader& bits) const {
    return skips_[bits.peek(kSkipBits)];
  }
  // Reads a code of any length; needs 16 bits. -1: it is none.
  int symbol(BitReader& bits) const;

 private:
  struct Code {
    std::uint8_t length = 0;
    std::uint8_t symbol = 0;
  };
  // What each kSkipBits begin with; a length of 0 where the code has more bits.
  using ShortCodes = std::array<Code, 1 << kSkipBits>;

  [[nodiscard]] Code code_at(std::uint32_t next16, std::size_t length_min) const;
  [[nodiscard]] static ShortCodes short_codes(const JpegCode& code);
  [[nodiscard]] static std::uint32_t make_ac_word(std::uint32_t index, Code code,
                                                  std::int32_t value_max);
  [[nodiscard]] static std::uint16_t make_skip(std::uint32_t index, const ShortCodes& codes);

  std::array<std::uint32_t, 1 << kWordBits> words_{};
  std::vector<std::uint16_t> skips_;
  // Of each length: the first 16 bits that begin with no code up to this length, and where the
  // symbols stand.
  std::array<std::uint32_t, 17> limit_{};
  std::array<std::int32_t, 17> first_symbol_{};
  std::array<std::uint8_t, 256> symbols_{};
};

// The number that `size` bits stand for: the lower half of them are negative (annex F.2.2.1).
constexpr int extended(std::uint32_t bits, int size) {
  const int value = static_cast<int>(bits);
  return size > 0 && value < (1 << (size - 1)) ? value - (1 << size) + 1 : value;
}

}  // namespace millrace::codecs
