// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "codecs/resample/kernel.h"

namespace millrace::codecs {

// The three loops of the resampler, in the widest vectors that the processor has. On every one they
// give the same bits: sums are whole numbers, and rounded once for each direction.

// What may be read and written behind `width` or `outputs` values of a row of these loops.
inline constexpr std::int32_t kRowSlack = 64;

// Two rows side by side, upper[0] lower[0] upper[1] lower[1] …: what blend_pairs() multiplies
// without having to sort it for each of the outputs that count a row. Reads `width` samples of
// each, no more.
void pair_rows(const std::uint8_t* upper, const std::uint8_t* lower, std::int32_t width,
               std::uint8_t* pairs);

// row[x] = sum of weights[2k] * upper and weights[2k + 1] * lower of pairs[k] at x, in units of
// 2^shift_bits, rounded, held within 16 bits. `weights` in parts of TapTable::kOneInWeights.
void blend_pairs(const std::uint8_t* const* pairs, const std::int16_t* weights,
                 std::int32_t pair_count, std::int32_t width, int shift_bits, std::int16_t* row);
// The same for samples of 0..32767.
void blend_pairs(const std::int16_t* const* pairs, const std::int16_t* weights,
                 std::int32_t pair_count, std::int32_t width, int shift_bits, std::int16_t* row);

// out[x] = sum of weights(x)[k] * row[first(x) - origin + k], in units of 2^shift_bits, rounded,
// held within 0..255. The table's taps are a multiple of kColumnTapsMultiple; behind the last
// sample of `row` as many values are read, and multiplied by nothing.
inline constexpr std::int32_t kColumnTapsMultiple = 8;
void blend_columns(const std::int16_t* row, std::int32_t origin, const TapTable& table,
                   int shift_bits, std::uint8_t* out);
// The same, held within 0..32767.
void blend_columns(const std::int16_t* row, std::int32_t origin, const TapTable& table,
                   int shift_bits, std::int16_t* out);

}  // namespace millrace::codecs
