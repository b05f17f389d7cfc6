// SPDX-License-Identifier: Apache-2.0

// Sixteen rows of sixteen samples are turned in registers: in each of four rounds every vector is
// interleaved with the one eight places on, which moves each sample's address by one bit.
//
// This file is compiled once for each set of instructions (foreach_target.h).
#include "codecs/arrange/transpose.h"

#include <cstddef>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "codecs/arrange/transpose.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace millrace::codecs {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr std::ptrdiff_t kSide = 16;

const hn::FixedTag<std::uint8_t, 16> kBlock;
using Block = hn::Vec<decltype(kBlock)>;

HWY_INLINE void interleave(const Block (&in)[kSide], Block (&out)[kSide]) {
  for (std::ptrdiff_t i = 0; i < kSide / 2; ++i) {
    out[2 * i] = hn::InterleaveLower(kBlock, in[i], in[i + kSide / 2]);
    out[2 * i + 1] = hn::InterleaveUpper(kBlock, in[i], in[i + kSide / 2]);
  }
}

// Steps may be negative: one row of the source on, one row of the result on.
void transpose_block(const std::uint8_t* source, std::ptrdiff_t source_step, std::uint8_t* turned,
                     std::ptrdiff_t turned_step) {
  Block one[kSide];
  Block other[kSide];
  for (std::ptrdiff_t i = 0; i < kSide; ++i) {
    one[i] = hn::LoadU(kBlock, source + i * source_step);
  }
  interleave(one, other);
  interleave(other, one);
  interleave(one, other);
  interleave(other, one);
  for (std::ptrdiff_t i = 0; i < kSide; ++i) {
    hn::StoreU(one[i], kBlock, turned + i * turned_step);
  }
}

void reverse_blocks(const std::uint8_t* row, std::ptrdiff_t width, std::uint8_t* out) {
  HWY_ALIGN static constexpr std::uint8_t kBackwards[kSide] = {15, 14, 13, 12, 11, 10, 9, 8,
                                                               7,  6,  5,  4,  3,  2,  1, 0};
  const Block backwards = hn::Load(kBlock, kBackwards);
  std::ptrdiff_t x = 0;
  for (; x + kSide <= width; x += kSide) {
    hn::StoreU(hn::TableLookupBytes(hn::LoadU(kBlock, row + x), backwards), kBlock,
               out + width - kSide - x);
  }
  for (; x < width; ++x) out[width - 1 - x] = row[x];
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace millrace::codecs
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace::codecs {

HWY_EXPORT(transpose_block);
HWY_EXPORT(reverse_blocks);

namespace {

constexpr std::int32_t kBlockSide = 16;

// One sample: what is left of the plane beside and below the blocks.
void turn_sample(const PlaneView& source, const Turn& turn, std::int32_t x, std::int32_t y,
                 Plane& turned) {
  const std::int32_t row = turn.rows_reversed ? source.width - 1 - x : x;
  const std::int32_t column = turn.columns_reversed ? source.height - 1 - y : y;
  turned.row(row)[column] = source.row(y)[x];
}

}  // namespace

void transpose(const PlaneView& source, const Turn& turn, Plane& turned) {
  const std::int32_t width = source.width / kBlockSide * kBlockSide;
  const std::int32_t height = source.height / kBlockSide * kBlockSide;
  const std::ptrdiff_t row_step =
      turn.rows_reversed ? -turned.stride_bytes() : turned.stride_bytes();
  const auto transpose_one = HWY_DYNAMIC_DISPATCH(transpose_block);
  for (std::int32_t y = 0; y < height; y += kBlockSide) {
    // From the last row of the block on, the columns come out reversed.
    const std::int32_t first = turn.columns_reversed ? y + kBlockSide - 1 : y;
    const std::ptrdiff_t source_step =
        turn.columns_reversed ? -source.stride_bytes : source.stride_bytes;
    const std::int32_t column = turn.columns_reversed ? source.height - kBlockSide - y : y;
    for (std::int32_t x = 0; x < width; x += kBlockSide) {
      const std::int32_t row = turn.rows_reversed ? source.width - 1 - x : x;
      transpose_one(source.row(first) + x, source_step, turned.row(row) + column, row_step);
    }
  }
  for (std::int32_t y = 0; y < source.height; ++y) {
    for (std::int32_t x = y < height ? width : 0; x < source.width; ++x) {
      turn_sample(source, turn, x, y, turned);
    }
  }
}

void reverse_row(const std::uint8_t* row, std::int32_t width, std::uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(reverse_blocks)(row, width, out);
}

}  // namespace millrace::codecs
#endif  // HWY_ONCE
