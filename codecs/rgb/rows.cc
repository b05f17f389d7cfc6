// SPDX-License-Identifier: Apache-2.0

// Colour in whole numbers: libjpeg's factors have 16 bits behind the point, and its sums are
// rounded once. Factors above a half do not fit into 16 bits with their sign; what is whole or half
// in them is added apart, which changes no bit of the sum.
//
// This file is compiled once for each set of instructions (foreach_target.h).
#include "codecs/rgb/rows.h"

#include <cstddef>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "codecs/rgb/rows.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace millrace::codecs {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Vectors of as many samples as there are 16-bit lanes.
const hn::ScalableTag<std::int16_t> k16;
const hn::ScalableTag<std::int32_t> k32;
const hn::Rebind<std::uint8_t, decltype(k16)> k8;
const hn::Half<decltype(k16)> kHalf16;
const hn::Half<decltype(k8)> kHalf8;
using V8 = hn::Vec<decltype(k8)>;
using V16 = hn::Vec<decltype(k16)>;
using V32 = hn::Vec<decltype(k32)>;

HWY_INLINE std::ptrdiff_t lanes() { return static_cast<std::ptrdiff_t>(hn::Lanes(k16)); }

HWY_INLINE V16 load(const std::uint8_t* samples) {
  return hn::PromoteTo(k16, hn::LoadU(k8, samples));
}
HWY_INLINE V8 narrow(V16 values) { return hn::DemoteTo(k8, values); }

// Lanes of two samples, a in the lower and b in the upper 16 bits.
HWY_INLINE V16 pair(V32 a, V32 b) { return hn::BitCast(k16, hn::Or(a, hn::ShiftLeft<16>(b))); }
HWY_INLINE V16 pair_of_factors(int a, int b) {
  return pair(hn::And(hn::Set(k32, a), hn::Set(k32, 0xffff)), hn::Set(k32, b));
}
// sum + a * its factor + b * its factor. The sum is added last: before, on NEON, the lanes of the
// products are not yet in their places.
HWY_INLINE V32 add_products(V32 sum, V16 pairs, V16 factors) {
  V32 odd = hn::Zero(k32);
  const V32 even = hn::ReorderWidenMulAccumulate(k32, pairs, factors, hn::Zero(k32), odd);
  return hn::Add(sum, hn::RearrangeToOddPlusEven(even, odd));
}

// (twice * factor / 2^16 + 1) / 2, floors both: value * factor rounded, where twice is 2 * value.
HWY_INLINE V16 times(V16 twice, int factor) {
  const V16 product = hn::MulHigh(twice, hn::Set(k16, static_cast<std::int16_t>(factor)));
  return hn::ShiftRight<1>(hn::Add(product, hn::Set(k16, 1)));
}

// -0.34414 cb - 0.71414 cr of half a vector's samples, without the whole cr.
HWY_INLINE hn::Vec<decltype(kHalf16)> green_part(const std::uint8_t* cb, const std::uint8_t* cr) {
  constexpr int kOfCb = -22554;
  constexpr int kOfCr = 65536 - 46802;
  // The samples are taken as they are, 128 too large.
  const V32 start = hn::Set(k32, -128 * (kOfCb + kOfCr) + 32768);
  const V16 both =
      pair(hn::PromoteTo(k32, hn::LoadU(kHalf8, cb)), hn::PromoteTo(k32, hn::LoadU(kHalf8, cr)));
  const V32 sum = add_products(start, both, pair_of_factors(kOfCb, kOfCr));
  return hn::DemoteTo(kHalf16, hn::ShiftRight<16>(sum));
}

