// SPDX-License-Identifier: Apache-2.0
#include "workers/image/ssim.h"

#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"

namespace millrace::workers::image {
namespace {

// A pattern with edges and texture; `change` makes another picture that is like it.
Plane pattern(int width, int height, int change = 0) {
  Plane plane{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const int texture = (x * 37 + y * 91 + x * y) % 61;
      const int edge = (x / 11 + y / 7) % 2 == 0 ? 120 : 40;
      plane.samples.push_back(
          static_cast<std::uint8_t>(edge + texture + (change * (x % 3 + y % 2)) / 2));
    }
  }
  return plane;
}

// The definition, word for word: windows one by one, moments one by one.
double ssim_by_definition(const Plane& a, const Plane& b) {
  const double c1 = std::pow(0.01 * 255, 2);
  const double c2 = std::pow(0.03 * 255, 2);
  double sum = 0;
  int windows = 0;
  for (int top = 0; top + 8 <= a.height / 4 * 4; top += 4) {
    for (int left = 0; left + 8 <= a.width / 4 * 4; left += 4) {
      std::vector<double> p;
      std::vector<double> q;
      for (int y = top; y < top + 8; ++y) {
        for (int x = left; x < left + 8; ++x) {
          const auto at = static_cast<std::size_t>(y * a.width + x);
          p.push_back(a.samples[at]);
          q.push_back(b.samples[at]);
        }
      }
      const double mean_p = std::accumulate(p.begin(), p.end(), 0.0) / 64;
      const double mean_q = std::accumulate(q.begin(), q.end(), 0.0) / 64;
      double variance_p = 0;
      double variance_q = 0;
      double covariance = 0;
      for (std::size_t i = 0; i < 64; ++i) {
        variance_p += (p[i] - mean_p) * (p[i] - mean_p) / 64;
        variance_q += (q[i] - mean_q) * (q[i] - mean_q) / 64;
        covariance += (p[i] - mean_p) * (q[i] - mean_q) / 64;
      }
      sum += (2 * mean_p * mean_q + c1) * (2 * covariance + c2) /
             ((mean_p * mean_p + mean_q * mean_q + c1) * (variance_p + variance_q + c2));
      ++windows;
    }
  }
  return sum / windows;
}

TEST(SsimTest, IsOneOfEqualPictures) {
  for (const auto& [width, height] : {std::pair{64, 48}, {8, 8}, {5, 200}, {1, 1}, {301, 77}}) {
    const Plane plane = pattern(width, height);
    const SsimScore score = ssim(plane, plane);
    EXPECT_DOUBLE_EQ(score.mean, 1);
    EXPECT_DOUBLE_EQ(score.lowest_tile, 1);
  }
}

TEST(SsimTest, IsWhatTheDefinitionSays) {
  for (const auto& [width, height] :
       {std::pair{64, 48}, {8, 8}, {9, 15}, {131, 66}, {300, 301}, {1000, 12}}) {
    for (const int change : {1, 7, 40}) {
      const Plane a = pattern(width, height);
      const Plane b = pattern(width, height, change);
      EXPECT_NEAR(ssim(a, b).mean, ssim_by_definition(a, b), 1e-9) << width << "x" << height;
    }
  }
}

// Without texture only the brightness is left of the formula.
TEST(SsimTest, ComparesEvenPicturesByBrightness) {
  const auto even = [](std::uint8_t value) {
    return Plane{32, 32, std::vector<std::uint8_t>(32 * 32, value)};
  };
  const double c1 = std::pow(0.01 * 255, 2);
  EXPECT_NEAR(ssim(even(100), even(200)).mean, (2 * 100 * 200 + c1) / (100 * 100 + 200 * 200 + c1),
              1e-12);
  EXPECT_LT(ssim(even(0), even(255)).mean, 1e-3);
}

TEST(SsimTest, IsNegativeOfANegative) {
  const Plane a = pattern(64, 64);
  Plane b = a;
  for (std::uint8_t& sample : b.samples) sample = static_cast<std::uint8_t>(255 - sample);
  EXPECT_LT(ssim(a, b).mean, -0.3);
  EXPECT_GT(dssim_of(ssim(a, b).mean), 0.5);
  EXPECT_DOUBLE_EQ(dssim_of(1), 0);
}

TEST(SsimTest, OneBadTileShowsThoughTheMeanIsHigh) {
  Plane a{1024, 1024, std::vector<std::uint8_t>(1024 * 1024, 200)};
  Plane b = a;
  for (int y = 512; y < 640; ++y) {
    for (int x = 640; x < 768; ++x) {
      const auto at = static_cast<std::size_t>(y * 1024 + x);
      a.samples[at] = static_cast<std::uint8_t>((x * 77 + y * 31) % 256);
      b.samples[at] = 128;
    }
  }
  const SsimScore score = ssim(a, b);
  EXPECT_GT(score.mean, 0.97);
  EXPECT_LT(score.lowest_tile, 0.2);
}

TEST(SsimTest, OrdersQualitiesOfAJpeg) {
  test_worker();
  const vips::VImage photo = make_photo(320, 240);
  const Plane reference = luma_of(photo);
  double before = 1;
  for (const int quality : {95, 85, 70, 50, 25, 8}) {
    const auto shown = decode(make_file(photo, ".jpg[Q=" + std::to_string(quality) + "]"));
    const double score = ssim(reference, luma_of(shown)).mean;
    EXPECT_LT(score, before) << quality;
    before = score;
  }
}

TEST(SsimTest, LumaIsThatOfJpeg) {
  test_worker();
  const vips::VImage photo = make_photo(64, 48);
  const Plane luma = luma_of(photo);
  ASSERT_EQ(luma.samples.size(), 64U * 48U);
  for (const auto& [x, y] : {std::pair{0, 0}, {17, 3}, {63, 47}}) {
    const std::vector<double> rgb = photo.getpoint(x, y);
    EXPECT_NEAR(luma.samples[static_cast<std::size_t>(y * 64 + x)],
                0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2], 0.51);
  }
}

}  // namespace
}  // namespace millrace::workers::image
