// SPDX-License-Identifier: Apache-2.0
//
// The bytes, lowest bits first:
//   24 bits  lightness 6, yellow-blue 6, red-green 6, scale of lightness 5, has alpha 1
//   16 bits  terms along the shorter side 3, scale of yellow-blue 6, of red-green 6, is wide 1
//    8 bits  alpha 4, scale of alpha 4                                   (with alpha alone)
//   then the terms of lightness, yellow-blue, red-green and alpha, 4 bits each
#include "workers/image/thumbhash.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace millrace::workers::image {
namespace {

constexpr int kLightnessTerms = 7;           // along the longer side
constexpr int kLightnessTermsWithAlpha = 5;  // to make room
constexpr int kColorTerms = 3;
constexpr int kAlphaTerms = 5;

struct Shape {
  int width = 0;
  int height = 0;
};

// Values of one channel for each pixel.
using Channel = std::vector<double>;

struct Channels {
  Channel lightness;
  Channel yellow_blue;
  Channel red_green;
  Channel alpha;
  bool has_alpha = false;
};

// Transparent pixels take the average colour: they must not darken their surroundings.
Channels channels_of(std::span<const std::uint8_t> rgba) {
  std::array<double, 3> average{};
  double alpha_sum = 0;
  for (std::size_t i = 0; i < rgba.size(); i += 4) {
    const double alpha = rgba[i + 3] / 255.0;
    for (std::size_t band = 0; band < 3; ++band) average[band] += alpha * rgba[i + band] / 255;
    alpha_sum += alpha;
  }
  for (double& value : average) value = alpha_sum > 0 ? value / alpha_sum : 0;
  Channels channels;
  for (std::size_t i = 0; i < rgba.size(); i += 4) {
    const double alpha = rgba[i + 3] / 255.0;
    channels.has_alpha = channels.has_alpha || rgba[i + 3] < 255;
    std::array<double, 3> color{};
    for (std::size_t band = 0; band < 3; ++band) {
      color[band] = average[band] * (1 - alpha) + alpha * rgba[i + band] / 255;
    }
    channels.lightness.push_back((color[0] + color[1] + color[2]) / 3);
    channels.yellow_blue.push_back((color[0] + color[1]) / 2 - color[2]);
    channels.red_green.push_back(color[0] - color[1]);
    channels.alpha.push_back(alpha);
  }
  return channels;
}

// Terms of a cosine transform: the mean, and the lower-left triangle of the others as shares of the
// largest.
struct Terms {
  double mean = 0;
  double scale = 0;
  std::vector<double> others;  // 0..1, 0.5 is zero; as they are where the scale is zero
};

std::vector<double> wave(int i, int length) {
  std::vector<double> values(static_cast<std::size_t>(length));
  for (int x = 0; x < length; ++x) {
    values[static_cast<std::size_t>(x)] = std::cos(std::numbers::pi / length * i * (x + 0.5));
  }
  return values;
}

double term_of(const Channel& channel, const std::vector<double>& across,
               const std::vector<double>& down) {
  double sum = 0;
  const double* value = channel.data();
  for (const double wave_y : down) {
    for (const double wave_x : across) sum += *value++ * wave_x * wave_y;
  }
  return sum / static_cast<double>(channel.size());
}

Terms terms_of(const Channel& channel, Shape picture, int across, int down) {
  Terms terms;
  for (int j = 0; j < down; ++j) {
    const std::vector<double> wave_y = wave(j, picture.height);
    for (int i = 0; i * down < across * (down - j); ++i) {
      const double value = term_of(channel, wave(i, picture.width), wave_y);
      if (i == 0 && j == 0) {
        terms.mean = value;
        continue;
      }
      terms.others.push_back(value);
      terms.scale = std::max(terms.scale, std::abs(value));
    }
  }
  if (terms.scale > 0) {
    for (double& value : terms.others) value = 0.5 + 0.5 * value / terms.scale;
  }
  return terms;
}

std::uint32_t rounded(double value) {
  return static_cast<std::uint32_t>(std::max(0L, std::lround(value)));
}

int terms_along(int terms_max, int side, Shape picture) {
  const int longer = std::max(picture.width, picture.height);
  return std::max(1, static_cast<int>(std::lround(static_cast<double>(terms_max) * side / longer)));
}

class Nibbles {
 public:
  explicit Nibbles(std::vector<std::uint8_t>& bytes) : bytes_(bytes) {}
  void put(const Terms& terms) {
    for (const double value : terms.others) {
      const auto nibble = static_cast<std::uint8_t>(std::min(15U, rounded(15 * value)));
      if (half_) {
        bytes_.back() = static_cast<std::uint8_t>(bytes_.back() | (nibble << 4));
      } else {
        bytes_.push_back(nibble);
      }
      half_ = !half_;
    }
  }

 private:
  std::vector<std::uint8_t>& bytes_;
  bool half_ = false;
};

}  // namespace

std::vector<std::uint8_t> thumbhash_of(std::span<const std::uint8_t> rgba, int width, int height) {
  const Shape picture{width, height};
  const Channels channels = channels_of(rgba);
  const int terms_max = channels.has_alpha ? kLightnessTermsWithAlpha : kLightnessTerms;
  const int across = terms_along(terms_max, width, picture);
  const int down = terms_along(terms_max, height, picture);
  const Terms lightness =
      terms_of(channels.lightness, picture, std::max(3, across), std::max(3, down));
  const Terms yellow_blue = terms_of(channels.yellow_blue, picture, kColorTerms, kColorTerms);
  const Terms red_green = terms_of(channels.red_green, picture, kColorTerms, kColorTerms);

  const bool wide = width > height;
  const std::uint32_t first =
      rounded(63 * lightness.mean) | (rounded(31.5 + 31.5 * yellow_blue.mean) << 6) |
      (rounded(31.5 + 31.5 * red_green.mean) << 12) | (rounded(31 * lightness.scale) << 18) |
      (channels.has_alpha ? 1U << 23 : 0U);
  const std::uint32_t second = static_cast<std::uint32_t>(wide ? down : across) |
                               (rounded(63 * yellow_blue.scale) << 3) |
                               (rounded(63 * red_green.scale) << 9) | (wide ? 1U << 15 : 0U);
  std::vector<std::uint8_t> bytes;
  for (const unsigned shift : {0U, 8U, 16U}) {
    bytes.push_back(static_cast<std::uint8_t>(first >> shift));
  }
  for (const unsigned shift : {0U, 8U}) bytes.push_back(static_cast<std::uint8_t>(second >> shift));
  Terms alpha;
  if (channels.has_alpha) {
    alpha = terms_of(channels.alpha, picture, kAlphaTerms, kAlphaTerms);
    bytes.push_back(
        static_cast<std::uint8_t>(rounded(15 * alpha.mean) | (rounded(15 * alpha.scale) << 4)));
  }
  Nibbles nibbles(bytes);
  nibbles.put(lightness);
  nibbles.put(yellow_blue);
  nibbles.put(red_green);
  nibbles.put(alpha);  // nothing, where there is none
  return bytes;
}

}  // namespace millrace::workers::image
