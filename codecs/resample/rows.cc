// SPDX-License-Identifier: Apache-2.0

// All sums are of pairs: one instruction multiplies two 16-bit samples by two 16-bit weights and
// adds both products to a 32-bit sum, sixteen products at a time with AVX2. Down the columns the
// pair are two rows of the source, put side by side once and read by the five or six outputs that
// count them. Along a row the pair are neighbours as they lie; four outputs are summed together, so
// that what is left in their vectors can be added up crosswise.
//
// This file is compiled once for each set of instructions: foreach_target.h includes it again and
// again with HWY_TARGET and HWY_NAMESPACE defined anew.
#include "codecs/resample/rows.h"

#include <cstddef>

#ifndef MILLRACE_CODECS_RESAMPLE_ROWS_COLUMN_TAPS
#define MILLRACE_CODECS_RESAMPLE_ROWS_COLUMN_TAPS
namespace millrace::codecs {
// A row of samples and the table to weigh it with.
struct ColumnTaps {
  const std::int16_t* row;
  std::int32_t origin;
  const std::int32_t* firsts;
  const std::int16_t* weights;
  std::int32_t taps;
};
}  // namespace millrace::codecs
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "codecs/resample/rows.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace millrace::codecs {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

const hn::ScalableTag<std::int16_t> kFull16;
const hn::ScalableTag<std::int32_t> kFull32;
// No wider than the windows of usual scales; on AVX2 the whole vector.
const hn::CappedTag<std::int16_t, 16> kWindow16;
const hn::CappedTag<std::int32_t, 8> kWindow32;
const hn::FixedTag<std::int32_t, 4> kBlock32;
const hn::FixedTag<std::uint8_t, 16> kBlock8;
#if HWY_MAX_BYTES >= 32
const hn::FixedTag<std::int16_t, 8> kBlock16;
#endif

void pair_rows_vectors(const std::uint8_t* upper, const std::uint8_t* lower, std::ptrdiff_t width,
                       std::uint8_t* pairs) {
  constexpr std::ptrdiff_t kStep = 16;
  std::ptrdiff_t x = 0;
  for (; x + kStep <= width; x += kStep) {
    const auto above = hn::LoadU(kBlock8, upper + x);
    const auto below = hn::LoadU(kBlock8, lower + x);
    hn::StoreU(hn::InterleaveLower(kBlock8, above, below), kBlock8, pairs + 2 * x);
    hn::StoreU(hn::InterleaveUpper(kBlock8, above, below), kBlock8, pairs + 2 * x + kStep);
  }
  for (; x < width; ++x) {
    pairs[2 * x] = upper[x];
    pairs[2 * x + 1] = lower[x];
  }
}

HWY_INLINE hn::Vec<decltype(kFull16)> load_pairs(const std::uint8_t* pairs) {
  const hn::Rebind<std::uint8_t, decltype(kFull16)> samples;
  return hn::PromoteTo(kFull16, hn::LoadU(samples, pairs));
}
HWY_INLINE hn::Vec<decltype(kFull16)> load_pairs(const std::int16_t* pairs) {
  return hn::LoadU(kFull16, pairs);
}

// A sum of pairs, in as many parts as the processor likes.
template <class D32>
struct PairSum {
  using V32 = hn::Vec<D32>;
  V32 even;
  V32 odd;

  template <class V16>
  HWY_INLINE void add(D32 d, V16 samples, V16 weights) {
    even = hn::ReorderWidenMulAccumulate(d, samples, weights, even, odd);
  }
};

template <class V32>
HWY_INLINE void store_narrow(V32 sum, int shift_bits, std::int16_t* row) {
  const hn::Rebind<std::int16_t, decltype(kFull32)> narrow;
  hn::StoreU(hn::DemoteTo(narrow, hn::ShiftRightSame(sum, shift_bits)), narrow, row);
}

