// SPDX-License-Identifier: Apache-2.0
#include "workers/image/blurhash.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <string_view>
#include <vector>

namespace millrace::workers::image {
namespace {

constexpr std::string_view kDigits =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";
constexpr double kScaleSteps = 166;  // of the largest term
constexpr int kScaleMax = 82;        // one digit
constexpr int kTermMax = 18;         // of 19 steps, 9 is zero

using Term = std::array<double, 3>;  // of red, green and blue, linear

double linear_of(std::uint8_t value) {
  const double v = value / 255.0;
  return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
}

int srgb_of(double linear) {
  const double v = std::clamp(linear, 0.0, 1.0);
  const double encoded = v <= 0.0031308 ? v * 12.92 : 1.055 * std::pow(v, 1 / 2.4) - 0.055;
  return static_cast<int>(std::lround(encoded * 255));
}

void put_digits(std::string& text, int value, int digits) {
  std::string reversed;
  for (int i = 0; i < digits; ++i, value /= 83)
    reversed += kDigits[static_cast<unsigned>(value % 83)];
  text.append(reversed.rbegin(), reversed.rend());
}

// cos(pi i x / length) for each place.
std::vector<double> wave(int i, int length) {
  std::vector<double> values(static_cast<std::size_t>(length));
  for (int x = 0; x < length; ++x) {
    values[static_cast<std::size_t>(x)] = std::cos(std::numbers::pi * i * x / length);
  }
  return values;
}

Term term_of(std::span<const Term> pixels, const std::vector<double>& across,
             const std::vector<double>& down, double weight) {
  Term sum{};
  const Term* pixel = pixels.data();
  for (const double wave_y : down) {
    for (const double wave_x : across) {
      for (std::size_t band = 0; band < 3; ++band) sum[band] += wave_x * wave_y * (*pixel)[band];
      ++pixel;
    }
  }
  for (double& value : sum) value *= weight / static_cast<double>(pixels.size());
  return sum;
}

int quantised(double value, double scale) {
  const double root = std::copysign(std::sqrt(std::abs(value / scale)), value);
  return std::clamp(static_cast<int>(std::floor(root * 9 + 9.5)), 0, kTermMax);
}

}  // namespace

std::string blurhash_of(std::span<const std::uint8_t> rgb, int width, int height, int across,
                        int down) {
  std::array<double, 256> linear{};
  for (std::size_t i = 0; i < linear.size(); ++i)
    linear[i] = linear_of(static_cast<std::uint8_t>(i));
  std::vector<Term> pixels(rgb.size() / 3);
  for (std::size_t i = 0; i < rgb.size(); ++i) pixels[i / 3][i % 3] = linear[rgb[i]];

  std::vector<Term> terms;
  double largest = 0;
  for (int j = 0; j < down; ++j) {
    for (int i = 0; i < across; ++i) {
      const bool constant = i == 0 && j == 0;
      terms.push_back(term_of(pixels, wave(i, width), wave(j, height), constant ? 1 : 2));
      if (constant) continue;
      for (const double value : terms.back()) largest = std::max(largest, std::abs(value));
    }
  }

  std::string text;
  put_digits(text, (across - 1) + (down - 1) * 9, 1);
  int scale_step = 0;
  if (terms.size() > 1) {
    scale_step =
        std::clamp(static_cast<int>(std::floor(largest * kScaleSteps - 0.5)), 0, kScaleMax);
  }
  put_digits(text, scale_step, 1);
  const Term& mean = terms.front();
  put_digits(text, (srgb_of(mean[0]) << 16) + (srgb_of(mean[1]) << 8) + srgb_of(mean[2]), 4);
  const double scale = (scale_step + 1) / kScaleSteps;
  for (std::size_t i = 1; i < terms.size(); ++i) {
    int value = 0;
    for (const double band : terms[i]) value = value * (kTermMax + 1) + quantised(band, scale);
    put_digits(text, value, 2);
  }
  return text;
}

}  // namespace millrace::workers::image
