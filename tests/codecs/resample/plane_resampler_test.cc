// SPDX-License-Identifier: Apache-2.0
#include "codecs/resample/plane_resampler.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/codecs/planes_of_tests.h"
#include "tests/codecs/simd_targets.h"

namespace millrace::codecs {
namespace {

struct Case {
  std::string name;
  Axis across;
  Axis down;
};

const std::vector<Case> kCases = {
    {"halved", Axis::of(200, 0, 200, 100), Axis::of(150, 0, 150, 75)},
    {"odd", Axis::of(201, 0, 200.25, 67), Axis::of(149, 0, 148.5, 50)},
    {"cropped", Axis::of(201, 31.7, 171.2, 40), Axis::of(149, 20.25, 120.9, 33)},
    {"slightly", Axis::of(201, 0, 201, 190), Axis::of(149, 0, 149, 141)},
    {"larger", Axis::of(40, 0, 40, 131), Axis::of(30, 0, 30, 77)},
    {"wide", Axis::of(60, 0, 60, 90), Axis::of(149, 0, 149, 20)},
    {"tiny", Axis::of(201, 0, 201, 1), Axis::of(149, 0, 149, 1)},
    {"of_one", Axis::of(1, 0, 1, 9), Axis::of(1, 0, 1, 5)},
    {"of_two", Axis::of(2, 0, 2, 3), Axis::of(2, 0, 2, 1)},
    {"one_row", Axis::of(201, 0, 201, 50), Axis::of(1, 0, 1, 1)},
    {"beyond", Axis::of(101, -3.5, 106, 44), Axis::of(90, -9, 99.5, 31)},
    {"same_width", Axis::of(64, 0, 64, 64), Axis::of(90, 0, 90, 31)},
    {"steep", Axis::of(1200, 0, 1200, 7), Axis::of(900, 0, 900, 5)},
};

Plane resampled(const Plane& source, const Case& tested, std::int32_t band_height,
                const ResampleOptions& options = {}) {
  PlaneResampler resampler(std::make_shared<PlaneScale>(tested.across, tested.down, options));
  for (std::int32_t y = 0; y < source.height(); y += band_height) {
    PlaneView band = source.view();
    band.samples = source.row(y);
    band.height = std::min(band_height, source.height() - y);
    resampler.push(y, 0, band);
  }
  EXPECT_TRUE(resampler.done());
  return resampler.take();
}

Plane resampled(const Plane& source, const Case& tested, const ResampleOptions& options = {}) {
  return resampled(source, tested, source.height(), options);
}

double lanczos3(double x) {
  if (x == 0) return 1;
  if (std::abs(x) >= 3) return 0;
  const double angle = std::numbers::pi * x;
  return 3 * std::sin(angle) * std::sin(angle / 3) / (angle * angle);
}

double mitchell(double x) {
  x = std::abs(x);
  if (x >= 2) return 0;
  if (x >= 1) return (-7 * x * x * x / 3 + 12 * x * x - 20 * x + 32.0 / 3) / 6;
  return (7 * x * x * x - 12 * x * x + 16.0 / 3) / 6;
}

// What the kernel makes of samples along one axis, in real numbers; edges repeated.
std::vector<double> exact_line(const std::vector<double>& samples, const Axis& axis,
                               double (*kernel)(double)) {
  const double width = std::max(1.0, axis.step);
  std::vector<double> line;
  for (std::int32_t i = 0; i < axis.outputs; ++i) {
    const double middle = axis.begin + (i + 0.5) * axis.step;
    double sum = 0;
    double weights = 0;
    for (int k = static_cast<int>(middle - 3 * width) - 2; k <= middle + 3 * width + 2; ++k) {
      const double weight = kernel((k + 0.5 - middle) / width);
      const int at = std::clamp(k, 0, axis.samples - 1);
      sum += weight * samples[static_cast<std::size_t>(at)];
      weights += weight;
    }
    line.push_back(sum / weights);
  }
  return line;
}

Plane exact(const Plane& source, const Case& tested, double (*kernel)(double)) {
  std::vector<std::vector<double>> columns;
  for (std::int32_t x = 0; x < source.width(); ++x) {
    std::vector<double> column;
    for (std::int32_t y = 0; y < source.height(); ++y) column.push_back(source.row(y)[x]);
    columns.push_back(exact_line(column, tested.down, kernel));
  }
  Plane plane(tested.across.outputs, tested.down.outputs);
  for (std::int32_t y = 0; y < plane.height(); ++y) {
    std::vector<double> row;
    for (const auto& column : columns) row.push_back(column[static_cast<std::size_t>(y)]);
    const std::vector<double> line = exact_line(row, tested.across, kernel);
    for (std::int32_t x = 0; x < plane.width(); ++x) {
      plane.row(y)[x] = static_cast<std::uint8_t>(
          std::lround(std::clamp(line[static_cast<std::size_t>(x)], 0.0, 255.0)));
    }
  }
  return plane;
}

class PlaneResamplerTest : public testing::TestWithParam<Case> {};

TEST_P(PlaneResamplerTest, IsTheKernelsSumToOneStep) {
  const Case& tested = GetParam();
  for (const Plane& source : {noise_plane(tested.across.samples, tested.down.samples, 3),
                              wave_plane(tested.across.samples, tested.down.samples)}) {
    EXPECT_LE(distance_max(resampled(source, tested), exact(source, tested, lanczos3)), 1);
    EXPECT_LE(distance_max(resampled(source, tested, {.kernel = Kernel::Mitchell}),
                           exact(source, tested, mitchell)),
              1);
    const double mean = distance_mean(resampled(source, tested), exact(source, tested, lanczos3));
    // Of a few samples one may be a tie.
    EXPECT_LE(mean, tested.across.outputs * tested.down.outputs < 100 ? 0.5 : 0.05);
  }
}

TEST_P(PlaneResamplerTest, ConstantStaysConstant) {
  const Case& tested = GetParam();
  for (const int value : {0, 1, 77, 128, 254, 255}) {
    const Plane source = constant_plane(tested.across.samples, tested.down.samples, value);
    const Plane wanted = constant_plane(tested.across.outputs, tested.down.outputs, value);
    EXPECT_TRUE(same(resampled(source, tested), wanted));
    EXPECT_TRUE(same(resampled(source, tested, {.kernel = Kernel::Mitchell}), wanted));
    EXPECT_TRUE(same(resampled(source, tested, {.linear_light = true}), wanted));
  }
}

TEST_P(PlaneResamplerTest, BandsOfAnyHeightGiveTheSame) {
  const Case& tested = GetParam();
  const Plane source = noise_plane(tested.across.samples, tested.down.samples, 5);
  const Plane whole = resampled(source, tested);
  for (const std::int32_t height : {1, 2, 3, 7, 8, 16, 50}) {
    EXPECT_TRUE(same(resampled(source, tested, height), whole)) << height;
  }
}

// Only the region, in memory of its exact size, in bands that begin somewhere.
TEST_P(PlaneResamplerTest, LooksAtNothingBeyondWhatItNeeds) {
  const Case& tested = GetParam();
  const Plane source = noise_plane(tested.across.samples, tested.down.samples, 5);
  PlaneResampler resampler(std::make_shared<PlaneScale>(tested.across, tested.down));
  const Region needs = resampler.needs();
  ASSERT_LE(needs.rows.end(), source.height());
  ASSERT_LE(needs.columns.end(), source.width());
  const std::int32_t heights[] = {1, 4, 2, 3};
  std::size_t turn = 0;
  for (std::int32_t y = needs.rows.first; y < needs.rows.end();) {
    const std::int32_t height = std::min(heights[turn++ % 4], needs.rows.end() - y);
    const auto stride = static_cast<std::size_t>(needs.columns.count);
    std::vector<std::uint8_t> band(stride * static_cast<std::size_t>(height));
    for (std::int32_t row = 0; row < height; ++row) {
      std::copy_n(source.row(y + row) + needs.columns.first, needs.columns.count,
                  band.data() + static_cast<std::size_t>(row) * stride);
    }
    EXPECT_FALSE(resampler.done());
    resampler.push(y, needs.columns.first,
                   {band.data(), needs.columns.count, height, needs.columns.count});
    y += height;
  }
  EXPECT_TRUE(resampler.done());
  EXPECT_TRUE(same(resampler.take(), resampled(source, tested)));
}

TEST_P(PlaneResamplerTest, AllInstructionsGiveTheSameBits) {
  const Case& tested = GetParam();
  const Plane source = noise_plane(tested.across.samples, tested.down.samples, 11);
  const Plane usual = resampled(source, tested, 16);
  const Plane light = resampled(source, tested, 16, {.linear_light = true});
  for (const std::string& target : simd_targets()) {
    const OnlyTarget only(target);
    EXPECT_TRUE(same(resampled(source, tested, 16), usual)) << target;
    EXPECT_TRUE(same(resampled(source, tested, 16, {.linear_light = true}), light)) << target;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, PlaneResamplerTest, testing::ValuesIn(kCases),
                         [](const auto& tested) { return tested.param.name; });

TEST(PlaneResamplerOneToOneTest, CopiesTheWholeAndACrop) {
  const Plane source = noise_plane(120, 90, 1);
  const Case whole{"", Axis::of(120, 0, 120, 120), Axis::of(90, 0, 90, 90)};
  EXPECT_TRUE(PlaneScale(whole.across, whole.down).copies());
  EXPECT_TRUE(same(resampled(source, whole, 7), source));
  const Case crop{"", Axis::of(120, 13, 63, 50), Axis::of(90, 40, 90, 50)};
  const PlaneScale scale(crop.across, crop.down);
  EXPECT_TRUE(scale.copies());
  EXPECT_EQ(scale.needs().rows.first, 40);
  EXPECT_EQ(scale.needs().rows.count, 50);
  EXPECT_EQ(scale.needs().columns.first, 13);
  EXPECT_EQ(scale.needs().columns.count, 50);
  EXPECT_TRUE(same(resampled(source, crop, 16),
                   plane_of(50, 50, [&](int x, int y) { return source.row(y + 40)[x + 13]; })));
}

// Rows one apart: what copies across and is resampled down must not blur across.
TEST(PlaneResamplerOneToOneTest, LeavesADirectionAlone) {
  const Case tested{"", Axis::of(100, 0, 100, 100), Axis::of(90, 0, 90, 45)};
  const Plane columns = plane_of(100, 90, [](int x, int) { return x * 53 % 256; });
  EXPECT_TRUE(
      same(resampled(columns, tested), plane_of(100, 45, [](int x, int) { return x * 53 % 256; })));
}

// A ramp stays in its place whatever the size: no sample is moved by a part of itself.
TEST(PlaneResamplerPhaseTest, RampStaysInItsPlace) {
  for (const std::int32_t outputs : {50, 61, 100, 133, 199, 200, 301, 512}) {
    const Plane source = plane_of(200, 200, [](int x, int) { return x + 28; });
    const Plane plane =
        resampled(source, {"", Axis::of(200, 0, 200, outputs), Axis::of(200, 0, 200, outputs)});
    const std::uint8_t* row = plane.row(outputs / 2);
    for (std::int32_t x = outputs / 8; x < outputs - outputs / 8; ++x) {
      const double wanted = 28 + (x + 0.5) * 200 / outputs - 0.5;
      ASSERT_NEAR(row[x], wanted, 0.52) << outputs;
    }
  }
}

// A plane whose last sample is only partly within the picture is not stretched by it.
TEST(PlaneResamplerPhaseTest, ExtentNeedNotBeWholeSamples) {
  const Plane source = plane_of(101, 8, [](int x, int) { return 2 * x + 1; });
  const Plane plane = resampled(source, {"", Axis::of(101, 0, 100.25, 40), Axis::of(8, 0, 8, 4)});
  for (std::int32_t x = 4; x < 36; ++x) {
    const double wanted = 2 * ((x + 0.5) * 100.25 / 40 - 0.5) + 1;
    ASSERT_NEAR(plane.row(2)[x], wanted, 0.55);
  }
}

// One white pixel in sixteen black ones is a sixteenth of the light, which is tone 71, not 16.
TEST(PlaneResamplerLightTest, MeansLight) {
  const Plane source =
      plane_of(64, 64, [](int x, int y) { return x % 4 == 1 && y % 4 == 1 ? 255 : 0; });
  const Case tested{"", Axis::of(64, 0, 64, 4), Axis::of(64, 0, 64, 4)};
  EXPECT_NEAR(resampled(source, tested, {.linear_light = true}).row(2)[2], 71, 2);
  EXPECT_NEAR(resampled(source, tested).row(2)[2], 16, 1);
}

}  // namespace
}  // namespace millrace::codecs