template <class Sample>
HWY_INLINE void blend_pairs_of(const Sample* const* pairs, const std::int16_t* weights,
                               std::ptrdiff_t pair_count, std::ptrdiff_t width, int shift_bits,
                               std::int16_t* row) {
  const auto in_vector = static_cast<std::ptrdiff_t>(hn::Lanes(kFull16));
  const std::ptrdiff_t columns = in_vector / 2;
  const auto half = hn::Set(kFull32, 1 << (shift_bits - 1));
  const auto nothing = hn::Zero(kFull32);
  using Sum = PairSum<decltype(kFull32)>;
  for (std::ptrdiff_t x = 0; x < width; x += 4 * columns) {
    // Four sums, for each waits on its last addition.
    Sum a{nothing, nothing};
    Sum b{nothing, nothing};
    Sum c{nothing, nothing};
    Sum d{nothing, nothing};
    for (std::ptrdiff_t k = 0; k < pair_count; ++k) {
      std::int32_t both = 0;
      __builtin_memcpy(&both, weights + 2 * k, sizeof both);
      const auto weight = hn::BitCast(kFull16, hn::Set(kFull32, both));
      const Sample* pair = pairs[k] + 2 * x;
      a.add(kFull32, load_pairs(pair), weight);
      b.add(kFull32, load_pairs(pair + in_vector), weight);
      c.add(kFull32, load_pairs(pair + 2 * in_vector), weight);
      d.add(kFull32, load_pairs(pair + 3 * in_vector), weight);
    }
    const auto store = [&](const Sum& sum, std::ptrdiff_t place) HWY_ATTR {
      const auto whole = hn::Add(hn::RearrangeToOddPlusEven(sum.even, sum.odd), half);
      store_narrow(whole, shift_bits, row + x + place * columns);
    };
    store(a, 0);
    store(b, 1);
    store(c, 2);
    store(d, 3);
  }
}

void blend_pairs_8(const std::uint8_t* const* pairs, const std::int16_t* weights,
                   std::ptrdiff_t pair_count, std::ptrdiff_t width, int shift_bits,
                   std::int16_t* row) {
  blend_pairs_of(pairs, weights, pair_count, width, shift_bits, row);
}

void blend_pairs_16(const std::int16_t* const* pairs, const std::int16_t* weights,
                    std::ptrdiff_t pair_count, std::ptrdiff_t width, int shift_bits,
                    std::int16_t* row) {
  blend_pairs_of(pairs, weights, pair_count, width, shift_bits, row);
}

// What one output's window comes to, spread over a vector. `Taps`: how many, 0: `taps` says it.
template <int Taps>
HWY_INLINE hn::Vec<decltype(kWindow32)> window_sum(const std::int16_t* samples,
                                                   const std::int16_t* weights,
                                                   std::ptrdiff_t taps) {
  const auto step = static_cast<std::ptrdiff_t>(hn::Lanes(kWindow16));
  const std::ptrdiff_t count = Taps == 0 ? taps : Taps;
  PairSum<decltype(kWindow32)> sum{hn::Zero(kWindow32), hn::Zero(kWindow32)};
  std::ptrdiff_t k = 0;
  for (; k + step <= count; k += step) {
    sum.add(kWindow32, hn::LoadU(kWindow16, samples + k), hn::LoadU(kWindow16, weights + k));
  }
  auto whole = hn::Add(sum.even, sum.odd);
#if HWY_MAX_BYTES >= 32
  if (k < count) {
    PairSum<decltype(kBlock32)> rest{hn::Zero(kBlock32), hn::Zero(kBlock32)};
    rest.add(kBlock32, hn::LoadU(kBlock16, samples + k), hn::LoadU(kBlock16, weights + k));
    whole = hn::Add(whole, hn::ZeroExtendVector(kWindow32, hn::Add(rest.even, rest.odd)));
  }
#endif
  return whole;
}

// Lane i of the result: the sum of all lanes of the i-th.
template <class V32>
HWY_INLINE hn::Vec<decltype(kBlock32)> sums_of_four(V32 a, V32 b, V32 c, V32 d) {
  const hn::Repartition<std::int64_t, decltype(kWindow32)> wide;
  const auto ab = hn::BitCast(
      wide, hn::Add(hn::InterleaveLower(kWindow32, a, b), hn::InterleaveUpper(kWindow32, a, b)));
  const auto cd = hn::BitCast(
      wide, hn::Add(hn::InterleaveLower(kWindow32, c, d), hn::InterleaveUpper(kWindow32, c, d)));
  const auto abcd = hn::Add(hn::BitCast(kWindow32, hn::InterleaveLower(wide, ab, cd)),
                            hn::BitCast(kWindow32, hn::InterleaveUpper(wide, ab, cd)));
#if HWY_MAX_BYTES >= 32
  return hn::Add(hn::LowerHalf(kBlock32, abcd), hn::UpperHalf(kBlock32, abcd));
#else
  return abcd;
#endif
}

template <class V32>
HWY_INLINE void store_four(V32 sums, std::uint8_t* out) {
  const hn::Rebind<std::uint8_t, decltype(kBlock32)> samples;
  hn::StoreU(hn::DemoteTo(samples, sums), samples, out);
}
template <class V32>
HWY_INLINE void store_four(V32 sums, std::int16_t* out) {
  const hn::Rebind<std::int16_t, decltype(kBlock32)> samples;
  hn::StoreU(hn::DemoteTo(samples, hn::Max(sums, hn::Zero(kBlock32))), samples, out);
}

