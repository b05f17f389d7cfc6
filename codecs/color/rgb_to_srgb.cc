// SPDX-License-Identifier: Apache-2.0
#include "codecs/color/rgb_to_srgb.h"

#include <algorithm>
#include <cmath>

namespace millrace::codecs {
namespace {

using Matrix = std::array<std::array<double, 3>, 3>;

// sRGB's colorants (IEC 61966-2-1) as XYZ relative to D50 by the Bradford transform, in columns.
constexpr Matrix kSrgbToXyz = {{{0.4360747, 0.3850649, 0.1430804},
                                {0.2225045, 0.7168786, 0.0606169},
                                {0.0139322, 0.0971045, 0.7141733}}};

constexpr Matrix inverse(const Matrix& m) {
  Matrix out{};
  double determinant = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t i1 = (i + 1) % 3;
    const std::size_t i2 = (i + 2) % 3;
    determinant += m[0][i] * (m[1][i1] * m[2][i2] - m[1][i2] * m[2][i1]);
    for (std::size_t j = 0; j < 3; ++j) {
      const std::size_t j1 = (j + 1) % 3;
      const std::size_t j2 = (j + 2) % 3;
      out[i][j] = m[j1][i1] * m[j2][i2] - m[j1][i2] * m[j2][i1];
    }
  }
  for (auto& row : out) {
    for (double& value : row) value /= determinant;
  }
  return out;
}

// Steps of light: the darkest tones are a fifth of a tone's width apart.
constexpr int kSteps = 1 << 14;

struct Tones {
  std::array<std::uint8_t, kSteps + 1> of{};
};

// sRGB's tone of each step of light.
const Tones& tones() {
  static const Tones table = [] {
    Tones made;
    for (int i = 0; i <= kSteps; ++i) {
      const double light = static_cast<double>(i) / kSteps;
      const double tone =
          light <= 0.0031308 ? 12.92 * light : 1.055 * std::pow(light, 1 / 2.4) - 0.055;
      made.of[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(std::lround(255 * tone));
    }
    return made;
  }();
  return table;
}

}  // namespace

RgbToSrgb::RgbToSrgb(const DeviceRgb& device) : channels_(std::make_unique<Channels>()) {
  constexpr Matrix kFromXyz = inverse(kSrgbToXyz);
  for (std::size_t channel = 0; channel < 3; ++channel) {
    const auto& [x, y, z] = device.colorants[channel];
    for (std::size_t value = 0; value < 256; ++value) {
      Light& light = channels_->of[channel][value];
      for (std::size_t k = 0; k < 3; ++k) {
        const double share = kFromXyz[k][0] * x + kFromXyz[k][1] * y + kFromXyz[k][2] * z;
        light[k] = static_cast<float>(share * device.light[channel][value] * kSteps);
        // Rounds the sum, which is cut off to a whole number.
        if (channel == 0) light[k] += 0.5F;
      }
    }
  }
}

void RgbToSrgb::convert(std::uint8_t* pixels, std::size_t count) const {
  const auto& tone_of = tones().of;
  const auto& [red, green, blue] = channels_->of;
  for (std::uint8_t* const end = pixels + 3 * count; pixels != end; pixels += 3) {
    const Light& r = red[pixels[0]];
    const Light& g = green[pixels[1]];
    const Light& b = blue[pixels[2]];
    std::array<std::int32_t, 4> step{};
    for (std::size_t k = 0; k < 4; ++k) {
      const float light = std::clamp(r[k] + g[k] + b[k], 0.0F, static_cast<float>(kSteps));
      step[k] = static_cast<std::int32_t>(light);
    }
    for (std::size_t k = 0; k < 3; ++k) pixels[k] = tone_of[static_cast<std::size_t>(step[k])];
  }
}

}  // namespace millrace::codecs
