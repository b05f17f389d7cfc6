// SPDX-License-Identifier: Apache-2.0

// The way from samples to what a filter says of them waits for nothing: whole vectors of bytes, all
// five filters at once while their sums are compared, then once more the one that is written.
//
// This file is compiled once for each set of instructions (foreach_target.h).
#include "codecs/png/filter.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "codecs/png/filter.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace millrace::codecs {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

const hn::ScalableTag<std::uint8_t> k8;
const hn::RebindToSigned<decltype(k8)> kSigned8;
const hn::Repartition<std::int16_t, decltype(k8)> k16;
const hn::Repartition<std::uint64_t, decltype(k8)> k64;
const hn::Half<decltype(k8)> kHalf8;
using V8 = hn::Vec<decltype(k8)>;
using V16 = hn::Vec<decltype(k16)>;
using V64 = hn::Vec<decltype(k64)>;
using HalfV8 = hn::Vec<decltype(kHalf8)>;

// The four bytes at a place: itself, to the left, above, above to the left.
struct Places {
  const std::uint8_t* x;
  const std::uint8_t* a;
  const std::uint8_t* b;
  const std::uint8_t* c;
};

HWY_INLINE Places places_at(const PngRowPair& rows, std::size_t at) {
  return {rows.row + at, rows.row + at - rows.pixel_bytes, rows.above + at,
          rows.above + at - rows.pixel_bytes};
}

// unfilter.cc says why it is told so.
HWY_INLINE HalfV8 paeth_of_half(const Places& places, std::size_t at) {
  const V16 a = hn::PromoteTo(k16, hn::LoadU(kHalf8, places.a + at));
  const V16 b = hn::PromoteTo(k16, hn::LoadU(kHalf8, places.b + at));
  const V16 c = hn::PromoteTo(k16, hn::LoadU(kHalf8, places.c + at));
  const V16 t = hn::Sub(hn::Add(hn::Add(c, c), c), hn::Add(a, b));
  const V16 low = hn::Min(a, b);
  const V16 high = hn::Max(a, b);
  const V16 low_or_c = hn::IfThenElse(hn::Gt(high, t), c, low);
  return hn::DemoteTo(kHalf8, hn::IfThenElse(hn::Gt(t, low), low_or_c, high));
}

template <PngFilter kFilter>
HWY_INLINE V8 predicted(const Places& places) {
  if constexpr (kFilter == PngFilter::None) return hn::Zero(k8);
  if constexpr (kFilter == PngFilter::Sub) return hn::LoadU(k8, places.a);
  if constexpr (kFilter == PngFilter::Up) return hn::LoadU(k8, places.b);
  if constexpr (kFilter == PngFilter::Average) {
    const V8 a = hn::LoadU(k8, places.a);
    const V8 b = hn::LoadU(k8, places.b);
    return hn::Sub(hn::AverageRound(a, b), hn::And(hn::Xor(a, b), hn::Set(k8, 1)));
  }
  if constexpr (kFilter == PngFilter::Paeth) {
    return hn::Combine(k8, paeth_of_half(places, hn::Lanes(kHalf8)), paeth_of_half(places, 0));
  }
}

HWY_INLINE int predicted_byte(PngFilter filter, int a, int b, int c) {
  switch (filter) {
    case PngFilter::Sub:
      return a;
    case PngFilter::Up:
      return b;
    case PngFilter::Average:
      return (a + b) >> 1;
    case PngFilter::Paeth: {
      const int t = 3 * c - a - b;
      const int low = std::min(a, b);
      const int high = std::max(a, b);
      const int low_or_c = high > t ? c : low;
      return t > low ? low_or_c : high;
    }
    case PngFilter::None:
      break;
  }
  return 0;
}

HWY_INLINE std::uint8_t told_byte(PngFilter filter, const Places& at) {
  return static_cast<std::uint8_t>(*at.x - predicted_byte(filter, *at.a, *at.b, *at.c));
}

template <PngFilter kFilter>
HWY_INLINE V8 told(const Places& places) {
  return hn::Sub(hn::LoadU(k8, places.x), predicted<kFilter>(places));
}

// As numbers with a sign, without it. The smallest has no counterpart, and is 128 as a byte again.
HWY_INLINE V64 sizes_of(V8 bytes) {
  return hn::SumsOf8(hn::BitCast(k8, hn::Abs(hn::BitCast(kSigned8, bytes))));
}

void costs(const PngRowPair& rows, PngFilterCosts& costs) {
  const std::size_t lanes = hn::Lanes(k8);
  V64 none = hn::Zero(k64);
  V64 sub = none;
  V64 up = none;
  V64 average = none;
  V64 paeth = none;
  std::size_t at = 0;
  for (; at + lanes <= rows.bytes; at += lanes) {
    const Places places = places_at(rows, at);
    none = hn::Add(none, sizes_of(told<PngFilter::None>(places)));
    sub = hn::Add(sub, sizes_of(told<PngFilter::Sub>(places)));
    up = hn::Add(up, sizes_of(told<PngFilter::Up>(places)));
    average = hn::Add(average, sizes_of(told<PngFilter::Average>(places)));
    paeth = hn::Add(paeth, sizes_of(told<PngFilter::Paeth>(places)));
  }
  costs = {hn::GetLane(hn::SumOfLanes(k64, none)), hn::GetLane(hn::SumOfLanes(k64, sub)),
           hn::GetLane(hn::SumOfLanes(k64, up)), hn::GetLane(hn::SumOfLanes(k64, average)),
           hn::GetLane(hn::SumOfLanes(k64, paeth))};
  for (; at < rows.bytes; ++at) {
    const Places places = places_at(rows, at);
    for (std::size_t i = 0; i < costs.size(); ++i) {
      const int byte = told_byte(static_cast<PngFilter>(i), places);
      costs[i] += static_cast<std::uint64_t>(std::min(byte, 256 - byte));
    }
  }
}

template <PngFilter kFilter>
void write(const PngRowPair& rows, std::uint8_t* out) {
  const std::size_t lanes = hn::Lanes(k8);
  std::size_t at = 0;
  for (; at + lanes <= rows.bytes; at += lanes) {
    hn::StoreU(told<kFilter>(places_at(rows, at)), k8, out + at);
  }
  for (; at < rows.bytes; ++at) out[at] = told_byte(kFilter, places_at(rows, at));
}

void write_filtered(PngFilter filter, const PngRowPair& rows, std::uint8_t* out) {
  switch (filter) {
    case PngFilter::None:
      std::memcpy(out, rows.row, rows.bytes);
      return;
    case PngFilter::Sub:
      return write<PngFilter::Sub>(rows, out);
    case PngFilter::Up:
      return write<PngFilter::Up>(rows, out);
    case PngFilter::Average:
      return write<PngFilter::Average>(rows, out);
    case PngFilter::Paeth:
      return write<PngFilter::Paeth>(rows, out);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace millrace::codecs
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace::codecs {

HWY_EXPORT(costs);
HWY_EXPORT(write_filtered);

PngFilterCosts costs_of_filters(const PngRowPair& rows) {
  PngFilterCosts found;
  HWY_DYNAMIC_DISPATCH(costs)(rows, found);
  return found;
}
void filter_row(PngFilter filter, const PngRowPair& rows, std::uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(write_filtered)(filter, rows, out);
}

}  // namespace millrace::codecs
#endif  // HWY_ONCE
