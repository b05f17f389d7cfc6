// SPDX-License-Identifier: Apache-2.0
#include "codecs/color/rgb_to_srgb.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace millrace::codecs {
namespace {

double srgb_light(double tone) {
  return tone <= 0.04045 ? tone / 12.92 : std::pow((tone + 0.055) / 1.055, 2.4);
}

double srgb_tone(double light) {
  const double inside = std::clamp(light, 0.0, 1.0);
  return inside <= 0.0031308 ? 12.92 * inside : 1.055 * std::pow(inside, 1 / 2.4) - 0.055;
}

template <class Curve>
DeviceRgb device(const std::array<std::array<double, 3>, 3>& colorants, const Curve& curve) {
  DeviceRgb made;
  made.colorants = colorants;
  for (auto& channel : made.light) {
    for (std::size_t i = 0; i < 256; ++i) channel[i] = curve(static_cast<double>(i) / 255);
  }
  return made;
}

// As their profiles say it, relative to D50.
const DeviceRgb kSrgb = device({{{0.4360747, 0.2225045, 0.0139322},
                                 {0.3850649, 0.7168786, 0.0971045},
                                 {0.1430804, 0.0606169, 0.7141733}}},
                               srgb_light);
const DeviceRgb kDisplayP3 = device(
    {{{0.51512, 0.24120, -0.00105}, {0.29198, 0.69225, 0.04189}, {0.15710, 0.06657, 0.78407}}},
    srgb_light);
const DeviceRgb kAdobeRgb = device(
    {{{0.60974, 0.31111, 0.01947}, {0.20528, 0.62567, 0.06087}, {0.14919, 0.06322, 0.74457}}},
    [](double v) { return std::pow(v, 563.0 / 256); });

// XYZ relative to D50 to linear sRGB, as published (Lindbloom).
constexpr double kFromXyz[3][3] = {{3.1338561, -1.6168667, -0.4906146},
                                   {-0.9787684, 1.9161415, 0.0334540},
                                   {0.0719453, -0.2289914, 1.4052427}};

std::array<double, 3> exactly(const DeviceRgb& from, const std::uint8_t* pixel) {
  std::array<double, 3> xyz{};
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t k = 0; k < 3; ++k) xyz[k] += from.colorants[c][k] * from.light[c][pixel[c]];
  }
  std::array<double, 3> tones{};
  for (std::size_t k = 0; k < 3; ++k) {
    double light = 0;
    for (std::size_t j = 0; j < 3; ++j) light += kFromXyz[k][j] * xyz[j];
    tones[k] = 255 * srgb_tone(light);
  }
  return tones;
}

// Every seventh value of each channel, and the corners.
std::vector<std::uint8_t> all_kinds_of_pixels() {
  std::vector<std::uint8_t> values;
  for (int v = 0; v < 256; v += 7) values.push_back(static_cast<std::uint8_t>(v));
  values.push_back(255);
  std::vector<std::uint8_t> pixels;
  for (const std::uint8_t r : values) {
    for (const std::uint8_t g : values) {
      for (const std::uint8_t b : values) pixels.insert(pixels.end(), {r, g, b});
    }
  }
  return pixels;
}

void expect_exact(const DeviceRgb& from) {
  const std::vector<std::uint8_t> before = all_kinds_of_pixels();
  std::vector<std::uint8_t> after = before;
  RgbToSrgb(from).convert(after.data(), after.size() / 3);
  double worst = 0;
  for (std::size_t i = 0; i < before.size(); i += 3) {
    const auto tones = exactly(from, &before[i]);
    for (std::size_t k = 0; k < 3; ++k) worst = std::max(worst, std::abs(tones[k] - after[i + k]));
  }
  EXPECT_LE(worst, 0.75);  // half a step is the rounding's
}

TEST(RgbToSrgbTest, IsWithinAStepOfExactArithmetic) {
  expect_exact(kDisplayP3);
  expect_exact(kAdobeRgb);
}

TEST(RgbToSrgbTest, LeavesSrgbAsItIs) {
  const std::vector<std::uint8_t> before = all_kinds_of_pixels();
  std::vector<std::uint8_t> after = before;
  RgbToSrgb(kSrgb).convert(after.data(), after.size() / 3);
  EXPECT_EQ(after, before);
}

TEST(RgbToSrgbTest, LeavesGreyAsGrey) {
  for (const DeviceRgb& from : {kDisplayP3, kAdobeRgb}) {
    for (int v = 0; v < 256; ++v) {
      const auto value = static_cast<std::uint8_t>(v);
      std::array<std::uint8_t, 3> pixel{value, value, value};
      RgbToSrgb(from).convert(pixel.data(), 1);
      EXPECT_LE(std::abs(pixel[0] - pixel[1]), 1) << v;
      EXPECT_LE(std::abs(pixel[1] - pixel[2]), 1) << v;
    }
  }
}

TEST(RgbToSrgbTest, CutsOffWhatSrgbHasNot) {
  std::array<std::uint8_t, 6> pixels{0, 255, 0, 255, 0, 0};
  RgbToSrgb(kDisplayP3).convert(pixels.data(), 2);
  EXPECT_EQ(pixels, (std::array<std::uint8_t, 6>{0, 255, 0, 255, 0, 0}));
}

}  // namespace
}  // namespace millrace::codecs
