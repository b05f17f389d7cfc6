// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace millrace::codecs {

// Coefficients of neighbouring blocks of a component, of which `side` x `side` (1, 2, 4 or 8: the
// eighths of the scale) are wanted, multiplied by their steps, -kCoefficientMax - 1 <= c <=
// kCoefficientMax. Sides 1, 2 and 4 lie in rows through all blocks, as their samples do, so that a
// vector takes several blocks at once; whole blocks lie one behind the other.
inline constexpr int kGroupBlocksMax = 32;
inline constexpr int kCoefficientMax = 8191;

struct BlockShape {
  std::ptrdiff_t row = 0;    // from one row of coefficients to the next
  std::ptrdiff_t block = 0;  // from one block to the next
  std::ptrdiff_t group = 0;  // all of kGroupBlocksMax blocks
};
constexpr BlockShape block_shape(int side) {
  const std::ptrdiff_t group = std::ptrdiff_t{kGroupBlocksMax} * side * side;
  return side == 8 ? BlockShape{8, 64, group}
                   : BlockShape{std::ptrdiff_t{kGroupBlocksMax} * side, side, group};
}

// `blocks` (1..kGroupBlocksMax) of them to side x side samples each, side by side. Samples are
// rounded, 128 added, clamped to 0..255. Writes up to 64 bytes behind each row; reads all of the
// group (block_shape(side).group coefficients, aligned to 64 bytes). Integer arithmetic: the same
// result on every processor; side 8 is that of libjpeg's accurate integer transform (jidctint).
void inverse_dct(int side, const std::int16_t* coefficients, int blocks, std::uint8_t* samples,
                 std::ptrdiff_t stride_bytes);

}  // namespace millrace::codecs
