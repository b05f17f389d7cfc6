// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <random>

#include "codecs/planes.h"

namespace millrace::codecs {

template <class Function>
Plane plane_of(std::int32_t width, std::int32_t height, Function&& sample) {
  Plane plane(width, height);
  for (std::int32_t y = 0; y < height; ++y) {
    for (std::int32_t x = 0; x < width; ++x) {
      plane.row(y)[x] = static_cast<std::uint8_t>(sample(x, y));
    }
  }
  return plane;
}

inline Plane constant_plane(std::int32_t width, std::int32_t height, int value) {
  return plane_of(width, height, [=](int, int) { return value; });
}

// Nothing but the hardest: every sample by chance, with as many black and white ones.
inline Plane noise_plane(std::int32_t width, std::int32_t height, unsigned seed) {
  std::mt19937 random(seed);
  return plane_of(width, height, [&](int, int) {
    const auto draw = static_cast<int>(random() % 512);
    return std::clamp(draw - 128, 0, 255);
  });
}

// As photographs are: waves of several lengths, and an edge.
inline Plane wave_plane(std::int32_t width, std::int32_t height) {
  return plane_of(width, height, [=](int x, int y) {
    const double across = (x + 0.5) / width;
    const double down = (y + 0.5) / height;
    double value = 128 + 50 * std::sin(20 * across + 3 * down) + 30 * std::cos(31 * down) +
                   15 * std::sin(90 * (across - down));
    if (across > 0.6 && down > 0.3) value -= 60;
    return static_cast<int>(std::lround(std::clamp(value, 0.0, 255.0)));
  });
}

// The largest difference of two samples at the same place; 256 for planes of different sizes.
inline int distance_max(const Plane& a, const Plane& b) {
  if (a.width() != b.width() || a.height() != b.height()) return 256;
  int most = 0;
  for (std::int32_t y = 0; y < a.height(); ++y) {
    for (std::int32_t x = 0; x < a.width(); ++x) {
      most = std::max(most, std::abs(a.row(y)[x] - b.row(y)[x]));
    }
  }
  return most;
}

inline double distance_mean(const Plane& a, const Plane& b) {
  double sum = 0;
  for (std::int32_t y = 0; y < a.height(); ++y) {
    for (std::int32_t x = 0; x < a.width(); ++x) sum += std::abs(a.row(y)[x] - b.row(y)[x]);
  }
  return sum / (static_cast<double>(a.width()) * a.height());
}

inline bool same(const Plane& a, const Plane& b) { return distance_max(a, b) == 0; }

}  // namespace millrace::codecs
