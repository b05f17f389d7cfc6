// SPDX-License-Identifier: Apache-2.0
#include "codecs/resample/interleave.h"

#include <algorithm>
#include <array>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "codecs/resample/interleave.cc"
#include <hwy/foreach_target.h>
// After it.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace millrace::codecs::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Each stops in front of the last whole vector, and says where.
std::int32_t split_vectors(const std::uint8_t* pixels, int bands, std::int32_t count,
                           std::uint8_t* const* rows) {
  const hn::ScalableTag<std::uint8_t> d;
  const auto lanes = static_cast<std::int32_t>(hn::Lanes(d));
  std::int32_t x = 0;
  hn::Vec<decltype(d)> a;
  hn::Vec<decltype(d)> b;
  hn::Vec<decltype(d)> c;
  hn::Vec<decltype(d)> e;
  for (; x + lanes <= count; x += lanes) {
    const std::uint8_t* from = pixels + static_cast<std::ptrdiff_t>(x) * bands;
    if (bands == 2) {
      hn::LoadInterleaved2(d, from, a, b);
    } else if (bands == 3) {
      hn::LoadInterleaved3(d, from, a, b, c);
      hn::StoreU(c, d, rows[2] + x);
    } else {
      hn::LoadInterleaved4(d, from, a, b, c, e);
      hn::StoreU(c, d, rows[2] + x);
      hn::StoreU(e, d, rows[3] + x);
    }
    hn::StoreU(a, d, rows[0] + x);
    hn::StoreU(b, d, rows[1] + x);
  }
  return x;
}

std::int32_t join_vectors(const std::uint8_t* const* rows, int bands, std::int32_t count,
                          std::uint8_t* pixels) {
  const hn::ScalableTag<std::uint8_t> d;
  const auto lanes = static_cast<std::int32_t>(hn::Lanes(d));
  std::int32_t x = 0;
  for (; x + lanes <= count; x += lanes) {
    std::uint8_t* to = pixels + static_cast<std::ptrdiff_t>(x) * bands;
    const auto row = [&](int band) HWY_ATTR { return hn::LoadU(d, rows[band] + x); };
    if (bands == 2) hn::StoreInterleaved2(row(0), row(1), d, to);
    if (bands == 3) hn::StoreInterleaved3(row(0), row(1), row(2), d, to);
    if (bands == 4) hn::StoreInterleaved4(row(0), row(1), row(2), row(3), d, to);
  }
  return x;
}

std::int32_t weigh_vectors(std::uint8_t* color, const std::uint8_t* alpha, std::int32_t count) {
  const hn::ScalableTag<std::uint16_t> d16;
  const hn::Rebind<std::uint8_t, decltype(d16)> d8;
  const auto lanes = static_cast<std::int32_t>(hn::Lanes(d16));
  std::int32_t x = 0;
  for (; x + lanes <= count; x += lanes) {
    const auto product = hn::Mul(hn::PromoteTo(d16, hn::LoadU(d8, color + x)),
                                 hn::PromoteTo(d16, hn::LoadU(d8, alpha + x)));
    // Divided by 255 and rounded.
    const auto half = hn::Add(product, hn::Set(d16, 128));
    const auto weighed = hn::ShiftRight<8>(hn::Add(half, hn::ShiftRight<8>(half)));
    hn::StoreU(hn::DemoteTo(d8, hn::BitCast(hn::RebindToSigned<decltype(d16)>(), weighed)), d8,
               color + x);
  }
  return x;
}

}  // namespace
}  // namespace millrace::codecs::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace::codecs {
namespace {

HWY_EXPORT(split_vectors);
HWY_EXPORT(join_vectors);
HWY_EXPORT(weigh_vectors);

// 255 / alpha, sixteen bits behind the point.
constexpr std::array<std::uint32_t, 256> kInverseAlpha = [] {
  std::array<std::uint32_t, 256> inverse{};
  for (std::uint32_t alpha = 1; alpha < 256; ++alpha) {
    inverse[alpha] = (255U * 65536U + alpha / 2) / alpha;
  }
  return inverse;
}();

}  // namespace

void split_row(const std::uint8_t* pixels, int bands, std::int32_t count,
               std::uint8_t* const* rows) {
  if (bands == 1) {
    std::memcpy(rows[0], pixels, static_cast<std::size_t>(count));
    return;
  }
  std::int32_t x = HWY_DYNAMIC_DISPATCH(split_vectors)(pixels, bands, count, rows);
  for (; x < count; ++x) {
    for (int band = 0; band < bands; ++band) {
      rows[band][x] = pixels[static_cast<std::ptrdiff_t>(x) * bands + band];
    }
  }
}

void join_row(const std::uint8_t* const* rows, int bands, std::int32_t count,
              std::uint8_t* pixels) {
  if (bands == 1) {
    std::memcpy(pixels, rows[0], static_cast<std::size_t>(count));
    return;
  }
  std::int32_t x = HWY_DYNAMIC_DISPATCH(join_vectors)(rows, bands, count, pixels);
  for (; x < count; ++x) {
    for (int band = 0; band < bands; ++band) {
      pixels[static_cast<std::ptrdiff_t>(x) * bands + band] = rows[band][x];
    }
  }
}

void weigh_row(std::uint8_t* color, const std::uint8_t* alpha, std::int32_t count) {
  std::int32_t x = HWY_DYNAMIC_DISPATCH(weigh_vectors)(color, alpha, count);
  for (; x < count; ++x) {
    const unsigned half = color[x] * unsigned{alpha[x]} + 128;
    color[x] = static_cast<std::uint8_t>((half + (half >> 8)) >> 8);
  }
}

void unweigh_row(std::uint8_t* color, const std::uint8_t* alpha, std::int32_t count) {
  for (std::int32_t x = 0; x < count; ++x) {
    const std::uint32_t straight = (color[x] * kInverseAlpha[alpha[x]] + 32768) >> 16;
    color[x] = static_cast<std::uint8_t>(std::min<std::uint32_t>(straight, 255));
  }
}

}  // namespace millrace::codecs
#endif
