// SPDX-License-Identifier: Apache-2.0
//
// The inverse cosine transform of a JPEG block, separable: columns first, then rows. Compiled once
// for each kind of vector that the processor may have (Highway), chosen when it runs.
//
// 8 x 8 is the algorithm of Loeffler, Ligtenberg and Moschytz in fixed point with 13 bits for the
// constants and 2 more bits between the passes, like libjpeg's accurate transform, so that the
// result is the same to the bit. A row of eight 32-bit numbers is one vector, or two where vectors
// are short. The smaller ones are orthonormal transforms of the low frequencies, times side/8.
#include "codecs/jpeg/inverse_dct.h"

#include <cstring>

// Vectors whose length is known only when it runs cannot stand in arrays.
#define HWY_DISABLED_TARGETS (HWY_RVV | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "codecs/jpeg/inverse_dct.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace millrace::codecs {
namespace HWY_NAMESPACE {  // NOLINT(readability-identifier-naming)

namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr int kConstantBits = 13;
constexpr int kPassBits = 2;
constexpr int kCentre = 128;

// Round to nearest and drop `kBits`.
template <int kBits, class V>
HWY_INLINE V descaled(V value) {
  const hn::DFromV<V> d;
  return hn::ShiftRight<kBits>(hn::Add(value, hn::Set(d, 1 << (kBits - 1))));
}

// The even and odd halves of eight vectors, frequency k in v[k], lanes apart.
template <class V>
HWY_INLINE void halves8(const V (&v)[8], V (&even)[4], V (&odd)[4]) {
  const hn::DFromV<V> d;
  const auto times = [d](V value, std::int32_t factor) {
    return hn::Mul(value, hn::Set(d, factor));
  };
  // A rotation of 2 and 6, a butterfly of 0 and 4.
  const V rotated = times(hn::Add(v[2], v[6]), 4433);  // 0.541196100 in 13 bits, and so on
  const V even2 = hn::Sub(rotated, times(v[6], 15137));
  const V even3 = hn::Add(rotated, times(v[2], 6270));
  const V even0 = hn::ShiftLeft<kConstantBits>(hn::Add(v[0], v[4]));
  const V even1 = hn::ShiftLeft<kConstantBits>(hn::Sub(v[0], v[4]));
  even[0] = hn::Add(even0, even3);
  even[1] = hn::Add(even1, even2);
  even[2] = hn::Sub(even1, even2);
  even[3] = hn::Sub(even0, even3);
  const V z1 = times(hn::Add(v[7], v[1]), 7373);
  const V z2 = times(hn::Add(v[5], v[3]), 20995);
  const V sum3 = hn::Add(v[7], v[3]);
  const V sum4 = hn::Add(v[5], v[1]);
  const V z5 = times(hn::Add(sum3, sum4), 9633);
  const V z3 = hn::Sub(z5, times(sum3, 16069));
  const V z4 = hn::Sub(z5, times(sum4, 3196));
  odd[0] = hn::Add(hn::Sub(times(v[1], 12299), z1), z4);
  odd[1] = hn::Add(hn::Sub(times(v[3], 25172), z2), z3);
  odd[2] = hn::Add(hn::Sub(times(v[5], 16819), z2), z4);
  odd[3] = hn::Add(hn::Sub(times(v[7], 2446), z1), z3);
}

// The same where frequencies from 4 on are zero: each factor is the sum of those above.
template <class V>
HWY_INLINE void halves8_low(const V (&v)[8], V (&even)[4], V (&odd)[4]) {
  const hn::DFromV<V> d;
  const auto times = [d](V value, std::int32_t factor) {
    return hn::Mul(value, hn::Set(d, factor));
  };
  const V even0 = hn::ShiftLeft<kConstantBits>(v[0]);
  const V even2 = times(v[2], 4433);
  const V even3 = times(v[2], 4433 + 6270);
  even[0] = hn::Add(even0, even3);
  even[1] = hn::Add(even0, even2);
  even[2] = hn::Sub(even0, even2);
  even[3] = hn::Sub(even0, even3);
  odd[0] = hn::Add(times(v[1], 12299 - 7373 + 9633 - 3196), times(v[3], 9633));
  odd[1] = hn::Add(times(v[1], 9633), times(v[3], 25172 - 20995 + 9633 - 16069));
  odd[2] = hn::Add(times(v[1], 9633 - 3196), times(v[3], 9633 - 20995));
  odd[3] = hn::Add(times(v[1], 9633 - 7373), times(v[3], 9633 - 16069));
}

// Frequency k in, sample k out; `kBits` are dropped at the end.
template <int kBits, bool kLow, class V>
HWY_INLINE void transform8(V (&v)[8]) {
  V even[4];
  V odd[4];
  if constexpr (kLow) {
    halves8_low(v, even, odd);
  } else {
    halves8(v, even, odd);
  }
  for (int k = 0; k < 4; ++k) {
    v[k] = descaled<kBits>(hn::Add(even[k], odd[k]));
    v[7 - k] = descaled<kBits>(hn::Sub(even[k], odd[k]));
  }
}

using Row8 = hn::FixedTag<std::int16_t, 8>;
using Half8 = hn::FixedTag<std::int16_t, 4>;
using Wide4 = hn::FixedTag<std::int32_t, 4>;
using Vector8 = hn::Vec<Row8>;

template <class V>
HWY_INLINE void transpose8(V (&v)[8]) {
  const hn::DFromV<V> d;
  V pairs[8];  // rows k and k + 4 mixed, three times over
  for (int k = 0; k < 4; ++k) {
    pairs[2 * k] = hn::InterleaveLower(d, v[k], v[k + 4]);
    pairs[2 * k + 1] = hn::InterleaveUpper(d, v[k], v[k + 4]);
  }
  V quads[8];
  for (int k = 0; k < 4; ++k) {
    quads[2 * k] = hn::InterleaveLower(d, pairs[k], pairs[k + 4]);
    quads[2 * k + 1] = hn::InterleaveUpper(d, pairs[k], pairs[k + 4]);
  }
  for (int k = 0; k < 4; ++k) {
    v[2 * k] = hn::InterleaveLower(d, quads[k], quads[k + 4]);
    v[2 * k + 1] = hn::InterleaveUpper(d, quads[k], quads[k + 4]);
  }
}

// One pass over eight rows of eight: in halves where a vector holds four 32-bit numbers. kLow: only
// the first four rows count.
template <int kBits, bool kLow>
HWY_INLINE void pass8(Vector8 (&rows)[8]) {
  constexpr int kRows = kLow ? 4 : 8;
  const Row8 d16;
#if HWY_MAX_BYTES >= 32
  const hn::FixedTag<std::int32_t, 8> d32;
  hn::Vec<decltype(d32)> wide[8];
  for (int k = 0; k < kRows; ++k) wide[k] = hn::PromoteTo(d32, rows[k]);
  transform8<kBits, kLow>(wide);
  for (int k = 0; k < 8; ++k) rows[k] = hn::DemoteTo(d16, wide[k]);
#else
  const Wide4 d32;
  const Half8 half;
  hn::Vec<Wide4> low[8];
  hn::Vec<Wide4> high[8];
  for (int k = 0; k < kRows; ++k) {
    low[k] = hn::PromoteTo(d32, hn::LowerHalf(half, rows[k]));
    high[k] = hn::PromoteTo(d32, hn::UpperHalf(half, rows[k]));
  }
  transform8<kBits, kLow>(low);
  transform8<kBits, kLow>(high);
  for (int k = 0; k < 8; ++k) {
    rows[k] = hn::Combine(d16, hn::DemoteTo(half, high[k]), hn::DemoteTo(half, low[k]));
  }
#endif
}

// The first pass and the first transposition where only the lower half of the first four rows
// counts: four rows of eight.
HWY_INLINE void first_pass_low(Vector8 (&rows)[8]) {
  const Row8 d16;
  const Half8 half;
  hn::Vec<Wide4> v[8];
  for (int k = 0; k < 4; ++k) v[k] = hn::PromoteTo(Wide4(), hn::LowerHalf(half, rows[k]));
  transform8<kConstantBits - kPassBits, true>(v);
  Vector8 pairs[4];  // sample k of four columns, then sample k + 4
  for (int k = 0; k < 4; ++k) {
    pairs[k] = hn::Combine(d16, hn::DemoteTo(half, v[k + 4]), hn::DemoteTo(half, v[k]));
  }
  const Vector8 a = hn::InterleaveLower(d16, pairs[0], pairs[2]);
  const Vector8 b = hn::InterleaveLower(d16, pairs[1], pairs[3]);
  const Vector8 c = hn::InterleaveUpper(d16, pairs[0], pairs[2]);
  const Vector8 e = hn::InterleaveUpper(d16, pairs[1], pairs[3]);
  const Vector8 low[2] = {hn::InterleaveLower(d16, a, b), hn::InterleaveUpper(d16, a, b)};
  const Vector8 high[2] = {hn::InterleaveLower(d16, c, e), hn::InterleaveUpper(d16, c, e)};
  for (std::ptrdiff_t k = 0; k < 2; ++k) {
    rows[2 * k] = hn::ConcatLowerLower(d16, high[k], low[k]);
    rows[2 * k + 1] = hn::ConcatUpperUpper(d16, high[k], low[k]);
  }
}

HWY_INLINE std::uint8_t sample_of(int value) {
  const int sample = value + kCentre;
  return static_cast<std::uint8_t>(sample < 0 ? 0 : sample > 255 ? 255 : sample);
}

HWY_INLINE void flat8(int dc, std::uint8_t* samples, std::ptrdiff_t stride_bytes) {
  const std::uint64_t row = 0x0101010101010101U * sample_of((dc + 4) >> 3);
  for (int y = 0; y < 8; ++y) std::memcpy(samples + y * stride_bytes, &row, sizeof row);
}

HWY_INLINE void block8(const std::int16_t* coefficients, std::uint8_t* samples,
                       std::ptrdiff_t stride_bytes) {
  const Row8 d16;
  const hn::FixedTag<std::uint8_t, 8> d8;
  Vector8 rows[8];
  for (std::ptrdiff_t k = 0; k < 8; ++k) rows[k] = hn::Load(d16, coefficients + 8 * k);
  // Most blocks of photographs have nothing beyond the lowest 4 x 4 frequencies.
  const Vector8 low_rows = hn::Or(hn::Or(rows[0], rows[1]), hn::Or(rows[2], rows[3]));
  const Vector8 high_rows = hn::Or(hn::Or(rows[4], rows[5]), hn::Or(rows[6], rows[7]));
  const Vector8 high = hn::Or(high_rows, hn::IfThenZeroElse(hn::FirstN(d16, 4), low_rows));
  const auto is_zero = [d16](Vector8 v) { return hn::AllTrue(d16, hn::Eq(v, hn::Zero(d16))); };
  if (is_zero(high)) {
    const Vector8 waves = hn::Or(hn::IfThenZeroElse(hn::FirstN(d16, 1), rows[0]),
                                 hn::Or(hn::Or(rows[1], rows[2]), rows[3]));
    if (is_zero(waves)) return flat8(coefficients[0], samples, stride_bytes);
    first_pass_low(rows);
    pass8<kConstantBits + kPassBits + 3, true>(rows);
  } else {
    pass8<kConstantBits - kPassBits, false>(rows);
    transpose8(rows);
    pass8<kConstantBits + kPassBits + 3, false>(rows);
  }
  transpose8(rows);
  const Vector8 centre = hn::Set(d16, kCentre);
  for (int y = 0; y < 8; ++y) {
    hn::StoreU(hn::DemoteTo(d8, hn::SaturatedAdd(rows[y], centre)), d8, samples + y * stride_bytes);
  }
}

void blocks8(const std::int16_t* coefficients, int blocks, std::uint8_t* samples,
             std::ptrdiff_t stride_bytes) {
  for (std::ptrdiff_t b = 0; b < blocks; ++b) {
    block8(coefficients + 64 * b, samples + 8 * b, stride_bytes);
  }
}

// Four vectors: frequency k in, sample k out. The constants are cosines of the orthonormal
// transform in 13 bits.
template <int kBits, class V>
HWY_INLINE void transform4(V (&v)[4]) {
  const hn::DFromV<V> d;
  const auto times = [d](V value, std::int32_t factor) {
    return hn::Mul(value, hn::Set(d, factor));
  };
  const V even0 = hn::ShiftLeft<kConstantBits - 1>(hn::Add(v[0], v[2]));
  const V even1 = hn::ShiftLeft<kConstantBits - 1>(hn::Sub(v[0], v[2]));
  const V odd0 = hn::Add(times(v[1], 5352), times(v[3], 2217));
  const V odd1 = hn::Sub(times(v[1], 2217), times(v[3], 5352));
  v[0] = descaled<kBits>(hn::Add(even0, odd0));
  v[1] = descaled<kBits>(hn::Add(even1, odd1));
  v[2] = descaled<kBits>(hn::Sub(even1, odd1));
  v[3] = descaled<kBits>(hn::Sub(even0, odd0));
}

// Every four lanes of the four vectors are a square of their own.
template <class V>
HWY_INLINE void transpose4(V (&v)[4]) {
  const hn::DFromV<V> d;
  const V a = hn::InterleaveLower(d, v[0], v[2]);
  const V b = hn::InterleaveUpper(d, v[0], v[2]);
  const V c = hn::InterleaveLower(d, v[1], v[3]);
  const V e = hn::InterleaveUpper(d, v[1], v[3]);
  v[0] = hn::InterleaveLower(d, a, c);
  v[1] = hn::InterleaveUpper(d, a, c);
  v[2] = hn::InterleaveLower(d, b, e);
  v[3] = hn::InterleaveUpper(d, b, e);
}

void blocks4(const std::int16_t* coefficients, int blocks, std::uint8_t* samples,
             std::ptrdiff_t stride_bytes) {
  constexpr BlockShape kShape = block_shape(4);
  const hn::CappedTag<std::int32_t, 16> d32;
  const hn::Rebind<std::int16_t, decltype(d32)> d16;
  const hn::Rebind<std::uint8_t, decltype(d32)> d8;
  const auto lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d32));
  const std::ptrdiff_t width = std::ptrdiff_t{4} * blocks;
  for (std::ptrdiff_t x = 0; x < width; x += lanes) {
    hn::Vec<decltype(d32)> v[4];
    for (int k = 0; k < 4; ++k) {
      v[k] = hn::PromoteTo(d32, hn::LoadU(d16, coefficients + k * kShape.row + x));
    }
    transform4<kConstantBits - kPassBits>(v);
    transpose4(v);
    transform4<kConstantBits + kPassBits + 1>(v);  // and halved, side/8
    transpose4(v);
    for (int k = 0; k < 4; ++k) {
      const auto sample = hn::Add(v[k], hn::Set(d32, kCentre));
      hn::StoreU(hn::DemoteTo(d8, sample), d8, samples + k * stride_bytes + x);
    }
  }
}

