// SPDX-License-Identifier: Apache-2.0
#include "codecs/resample/interleave.h"

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/codecs/simd_targets.h"

namespace millrace::codecs {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes noise(std::size_t count) {
  std::mt19937 random(11);
  Bytes bytes(count);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

TEST(InterleaveTest, SplitsAndJoinsPixelsOfAnyNumberOfBands) {
  for (const std::string& target : simd_targets()) {
    const OnlyTarget only(target);
    for (const int bands : {1, 2, 3, 4}) {
      for (const std::int32_t count : {1, 2, 15, 16, 31, 33, 64, 100, 257}) {
        const Bytes pixels =
            noise(static_cast<std::size_t>(count) * static_cast<std::size_t>(bands));
        std::vector<Bytes> rows(4, Bytes(static_cast<std::size_t>(count)));
        std::array<std::uint8_t*, 4> to{};
        for (std::size_t i = 0; i < 4; ++i) to[i] = rows[i].data();
        split_row(pixels.data(), bands, count, to.data());
        for (std::int32_t x = 0; x < count; ++x) {
          for (int band = 0; band < bands; ++band) {
            ASSERT_EQ(rows[static_cast<std::size_t>(band)][static_cast<std::size_t>(x)],
                      pixels[static_cast<std::size_t>(x * bands + band)])
                << bands << " bands, " << x << " of " << count;
          }
        }
        Bytes joined(pixels.size());
        const std::array<const std::uint8_t*, 4> from = {to[0], to[1], to[2], to[3]};
        join_row(from.data(), bands, count, joined.data());
        ASSERT_EQ(joined, pixels) << bands << " bands, " << count;
      }
    }
  }
}

TEST(InterleaveTest, WeighsEveryColourByEveryAlphaAndRounds) {
  for (const std::string& target : simd_targets()) {
    const OnlyTarget only(target);
    for (int alpha = 0; alpha < 256; ++alpha) {
      Bytes color(256);
      for (int i = 0; i < 256; ++i)
        color[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(i);
      const Bytes alphas(256, static_cast<std::uint8_t>(alpha));
      weigh_row(color.data(), alphas.data(), 256);
      for (int i = 0; i < 256; ++i) {
        ASSERT_EQ(color[static_cast<std::size_t>(i)], (2 * i * alpha + 255) / 510)
            << i << " by " << alpha;
      }
    }
  }
}

TEST(InterleaveTest, WhatIsOpaqueComesBackAsItWasAndTheRestNearIt) {
  for (int alpha = 0; alpha < 256; ++alpha) {
    Bytes color(256);
    for (int i = 0; i < 256; ++i) color[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(i);
    const Bytes alphas(256, static_cast<std::uint8_t>(alpha));
    weigh_row(color.data(), alphas.data(), 256);
    unweigh_row(color.data(), alphas.data(), 256);
    // Half of what one step of a weighed colour stands for, and a half for rounding.
    const double near = alpha == 0 ? 255 : 0.5 * 255 / alpha + 0.5;
    for (int i = 0; i < 256; ++i) {
      ASSERT_NEAR(color[static_cast<std::size_t>(i)], alpha == 0 ? 0 : i, alpha == 255 ? 0 : near)
          << i << " by " << alpha;
    }
  }
}

}  // namespace
}  // namespace millrace::codecs
