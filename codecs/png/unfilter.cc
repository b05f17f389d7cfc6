// SPDX-License-Identifier: Apache-2.0

// Each pixel waits for the one to its left, so what counts is how few steps lie between the two.
// Pixels of three and four bytes are one vector of 16-bit lanes each, and Paeth's predictor is told
// without its three distances: with p = a + b - c, a and b on both sides of c mean that c is
// nearest unless an end is; both on one side of c mean that the one further from it is nearest. So
// compared with t = 3c - a - b:
//   t >= max(a, b): the smaller of a and b;  t <= min(a, b): the larger;  else c.
// Of t all but a is known before the pixel to the left is.
//
// This file is compiled once for each set of instructions (foreach_target.h).
#include "codecs/png/unfilter.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "codecs/png/unfilter.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace millrace::codecs {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// One pixel.
using Tag16 = hn::FixedTag<std::int16_t, 4>;
using Tag8 = hn::FixedTag<std::uint8_t, 4>;
using Tag32 = hn::FixedTag<std::uint32_t, 1>;
// Its 16-bit lanes as bytes.
using TagBytes = hn::FixedTag<std::uint8_t, 8>;
using V16 = hn::Vec<Tag16>;
using V8 = hn::Vec<Tag8>;

template <int kPixelBytes>
HWY_INLINE V8 load(const std::uint8_t* pixel) {
  std::uint32_t bytes = 0;
  std::memcpy(&bytes, pixel, kPixelBytes);
  return hn::BitCast(Tag8(), hn::Set(Tag32(), bytes));
}
template <int kPixelBytes>
HWY_INLINE V16 load_wide(const std::uint8_t* pixel) {
  return hn::PromoteTo(Tag16(), load<kPixelBytes>(pixel));
}
template <int kPixelBytes>
HWY_INLINE void store(V8 samples, std::uint8_t* pixel) {
  const std::uint32_t bytes = hn::GetLane(hn::BitCast(Tag32(), samples));
  std::memcpy(pixel, &bytes, kPixelBytes);
}
template <int kPixelBytes>
HWY_INLINE void store_wide(V16 samples, std::uint8_t* pixel) {
  store<kPixelBytes>(hn::DemoteTo(Tag8(), samples), pixel);
}
// Of lanes below 256, modulo 256.
HWY_INLINE V16 add_bytes(V16 a, V16 b) {
  const V16 sum =
      hn::BitCast(Tag16(), hn::Add(hn::BitCast(TagBytes(), a), hn::BitCast(TagBytes(), b)));
  return sum;
}

template <int kPixelBytes>
void sub(std::uint8_t* row, std::size_t bytes) {
  V8 left = hn::Zero(Tag8());
  for (std::size_t x = 0; x < bytes; x += kPixelBytes) {
    left = hn::Add(left, load<kPixelBytes>(row + x));
    store<kPixelBytes>(left, row + x);
  }
}

template <int kPixelBytes>
void average(const std::uint8_t* above, std::uint8_t* row, std::size_t bytes) {
  V16 left = hn::Zero(Tag16());
  for (std::size_t x = 0; x < bytes; x += kPixelBytes) {
    const V16 mean = hn::ShiftRight<1>(hn::Add(left, load_wide<kPixelBytes>(above + x)));
    left = add_bytes(mean, load_wide<kPixelBytes>(row + x));
    store_wide<kPixelBytes>(left, row + x);
  }
}

template <int kPixelBytes>
void paeth(const std::uint8_t* above, std::uint8_t* row, std::size_t bytes) {
  V16 a = hn::Zero(Tag16());
  V16 c = hn::Zero(Tag16());
  for (std::size_t x = 0; x < bytes; x += kPixelBytes) {
    const V16 b = load_wide<kPixelBytes>(above + x);
    const V16 known = hn::Sub(hn::Add(hn::Add(c, c), c), b);
    const V16 t = hn::Sub(known, a);
    const V16 low = hn::Min(a, b);
    const V16 high = hn::Max(a, b);
    const V16 low_or_c = hn::IfThenElse(hn::Gt(high, t), c, low);
    const V16 nearest = hn::IfThenElse(hn::Gt(t, low), low_or_c, high);
    a = add_bytes(nearest, load_wide<kPixelBytes>(row + x));
    store_wide<kPixelBytes>(a, row + x);
    c = b;
  }
}

