// SPDX-License-Identifier: Apache-2.0
#include "codecs/convolution/symmetric_kernel.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

namespace millrace::codecs {
namespace {

std::vector<double> bell(int radius, double sigma) {
  std::vector<double> weights;
  for (int k = 0; k <= radius; ++k) weights.push_back(std::exp(-k * k / (2 * sigma * sigma)));
  return weights;
}

struct Pixels {
  int width = 0;
  int height = 0;
  int bands = 0;
  std::vector<std::uint8_t> samples;

  Pixels(int w, int h, int b)
      : width(w),
        height(h),
        bands(b),
        samples(static_cast<std::size_t>(w) * static_cast<std::size_t>(h) *
                static_cast<std::size_t>(b)) {}
  [[nodiscard]] std::uint8_t at(int x, int y, int band) const {
    x = std::clamp(x, 0, width - 1);
    y = std::clamp(y, 0, height - 1);
    const auto row = static_cast<std::size_t>(width) * static_cast<std::size_t>(bands);
    return samples[static_cast<std::size_t>(y) * row + static_cast<std::size_t>(x * bands + band)];
  }
};

Pixels noise(int width, int height, int bands) {
  Pixels pixels(width, height, bands);
  std::mt19937 random(7);
  std::ranges::generate(pixels.samples, [&] { return static_cast<std::uint8_t>(random()); });
  return pixels;
}

Pixels convolved(const Pixels& from, const std::vector<double>& weights) {
  Pixels to(from.width, from.height, from.bands);
  const int row = from.width * from.bands;
  convolve({from.samples.data(), row, from.height, row}, from.bands, weights, to.samples.data(),
           row);
  return to;
}

// In exact numbers.
double expected_at(const Pixels& from, const std::vector<double>& weights, int x, int y, int band) {
  double sum = 0;
  double whole = 0;
  const int radius = static_cast<int>(weights.size()) - 1;
  for (int dy = -radius; dy <= radius; ++dy) {
    for (int dx = -radius; dx <= radius; ++dx) {
      const double weight = weights[static_cast<std::size_t>(std::abs(dx))] *
                            weights[static_cast<std::size_t>(std::abs(dy))];
      sum += weight * from.at(x + dx, y + dy, band);
      whole += weight;
    }
  }
  return sum / whole;
}

void expect_near_exact(const Pixels& from, const std::vector<double>& weights) {
  const Pixels made = convolved(from, weights);
  for (int y = 0; y < from.height; ++y) {
    for (int x = 0; x < from.width; ++x) {
      for (int band = 0; band < from.bands; ++band) {
        ASSERT_NEAR(made.at(x, y, band), expected_at(from, weights, x, y, band), 1.6)
            << x << "," << y << " band " << band << " of " << from.width << "x" << from.height
            << ", " << weights.size() << " weights";
      }
    }
  }
}

TEST(SymmetricKernelTest, IsTheWeightedSumInBothDirections) {
  for (const auto& [width, height] : {std::pair{1, 1}, {3, 2}, {7, 30}, {40, 9}, {65, 20}}) {
    for (const int bands : {1, 3, 4}) {
      const Pixels from = noise(width, height, bands);
      expect_near_exact(from, bell(1, 0.5));
      expect_near_exact(from, bell(3, 1.5));
      expect_near_exact(from, bell(12, 4));
    }
  }
}

TEST(SymmetricKernelTest, AKernelMayReachBeyondThePicture) {
  expect_near_exact(noise(5, 4, 3), bell(20, 8));
  expect_near_exact(noise(40, 3, 1), bell(60, 100));
}

TEST(SymmetricKernelTest, OneColourStays) {
  for (const int value : {0, 1, 128, 254, 255}) {
    Pixels flat(50, 20, 3);
    std::ranges::fill(flat.samples, static_cast<std::uint8_t>(value));
    for (const auto& [radius, sigma] :
         {std::pair{0, 1.0}, {1, 0.1}, {2, 0.7}, {12, 4.0}, {30, 10.0}}) {
      EXPECT_EQ(convolved(flat, bell(radius, sigma)).samples, flat.samples)
          << value << " with " << radius << "x" << sigma;
    }
  }
}

TEST(SymmetricKernelTest, TheMiddleAloneChangesNothing) {
  const Pixels from = noise(33, 5, 3);
  EXPECT_EQ(convolved(from, {5.0}).samples, from.samples);
  EXPECT_EQ(convolved(from, {1.0, 0.0, 0.0}).samples, from.samples);
}

// The whole sum must be 1 however flat the kernel, or the picture darkens; what each weight's
// rounding adds is small beside that.
TEST(SymmetricKernelTest, WideKernelsKeepTheBrightness) {
  for (const int value : {60, 200}) {
    Pixels flat(300, 4, 1);
    std::ranges::fill(flat.samples, static_cast<std::uint8_t>(value));
    for (const int radius : {100, 300, 1000}) {
      const Pixels made = convolved(flat, bell(radius, 1000));
      for (const std::uint8_t sample : made.samples) ASSERT_NEAR(sample, value, 4) << radius;
    }
  }
}

}  // namespace
}  // namespace millrace::codecs
