// SPDX-License-Identifier: Apache-2.0

// A separable convolution, one output row after the other: the rows around it are summed into one
// row, the pixels around each of its samples into the result. Both are the same sum over samples of
// different rows, or of the same row shifted by whole pixels, so that one loop does them, many
// samples at once whatever the number of bands.
//
// Each pair of samples that shares a weight is added first and held in 16 bits with 6 of them
// behind the point, and so is the sum: 255 x 64 fits. A weight has 15 bits behind the point, and
// one instruction multiplies, rounds and shifts back. What rounding adds to the sum is at most half
// of 1/64 a weight.
#include "codecs/convolution/symmetric_kernel.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "codecs/convolution/symmetric_kernel.cc"
#include <hwy/foreach_target.h>
// After it.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace millrace::codecs::HWY_NAMESPACE {

namespace {

namespace hn = hwy::HWY_NAMESPACE;

// to[i] = the weighted sum of sources[k][i], k = -radius..radius; weights are of the middle one
// and outwards.
void sum_rows(const std::uint8_t* const* sources, const std::int16_t* weights, std::size_t radius,
              std::size_t count, std::uint8_t* to) {
  const hn::ScalableTag<std::int16_t> d16;
  const hn::Rebind<std::uint8_t, decltype(d16)> d8;
  const std::size_t lanes = hn::Lanes(d16);
  const std::uint8_t* const* middle = sources + radius;
  const auto step = [&](std::size_t i) HWY_ATTR {
    const auto load = [&](std::size_t k, bool before) HWY_ATTR {
      return hn::PromoteTo(d16, hn::LoadU(d8, (before ? *(middle - k) : *(middle + k)) + i));
    };
    auto sum = hn::MulFixedPoint15(hn::ShiftLeft<6>(load(0, false)), hn::Set(d16, weights[0]));
    for (std::size_t k = 1; k <= radius; ++k) {
      const auto pair = hn::Add(load(k, true), load(k, false));
      sum = hn::Add(sum, hn::MulFixedPoint15(hn::ShiftLeft<6>(pair), hn::Set(d16, weights[k])));
    }
    sum = hn::ShiftRight<6>(hn::Add(sum, hn::Set(d16, 32)));
    hn::StoreU(hn::DemoteTo(d8, sum), d8, to + i);
  };
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) step(i);
  if (i == count) return;
  if (count >= lanes) {  // some a second time, to the same result
    step(count - lanes);
    return;
  }
  for (; i < count; ++i) {
    const auto product = [](int samples, std::int16_t weight) {
      return (samples * 64 * weight + (1 << 14)) >> 15;
    };
    int sum = product(middle[0][i], weights[0]);
    for (std::size_t k = 1; k <= radius; ++k) {
      sum += product((*(middle - k))[i] + middle[k][i], weights[k]);
    }
    to[i] = static_cast<std::uint8_t>(std::clamp((sum + 32) >> 6, 0, 255));
  }
}

}  // namespace
}  // namespace millrace::codecs::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace::codecs {
namespace {

HWY_EXPORT(sum_rows);

// Fifteen bits behind the point. What rounding takes from one weight its neighbour gets, so that
// the whole sum is 1.
std::vector<std::int16_t> fixed_point(std::span<const double> weights) {
  constexpr int kOne = 1 << 15;
  double whole = weights[0];
  for (const double weight : weights.subspan(1)) whole += 2 * weight;
  std::vector<std::int16_t> fixed(weights.size());
  double exact = 0;
  int given = 0;
  for (std::size_t k = weights.size() - 1; k > 0; --k) {
    exact += weights[k] / whole * kOne;
    const int weight = static_cast<int>(std::lround(exact)) - given;
    fixed[k] = static_cast<std::int16_t>(weight);
    given += weight;
  }
  // The largest that fits, where the middle takes all.
  fixed[0] = static_cast<std::int16_t>(std::min(kOne - 2 * given, kOne - 1));
  while (fixed.size() > 1 && fixed.back() == 0) fixed.pop_back();
  return fixed;
}

}  // namespace

void convolve(PlaneView from, int bands, std::span<const double> weights, std::uint8_t* to,
              std::ptrdiff_t to_stride_bytes) {
  const std::vector<std::int16_t> kernel = fixed_point(weights);
  const std::size_t radius = kernel.size() - 1;
  const auto pixel = static_cast<std::size_t>(bands);
  const auto count = static_cast<std::size_t>(from.width);
  const std::size_t margin = radius * pixel;
  std::vector<std::uint8_t> row(count + 2 * margin);
  std::vector<const std::uint8_t*> sources(2 * radius + 1);
  const auto reach = static_cast<std::int32_t>(radius);
  for (std::int32_t y = 0; y < from.height; ++y) {
    for (std::int32_t k = 0; k <= 2 * reach; ++k) {
      sources[static_cast<std::size_t>(k)] =
          from.row(std::clamp(y - reach + k, 0, from.height - 1));
    }
    HWY_DYNAMIC_DISPATCH(sum_rows)(sources.data(), kernel.data(), radius, count,
                                   row.data() + margin);
    for (std::size_t k = 0; k < radius; ++k) {
      std::memcpy(row.data() + k * pixel, row.data() + margin, pixel);
      std::memcpy(row.data() + margin + count + k * pixel, row.data() + margin + count - pixel,
                  pixel);
    }
    for (std::size_t k = 0; k <= 2 * radius; ++k) sources[k] = row.data() + k * pixel;
    HWY_DYNAMIC_DISPATCH(sum_rows)(sources.data(), kernel.data(), radius, count,
                                   to + y * to_stride_bytes);
  }
}

}  // namespace millrace::codecs
#endif
