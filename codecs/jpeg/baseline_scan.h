// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "codecs/jpeg/bit_reader.h"
#include "codecs/jpeg/huffman_table.h"
#include "codecs/jpeg/mcu_rows.h"
#include "codecs/jpeg/scan_bytes.h"

namespace millrace::codecs {

// For the k-th coefficient in file order: its step, and where it goes in the block (block_shape).
// Those that are not needed, and k beyond 63, go where the DC coefficient is written afterwards.
struct CoefficientPlace {
  std::int32_t step = 0;
  std::int32_t at = 0;
};
inline constexpr std::size_t kPlaces = 64 + 16;

struct ScanComponent {
  const HuffmanTable* dc = nullptr;
  // Whole words have values that with no step leave -kCoefficientMax..kCoefficientMax.
  const HuffmanTable* ac = nullptr;
  std::array<CoefficientPlace, kPlaces> places{};
  std::int32_t prediction = 0;  // of the next DC coefficient
  int blocks_across = 1;        // in an MCU
  int blocks_down = 1;
};

// The state of reading one scan of Huffman-coded blocks, MCU after MCU.
struct BaselineScan {
  BaselineScan(std::span<const std::byte> data, std::int32_t restart_interval_mcus)
      : bytes(data),
        bits(bytes.reader()),
        restart_interval(restart_interval_mcus),
        until_restart(restart_interval_mcus) {}

  ScanBytes bytes;
  BitReader bits;
  std::array<ScanComponent, 3> components;
  int component_count = 0;
  std::int32_t restart_interval;
  std::int32_t until_restart;
  int next_restart = 0;  // number of the marker, 0..7
};

// `count` (up to kGroupMcus) MCUs into the group of `rows`, which is clear. False: something stands
// there that no encoder writes (a word that is no code, a coefficient that no picture has, data
// that ends too early, a wrong restart marker).
bool read_mcus(int side, BaselineScan& scan, McuRows& rows, int count);

// Reads over MCUs: only their DC coefficients count.
bool skip_mcus(BaselineScan& scan, std::int32_t count);

}  // namespace millrace::codecs