void store_pixels(const YccRows& rows, std::ptrdiff_t x, std::uint8_t* pixels) {
  const std::ptrdiff_t half = lanes() / 2;
  const V16 middle = hn::Set(k16, 128);
  const V16 y = load(rows.y + x);
  const V16 cb = hn::Sub(load(rows.cb + x), middle);
  const V16 cr = hn::Sub(load(rows.cr + x), middle);
  const V16 cb_twice = hn::Add(cb, cb);
  const V16 cr_twice = hn::Add(cr, cr);
  // 1.402 and 1.772.
  const V16 red = hn::Add(hn::Add(y, cr), times(cr_twice, 91881 - 65536));
  const V16 blue = hn::Add(hn::Add(y, cb_twice), times(cb_twice, 116130 - 2 * 65536));
  const V16 part = hn::Combine(k16, green_part(rows.cb + x + half, rows.cr + x + half),
                               green_part(rows.cb + x, rows.cr + x));
  const V16 green = hn::Add(hn::Sub(y, cr), part);
  hn::StoreInterleaved3(narrow(red), narrow(green), narrow(blue), k8, pixels);
}

// Calls `store` for a vector's pixels at a time; the last ones go by a place beside.
template <class Store>
HWY_INLINE void for_pixels(std::ptrdiff_t width, std::uint8_t* pixels, const Store& store) {
  std::ptrdiff_t x = 0;
  for (; x + lanes() <= width; x += lanes()) store(x, pixels + 3 * x);
  if (x == width) return;
  std::uint8_t last[3 * HWY_MAX_BYTES];
  store(x, last);
  std::memcpy(pixels + 3 * x, last, static_cast<std::size_t>(3 * (width - x)));
}

void pixels_of_ycc_vectors(const YccRows& rows, std::ptrdiff_t width, std::uint8_t* pixels) {
  for_pixels(width, pixels,
             [&](std::ptrdiff_t x, std::uint8_t* at) HWY_ATTR { store_pixels(rows, x, at); });
}

void pixels_of_grey_vectors(const std::uint8_t* grey, std::ptrdiff_t width, std::uint8_t* pixels) {
  for_pixels(width, pixels, [&](std::ptrdiff_t x, std::uint8_t* at) HWY_ATTR {
    const V8 samples = hn::LoadU(k8, grey + x);
    hn::StoreInterleaved3(samples, samples, samples, k8, at);
  });
}

// Half a vector's samples of each component.
struct YccHalf {
  hn::Vec<decltype(kHalf8)> y;
  hn::Vec<decltype(kHalf8)> cb;
  hn::Vec<decltype(kHalf8)> cr;
};

HWY_INLINE YccHalf ycc_of(V32 red, V32 green, V32 blue) {
  const V16 red_green = pair(red, green);
  const V16 blue_green = pair(blue, green);
  const V32 half = hn::Set(k32, 32768);
  // 128, and a half less the last bit, as libjpeg has it.
  const V32 middle = hn::Set(k32, (128 << 16) + 32767);
  const auto finish = [&](V32 sum)
                          HWY_ATTR { return hn::DemoteTo(kHalf8, hn::ShiftRight<16>(sum)); };
  // 0.299, 0.587 = 0.337 + 0.25, 0.114.
  V32 y = add_products(half, red_green, pair_of_factors(19595, 38470 - 16384));
  y = add_products(y, blue_green, pair_of_factors(7471, 16384));
  // A half of one, less 0.16874 and 0.33126, 0.41869 and 0.08131 of the others.
  const V32 cb = add_products(hn::Add(middle, hn::ShiftLeft<15>(blue)), red_green,
                              pair_of_factors(-11059, -21709));
  const V32 cr = add_products(hn::Add(middle, hn::ShiftLeft<15>(red)), blue_green,
                              pair_of_factors(-5329, -27439));
  return {finish(y), finish(cb), finish(cr)};
}

HWY_INLINE void load_pixels(const std::uint8_t* pixels, std::ptrdiff_t x, const YccRowsOut& rows) {
  V8 red;
  V8 green;
  V8 blue;
  hn::LoadInterleaved3(k8, pixels, red, green, blue);
  const YccHalf lower = ycc_of(hn::PromoteTo(k32, hn::LowerHalf(kHalf8, red)),
                               hn::PromoteTo(k32, hn::LowerHalf(kHalf8, green)),
                               hn::PromoteTo(k32, hn::LowerHalf(kHalf8, blue)));
  const YccHalf upper = ycc_of(hn::PromoteTo(k32, hn::UpperHalf(kHalf8, red)),
                               hn::PromoteTo(k32, hn::UpperHalf(kHalf8, green)),
                               hn::PromoteTo(k32, hn::UpperHalf(kHalf8, blue)));
  hn::StoreU(hn::Combine(k8, upper.y, lower.y), k8, rows.y + x);
  hn::StoreU(hn::Combine(k8, upper.cb, lower.cb), k8, rows.cb + x);
  hn::StoreU(hn::Combine(k8, upper.cr, lower.cr), k8, rows.cr + x);
}

