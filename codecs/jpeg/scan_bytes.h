// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "codecs/jpeg/bit_reader.h"

namespace millrace::codecs {

// The data of a scan without the zeros that are stuffed behind FF, some kilobytes at a time. It is
// cut into segments by restart markers; any other marker ends the scan.
class ScanBytes {
 public:
  // No MCU that is read to its end takes more: ten blocks of 64 codes and values of up to 31 bits.
  static constexpr std::ptrdiff_t kMcuBytesMax = 10 * 64 * 31 / 8 + 8;

  // `scan` begins with the data and goes to the end of the file, which outlives this.
  explicit ScanBytes(std::span<const std::byte> scan);

  // For the segment that begins.
  [[nodiscard]] BitReader reader() const { return {end_, 0, 0}; }

  // To be asked before every MCU: whether `bits` are to be filled(), after which whole bytes for it
  // follow `bits.next`, as far as the segment has them; behind its end something may be read that
  // means nothing.
  [[nodiscard]] bool runs_out(const BitReader& bits) const {
    return end_ - bits.next < kMcuBytesMax && !segment_ended_;
  }
  [[nodiscard]] BitReader filled(BitReader bits);
  // Where the segment ends, as far as it is known; whoever read behind it read nothing.
  [[nodiscard]] const std::uint8_t* end() const { return end_; }

  // Steps over the rest of the segment. False if what ends it is not restart marker `number`
  // (0..7).
  bool next_segment(BitReader& bits, int number);

  // Whether some marker follows what was read.
  [[nodiscard]] bool is_ended_by_marker() const;

 private:
  // Destuffs up to `room_end`.
  void copy(std::uint8_t* to, const std::uint8_t* room_end);

  const std::uint8_t* source_;
  const std::uint8_t* source_end_;
  std::vector<std::uint8_t> memory_;
  std::uint8_t* end_;
  bool segment_ended_ = false;
  int marker_ = 0;  // that ended it; 0: none, the file ended
};

}  // namespace millrace::codecs