void blocks2(const std::int16_t* coefficients, int blocks, std::uint8_t* samples,
             std::ptrdiff_t stride_bytes) {
  constexpr BlockShape kShape = block_shape(2);
  const hn::CappedTag<std::int16_t, 32> d16;
  const hn::Rebind<std::uint8_t, decltype(d16)> d8;
  const auto lanes = static_cast<std::ptrdiff_t>(hn::Lanes(d16));
  const std::ptrdiff_t width = std::ptrdiff_t{2} * blocks;
  // Neighbours to their sum and difference. Only a sum that is clamped anyway may saturate.
  const auto across = [d16](auto pairs) {
    const auto swapped = hn::Reverse2(d16, pairs);
    const auto both =
        hn::OddEven(hn::SaturatedSub(swapped, pairs), hn::SaturatedAdd(pairs, swapped));
    const auto rounded = hn::ShiftRight<3>(hn::SaturatedAdd(both, hn::Set(d16, 4)));
    return hn::Add(rounded, hn::Set(d16, kCentre));
  };
  for (std::ptrdiff_t x = 0; x < width; x += lanes) {
    const auto upper = hn::LoadU(d16, coefficients + x);
    const auto lower = hn::LoadU(d16, coefficients + kShape.row + x);
    hn::StoreU(hn::DemoteTo(d8, across(hn::Add(upper, lower))), d8, samples + x);
    hn::StoreU(hn::DemoteTo(d8, across(hn::Sub(upper, lower))), d8, samples + stride_bytes + x);
  }
}

void blocks1(const std::int16_t* coefficients, int blocks, std::uint8_t* samples,
             std::ptrdiff_t /*stride_bytes*/) {
  for (int x = 0; x < blocks; ++x) samples[x] = sample_of((coefficients[x] + 4) >> 3);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace millrace::codecs
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace::codecs {

HWY_EXPORT(blocks8);
HWY_EXPORT(blocks4);
HWY_EXPORT(blocks2);
HWY_EXPORT(blocks1);

void inverse_dct(int side, const std::int16_t* coefficients, int blocks, std::uint8_t* samples,
                 std::ptrdiff_t stride_bytes) {
  switch (side) {
    case 1:
      return HWY_DYNAMIC_DISPATCH(blocks1)(coefficients, blocks, samples, stride_bytes);
    case 2:
      return HWY_DYNAMIC_DISPATCH(blocks2)(coefficients, blocks, samples, stride_bytes);
    case 4:
      return HWY_DYNAMIC_DISPATCH(blocks4)(coefficients, blocks, samples, stride_bytes);
    default:
      return HWY_DYNAMIC_DISPATCH(blocks8)(coefficients, blocks, samples, stride_bytes);
  }
}

}  // namespace millrace::codecs
#endif
