// SPDX-License-Identifier: Apache-2.0
#include "codecs/resample/pixel_resampler.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace millrace::codecs {
namespace {

struct Picture {
  std::int32_t width = 0;
  std::int32_t height = 0;
  int bands = 1;
  std::vector<std::uint8_t> pixels;

  Picture(std::int32_t w, std::int32_t h, int b)
      : width(w),
        height(h),
        bands(b),
        pixels(static_cast<std::size_t>(w) * static_cast<std::size_t>(h * b)) {}
  [[nodiscard]] std::int32_t row_bytes() const { return width * bands; }
  [[nodiscard]] std::uint8_t& at(std::int32_t x, std::int32_t y, int band) {
    return pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(row_bytes()) +
                  static_cast<std::size_t>(x * bands + band)];
  }
};

Picture noise(std::int32_t width, std::int32_t height, int bands) {
  Picture picture(width, height, bands);
  std::mt19937 random(3);
  std::ranges::generate(picture.pixels, [&] { return static_cast<std::uint8_t>(random()); });
  return picture;
}

Picture resampled(Picture& from, bool alpha, const Axis& across, const Axis& down,
                  std::int32_t rows_at_once) {
  PixelResampler resampler({.bands = from.bands, .alpha = alpha}, across, down);
  for (std::int32_t y = 0; y < from.height && !resampler.done(); y += rows_at_once) {
    resampler.push(y, {&from.at(0, y, 0), from.row_bytes(), std::min(rows_at_once, from.height - y),
                       from.row_bytes()});
  }
  EXPECT_TRUE(resampler.done());
  Picture to(across.outputs, down.outputs, from.bands);
  resampler.write(to.pixels.data(), to.row_bytes());
  return to;
}

Plane plane_of(Picture& picture, int band) {
  Plane plane(picture.width, picture.height);
  for (std::int32_t y = 0; y < picture.height; ++y) {
    for (std::int32_t x = 0; x < picture.width; ++x) plane.row(y)[x] = picture.at(x, y, band);
  }
  return plane;
}

TEST(PixelResamplerTest, EachBandIsResampledAsAPlane) {
  for (const int bands : {1, 2, 3, 4}) {
    Picture from = noise(61, 43, bands);
    const Axis across{61, 3.5, 2.1, 25};
    const Axis down{43, 0, 1.9, 20};
    Picture to = resampled(from, false, across, down, 7);
    const auto scale = std::make_shared<const PlaneScale>(across, down);
    for (int band = 0; band < bands; ++band) {
      PlaneResampler alone(scale);
      const Plane plane = plane_of(from, band);
      alone.push(0, 0, plane.view());
      ASSERT_TRUE(alone.done());
      for (std::int32_t y = 0; y < to.height; ++y) {
        for (std::int32_t x = 0; x < to.width; ++x) {
          ASSERT_EQ(to.at(x, y, band), alone.result().row(y)[x])
              << bands << " bands, band " << band;
        }
      }
    }
  }
}

TEST(PixelResamplerTest, HowManyRowsArriveTogetherDoesNotMatter) {
  Picture from = noise(50, 40, 4);
  const Axis across{50, 0, 50.0 / 17, 17};
  const Axis down{40, 0, 40.0 / 13, 13};
  const Picture whole = resampled(from, true, across, down, 40);
  for (const std::int32_t rows : {1, 2, 16, 39}) {
    EXPECT_EQ(resampled(from, true, across, down, rows).pixels, whole.pixels) << rows;
  }
}

// Red beside clear green: nothing green may show.
TEST(PixelResamplerTest, WhatIsClearGivesNoColour) {
  Picture from(64, 64, 4);
  for (std::int32_t y = 0; y < 64; ++y) {
    for (std::int32_t x = 0; x < 64; ++x) {
      const bool red = (x / 4 + y / 4) % 2 == 0;
      from.at(x, y, red ? 0 : 1) = 255;
      from.at(x, y, 3) = red ? 255 : 0;
    }
  }
  Picture to = resampled(from, true, {64, 0, 64.0 / 15, 15}, {64, 0, 64.0 / 15, 15}, 64);
  for (std::int32_t y = 0; y < 15; ++y) {
    for (std::int32_t x = 0; x < 15; ++x) {
      if (to.at(x, y, 3) == 0) continue;
      EXPECT_EQ(to.at(x, y, 1), 0) << x << "," << y;
      EXPECT_GE(to.at(x, y, 0), 245) << x << "," << y;
    }
  }
}

TEST(PixelResamplerTest, ACropOfWholePixelsCopies) {
  Picture from = noise(30, 20, 3);
  Picture to = resampled(from, false, {30, 5, 1, 10}, {20, 7, 1, 6}, 4);
  for (std::int32_t y = 0; y < 6; ++y) {
    for (std::int32_t x = 0; x < 10; ++x) {
      for (int band = 0; band < 3; ++band)
        EXPECT_EQ(to.at(x, y, band), from.at(x + 5, y + 7, band));
    }
  }
}

TEST(PixelResamplerTest, ReadsNoFurtherThanTheResultLooks) {
  const PixelResampler resampler({.bands = 3}, {1000, 0, 4, 250}, {1000, 400, 4, 25});
  EXPECT_GT(resampler.rows_needed().first, 300);
  EXPECT_LT(resampler.rows_needed().end(), 600);
}

}  // namespace
}  // namespace millrace::codecs