// What output x comes to.
template <int Taps>
HWY_INLINE hn::Vec<decltype(kWindow32)> column_sum(const ColumnTaps& table, std::ptrdiff_t x) {
  return window_sum<Taps>(table.row + (table.firsts[x] - table.origin),
                          table.weights + x * table.taps, table.taps);
}

template <int Taps, class Sample>
HWY_INLINE void blend_columns_of(const ColumnTaps& table, std::ptrdiff_t outputs, int shift_bits,
                                 Sample* out) {
  const auto half = hn::Set(kBlock32, 1 << (shift_bits - 1));
  const auto finish = [&](auto sums)
                          HWY_ATTR { return hn::ShiftRightSame(hn::Add(sums, half), shift_bits); };
  std::ptrdiff_t x = 0;
  for (; x + 4 <= outputs; x += 4) {
    const auto sums = sums_of_four(column_sum<Taps>(table, x), column_sum<Taps>(table, x + 1),
                                   column_sum<Taps>(table, x + 2), column_sum<Taps>(table, x + 3));
    store_four(finish(sums), out + x);
  }
  for (; x < outputs; ++x) {
    const auto sum = column_sum<Taps>(table, x);
    Sample four[4];
    store_four(finish(sums_of_four(sum, sum, sum, sum)), four);
    out[x] = four[0];
  }
}

template <class Sample>
HWY_INLINE void blend_columns_any(const ColumnTaps& table, std::ptrdiff_t outputs, int shift_bits,
                                  Sample* out) {
  switch (table.taps) {
    case 8:
      return blend_columns_of<8>(table, outputs, shift_bits, out);
    case 16:
      return blend_columns_of<16>(table, outputs, shift_bits, out);
    case 24:
      return blend_columns_of<24>(table, outputs, shift_bits, out);
    case 32:
      return blend_columns_of<32>(table, outputs, shift_bits, out);
    default:
      return blend_columns_of<0>(table, outputs, shift_bits, out);
  }
}

void blend_columns_8(const ColumnTaps& table, std::ptrdiff_t outputs, int shift_bits,
                     std::uint8_t* out) {
  blend_columns_any(table, outputs, shift_bits, out);
}

void blend_columns_16(const ColumnTaps& table, std::ptrdiff_t outputs, int shift_bits,
                      std::int16_t* out) {
  blend_columns_any(table, outputs, shift_bits, out);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace millrace::codecs
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace::codecs {

HWY_EXPORT(pair_rows_vectors);
HWY_EXPORT(blend_pairs_8);
HWY_EXPORT(blend_pairs_16);
HWY_EXPORT(blend_columns_8);
HWY_EXPORT(blend_columns_16);

void pair_rows(const std::uint8_t* upper, const std::uint8_t* lower, std::int32_t width,
               std::uint8_t* pairs) {
  HWY_DYNAMIC_DISPATCH(pair_rows_vectors)(upper, lower, width, pairs);
}

void blend_pairs(const std::uint8_t* const* pairs, const std::int16_t* weights,
                 std::int32_t pair_count, std::int32_t width, int shift_bits, std::int16_t* row) {
  HWY_DYNAMIC_DISPATCH(blend_pairs_8)(pairs, weights, pair_count, width, shift_bits, row);
}

void blend_pairs(const std::int16_t* const* pairs, const std::int16_t* weights,
                 std::int32_t pair_count, std::int32_t width, int shift_bits, std::int16_t* row) {
  HWY_DYNAMIC_DISPATCH(blend_pairs_16)(pairs, weights, pair_count, width, shift_bits, row);
}

namespace {

ColumnTaps taps_of(const std::int16_t* row, std::int32_t origin, const TapTable& table) {
  return {row, origin, table.firsts(), table.weights(0), table.taps()};
}

}  // namespace

void blend_columns(const std::int16_t* row, std::int32_t origin, const TapTable& table,
                   int shift_bits, std::uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(blend_columns_8)
  (taps_of(row, origin, table), table.outputs(), shift_bits, out);
}

void blend_columns(const std::int16_t* row, std::int32_t origin, const TapTable& table,
                   int shift_bits, std::int16_t* out) {
  HWY_DYNAMIC_DISPATCH(blend_columns_16)
  (taps_of(row, origin, table), table.outputs(), shift_bits, out);
}

}  // namespace millrace::codecs
#endif  // HWY_ONCE