void up(const std::uint8_t* above, std::uint8_t* row, std::size_t bytes) {
  const hn::ScalableTag<std::uint8_t> tag;
  const std::size_t lanes = hn::Lanes(tag);
  std::size_t x = 0;
  for (; x + lanes <= bytes; x += lanes) {
    hn::StoreU(hn::Add(hn::LoadU(tag, above + x), hn::LoadU(tag, row + x)), tag, row + x);
  }
  for (; x < bytes; ++x) row[x] = static_cast<std::uint8_t>(row[x] + above[x]);
}

// Pixels of one and two bytes.
template <std::size_t kPixelBytes, class Predict>
HWY_INLINE void one_by_one(const std::uint8_t* above, std::uint8_t* row, std::size_t bytes,
                           const Predict& predict) {
  std::array<int, kPixelBytes> left{};
  std::array<int, kPixelBytes> corner{};
  for (std::size_t x = 0; x < bytes; x += kPixelBytes) {
    for (std::size_t i = 0; i < kPixelBytes; ++i) {
      const int over = above[x + i];
      left[i] = (row[x + i] + predict(left[i], over, corner[i])) & 0xff;
      row[x + i] = static_cast<std::uint8_t>(left[i]);
      corner[i] = over;
    }
  }
}

HWY_INLINE int nearest_of(int a, int b, int c) {
  const int t = 3 * c - a - b;
  const int low = std::min(a, b);
  const int high = std::max(a, b);
  const int low_or_c = high > t ? c : low;
  return t > low ? low_or_c : high;
}

template <std::size_t kPixelBytes>
void unfilter_small(PngFilter filter, const std::uint8_t* above, std::uint8_t* row,
                    std::size_t bytes) {
  switch (filter) {
    case PngFilter::Sub:
      return one_by_one<kPixelBytes>(above, row, bytes, [](int a, int, int) { return a; });
    case PngFilter::Average:
      return one_by_one<kPixelBytes>(above, row, bytes,
                                     [](int a, int b, int) { return (a + b) >> 1; });
    case PngFilter::Paeth:
      return one_by_one<kPixelBytes>(above, row, bytes, nearest_of);
    case PngFilter::None:
    case PngFilter::Up:
      break;
  }
}

template <int kPixelBytes>
void unfilter_large(PngFilter filter, const std::uint8_t* above, std::uint8_t* row,
                    std::size_t bytes) {
  switch (filter) {
    case PngFilter::Sub:
      return sub<kPixelBytes>(row, bytes);
    case PngFilter::Average:
      return average<kPixelBytes>(above, row, bytes);
    case PngFilter::Paeth:
      return paeth<kPixelBytes>(above, row, bytes);
    case PngFilter::None:
    case PngFilter::Up:
      break;
  }
}

void unfilter(PngFilter filter, int pixel_bytes, const std::uint8_t* above, std::uint8_t* row,
              std::size_t bytes) {
  if (filter == PngFilter::Up) return up(above, row, bytes);
  switch (pixel_bytes) {
    case 1:
      return unfilter_small<1>(filter, above, row, bytes);
    case 2:
      return unfilter_small<2>(filter, above, row, bytes);
    case 3:
      return unfilter_large<3>(filter, above, row, bytes);
    default:
      return unfilter_large<4>(filter, above, row, bytes);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace millrace::codecs
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace::codecs {

HWY_EXPORT(unfilter);

void unfilter_row(PngFilter filter, int pixel_bytes, const std::uint8_t* above, std::uint8_t* row,
                  std::size_t bytes) {
  if (filter == PngFilter::None) return;
  HWY_DYNAMIC_DISPATCH(unfilter)(filter, pixel_bytes, above, row, bytes);
}

}  // namespace millrace::codecs
#endif  // HWY_ONCE