void ycc_of_pixels_vectors(const std::uint8_t* pixels, std::ptrdiff_t width,
                           const YccRowsOut& rows) {
  std::ptrdiff_t x = 0;
  for (; x + lanes() <= width; x += lanes()) load_pixels(pixels + 3 * x, x, rows);
  if (x == width) return;
  std::uint8_t last[3 * HWY_MAX_BYTES] = {};
  std::memcpy(last, pixels + 3 * x, static_cast<std::size_t>(3 * (width - x)));
  load_pixels(last, x, rows);
}

// Three of one to one of another.
HWY_INLINE V16 three_to_one(V16 near, V16 far) {
  return hn::Add(hn::Add(near, hn::Add(near, near)), far);
}

void double_across_vectors(const std::uint8_t* samples, std::ptrdiff_t width, std::uint8_t* out) {
  for (std::ptrdiff_t x = 0; x < width; x += lanes()) {
    const V16 here = load(samples + x);
    const V16 left = hn::Add(three_to_one(here, load(samples + x - 1)), hn::Set(k16, 1));
    const V16 right = hn::Add(three_to_one(here, load(samples + x + 1)), hn::Set(k16, 2));
    hn::StoreInterleaved2(narrow(hn::ShiftRight<2>(left)), narrow(hn::ShiftRight<2>(right)), k8,
                          out + 2 * x);
  }
}

void mix_down_vectors(const std::uint8_t* near, const std::uint8_t* far, std::ptrdiff_t width,
                      int bias, std::uint8_t* out) {
  const V16 added = hn::Set(k16, static_cast<std::int16_t>(bias));
  for (std::ptrdiff_t x = 0; x < width; x += lanes()) {
    const V16 sum = hn::Add(three_to_one(load(near + x), load(far + x)), added);
    hn::StoreU(narrow(hn::ShiftRight<2>(sum)), k8, out + x);
  }
}

void mix_sums_vectors(const std::uint8_t* near, const std::uint8_t* far, std::ptrdiff_t width,
                      std::int16_t* sums) {
  for (std::ptrdiff_t x = 0; x < width; x += lanes()) {
    hn::StoreU(three_to_one(load(near + x), load(far + x)), k16, sums + x);
  }
}

void double_sums_across_vectors(const std::int16_t* sums, std::ptrdiff_t width, std::uint8_t* out) {
  for (std::ptrdiff_t x = 0; x < width; x += lanes()) {
    const V16 here = hn::LoadU(k16, sums + x);
    const V16 left = hn::Add(three_to_one(here, hn::LoadU(k16, sums + x - 1)), hn::Set(k16, 8));
    const V16 right = hn::Add(three_to_one(here, hn::LoadU(k16, sums + x + 1)), hn::Set(k16, 7));
    hn::StoreInterleaved2(narrow(hn::ShiftRight<4>(left)), narrow(hn::ShiftRight<4>(right)), k8,
                          out + 2 * x);
  }
}

// Pairs of neighbours, added.
HWY_INLINE V16 sums_of_neighbours(const std::uint8_t* samples) {
  const hn::Repartition<std::uint8_t, decltype(k16)> bytes;
  const V16 both = hn::BitCast(k16, hn::LoadU(bytes, samples));
  const hn::RebindToUnsigned<decltype(k16)> unsigned16;
  const V16 second = hn::BitCast(k16, hn::ShiftRight<8>(hn::BitCast(unsigned16, both)));
  return hn::Add(hn::And(both, hn::Set(k16, 0xff)), second);
}

