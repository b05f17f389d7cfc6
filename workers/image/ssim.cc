// SPDX-License-Identifier: Apache-2.0
#include "workers/image/ssim.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

namespace millrace::workers::image {
namespace {

constexpr int kStepPx = 4;
constexpr int kWindowPx = 8;
constexpr int kTileSteps = kSsimTilePx / kStepPx;
constexpr double kC1 = (0.01 * 255) * (0.01 * 255);
constexpr double kC2 = (0.03 * 255) * (0.03 * 255);

// What a window needs to know of its pixels. Sums of 64 products of bytes fit.
struct Sums {
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::uint32_t squares = 0;  // of both pictures: the index needs no more than their sum
  std::uint32_t products = 0;

  Sums& operator+=(const Sums& other) {
    a += other.a;
    b += other.b;
    squares += other.squares;
    products += other.products;
    return *this;
  }
};

Sums sums_of(const Plane& a, const Plane& b, int left, int top, int width, int height) {
  Sums sums;
  for (int y = top; y < top + height; ++y) {
    const std::size_t at = static_cast<std::size_t>(y) * static_cast<std::size_t>(a.width) +
                           static_cast<std::size_t>(left);
    for (std::size_t i = at; i < at + static_cast<std::size_t>(width); ++i) {
      const std::uint32_t p = a.samples[i];
      const std::uint32_t q = b.samples[i];
      sums.a += p;
      sums.b += q;
      sums.squares += p * p + q * q;
      sums.products += p * q;
    }
  }
  return sums;
}

double index_of(const Sums& sums, double pixels) {
  const double mean_a = sums.a / pixels;
  const double mean_b = sums.b / pixels;
  const double variances = sums.squares / pixels - mean_a * mean_a - mean_b * mean_b;
  const double covariance = sums.products / pixels - mean_a * mean_b;
  return ((2 * mean_a * mean_b + kC1) * (2 * covariance + kC2)) /
         ((mean_a * mean_a + mean_b * mean_b + kC1) * (variances + kC2));
}

struct Mean {
  double sum = 0;
  std::size_t count = 0;
  void add(double value) {
    sum += value;
    ++count;
  }
  [[nodiscard]] double value() const { return count == 0 ? 1 : sum / static_cast<double>(count); }
};

// Sums of the blocks of 4 x 4 px of one row of blocks: a window is two by two of them.
void sum_blocks(const Plane& a, const Plane& b, int row, std::span<Sums> blocks) {
  for (std::size_t x = 0; x < blocks.size(); ++x) {
    blocks[x] = sums_of(a, b, static_cast<int>(x) * kStepPx, row * kStepPx, kStepPx, kStepPx);
  }
}

}  // namespace

Plane luma_of(const vips::VImage& picture) {
  Plane plane{picture.width(), picture.height(), {}};
  plane.samples.resize(static_cast<std::size_t>(plane.width) *
                       static_cast<std::size_t>(plane.height));
  const int bands = picture.bands();
  std::uint8_t* to = plane.samples.data();
  for (int y = 0; y < plane.height; ++y) {
    const std::uint8_t* from = VIPS_IMAGE_ADDR(picture.get_image(), 0, y);
    for (int x = 0; x < plane.width; ++x, from += bands, ++to) {
      // Weights of sixteen bits, whose sum is 65,536.
      *to = bands < 3
                ? from[0]
                : static_cast<std::uint8_t>(
                      (19'595U * from[0] + 38'470U * from[1] + 7'471U * from[2] + 32'768U) >> 16);
    }
  }
  return plane;
}

SsimScore ssim(const Plane& a, const Plane& b) {
  if (a.samples.empty()) return {};
  if (a.width < kWindowPx || a.height < kWindowPx) {
    const double index = index_of(sums_of(a, b, 0, 0, a.width, a.height),
                                  static_cast<double>(a.width) * static_cast<double>(a.height));
    return {index, index};
  }
  const auto across = static_cast<std::size_t>(a.width / kStepPx);
  const int down = a.height / kStepPx;
  std::vector<Sums> upper(across);
  std::vector<Sums> lower(across);
  std::vector<Mean> tiles(across / kTileSteps + 1);  // of the row of tiles at hand
  Mean all;
  double lowest_tile = 1;
  const auto close_tiles = [&] {
    for (Mean& tile : tiles) {
      lowest_tile = std::min(lowest_tile, tile.value());
      tile = {};
    }
  };
  sum_blocks(a, b, 0, lower);
  for (int row = 1; row < down; ++row) {
    std::swap(upper, lower);
    sum_blocks(a, b, row, lower);
    for (std::size_t x = 0; x + 1 < across; ++x) {
      Sums window = upper[x];
      window += upper[x + 1];
      window += lower[x];
      window += lower[x + 1];
      const double index = index_of(window, kWindowPx * kWindowPx);
      all.add(index);
      tiles[x / kTileSteps].add(index);
    }
    if (row % kTileSteps == 0) close_tiles();
  }
  close_tiles();
  return {all.value(), lowest_tile};
}

double dssim_of(double ssim) { return (1 - ssim) / 2; }

}  // namespace millrace::workers::image