// even, odd, even, odd …
HWY_INLINE V16 in_turn(int even, int odd) {
  return hn::BitCast(k16, hn::Set(k32, even | odd << 16));
}

void halve_across_vectors(const std::uint8_t* samples, std::ptrdiff_t width, std::uint8_t* out) {
  const V16 added = in_turn(0, 1);
  for (std::ptrdiff_t x = 0; x < width; x += lanes()) {
    const V16 sum = hn::Add(sums_of_neighbours(samples + 2 * x), added);
    hn::StoreU(narrow(hn::ShiftRight<1>(sum)), k8, out + x);
  }
}

void mean_down_vectors(const std::uint8_t* upper, const std::uint8_t* lower, std::ptrdiff_t width,
                       std::uint8_t* out) {
  for (std::ptrdiff_t x = 0; x < width; x += lanes()) {
    hn::StoreU(hn::AverageRound(hn::LoadU(k8, upper + x), hn::LoadU(k8, lower + x)), k8, out + x);
  }
}

void halve_both_vectors(const std::uint8_t* upper, const std::uint8_t* lower, std::ptrdiff_t width,
                        std::uint8_t* out) {
  const V16 added = in_turn(1, 2);
  for (std::ptrdiff_t x = 0; x < width; x += lanes()) {
    const V16 four = hn::Add(sums_of_neighbours(upper + 2 * x), sums_of_neighbours(lower + 2 * x));
    hn::StoreU(narrow(hn::ShiftRight<2>(hn::Add(four, added))), k8, out + x);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace millrace::codecs
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace::codecs {

HWY_EXPORT(pixels_of_ycc_vectors);
HWY_EXPORT(pixels_of_grey_vectors);
HWY_EXPORT(ycc_of_pixels_vectors);
HWY_EXPORT(double_across_vectors);
HWY_EXPORT(mix_down_vectors);
HWY_EXPORT(mix_sums_vectors);
HWY_EXPORT(double_sums_across_vectors);
HWY_EXPORT(halve_across_vectors);
HWY_EXPORT(mean_down_vectors);
HWY_EXPORT(halve_both_vectors);

void pixels_of_ycc(const YccRows& rows, std::int32_t width, std::uint8_t* pixels) {
  HWY_DYNAMIC_DISPATCH(pixels_of_ycc_vectors)(rows, width, pixels);
}
void pixels_of_grey(const std::uint8_t* grey, std::int32_t width, std::uint8_t* pixels) {
  HWY_DYNAMIC_DISPATCH(pixels_of_grey_vectors)(grey, width, pixels);
}
void ycc_of_pixels(const std::uint8_t* pixels, std::int32_t width, const YccRowsOut& rows) {
  HWY_DYNAMIC_DISPATCH(ycc_of_pixels_vectors)(pixels, width, rows);
}
void double_across(const std::uint8_t* samples, std::int32_t width, std::uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(double_across_vectors)(samples, width, out);
}
void mix_down(const std::uint8_t* near, const std::uint8_t* far, std::int32_t width, int bias,
              std::uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(mix_down_vectors)(near, far, width, bias, out);
}
void mix_sums(const std::uint8_t* near, const std::uint8_t* far, std::int32_t width,
              std::int16_t* sums) {
  HWY_DYNAMIC_DISPATCH(mix_sums_vectors)(near, far, width, sums);
}
void double_sums_across(const std::int16_t* sums, std::int32_t width, std::uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(double_sums_across_vectors)(sums, width, out);
}
void halve_across(const std::uint8_t* samples, std::int32_t width, std::uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(halve_across_vectors)(samples, width, out);
}
void mean_down(const std::uint8_t* upper, const std::uint8_t* lower, std::int32_t width,
               std::uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(mean_down_vectors)(upper, lower, width, out);
}
void halve_both(const std::uint8_t* upper, const std::uint8_t* lower, std::int32_t width,
                std::uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(halve_both_vectors)(upper, lower, width, out);
}

}  // namespace millrace::codecs
#endif  // HWY_ONCE
