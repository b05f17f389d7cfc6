// SPDX-License-Identifier: Apache-2.0
#include "codecs/arrange/orientation.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "codecs/arrange/crop.h"
#include "codecs/resample/picture_resampler.h"
#include "tests/codecs/planes_of_tests.h"
#include "tests/codecs/simd_targets.h"

namespace millrace::codecs {
namespace {

// Exif 2.32, table 6: where the 0th row and the 0th column of what is stored are to be seen.
Plane upright(const Plane& stored, int orientation) {
  const std::int32_t width = stored.width();
  const std::int32_t height = stored.height();
  const bool swapped = orientation >= 5;
  return plane_of(swapped ? height : width, swapped ? width : height, [&](int x, int y) {
    switch (orientation) {
      case 2:
        return stored.row(y)[width - 1 - x];
      case 3:
        return stored.row(height - 1 - y)[width - 1 - x];
      case 4:
        return stored.row(height - 1 - y)[x];
      case 5:
        return stored.row(x)[y];
      case 6:
        return stored.row(height - 1 - x)[y];
      case 7:
        return stored.row(height - 1 - x)[width - 1 - y];
      case 8:
        return stored.row(x)[width - 1 - y];
      default:
        return stored.row(y)[x];
    }
  });
}

class OrientationTest : public testing::TestWithParam<std::string> {};

TEST_P(OrientationTest, EverySampleIsWhereExifSays) {
  const OnlyTarget only(GetParam());
  for (const auto& [width, height] :
       {std::pair(1, 1), std::pair(1, 37), std::pair(37, 1), std::pair(16, 16), std::pair(15, 17),
        std::pair(48, 32), std::pair(131, 77), std::pair(64, 63)}) {
    const Plane stored = noise_plane(width, height, 9);
    for (int orientation = 1; orientation <= 8; ++orientation) {
      EXPECT_TRUE(same(oriented(stored.view(), orientation), upright(stored, orientation)))
          << width << "x" << height << " " << orientation;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, OrientationTest, testing::ValuesIn(simd_targets()),
                         [](const auto& tested) { return tested.param; });

TEST(OrientedPlanesTest, ChromaTurnsWithLuma) {
  Planes planes;
  planes.components = {noise_plane(63, 40, 1), noise_plane(32, 40, 2), noise_plane(32, 40, 3)};
  planes.chroma_across = 2;
  const Planes right = oriented(planes, 6);
  EXPECT_EQ(right.width(), 40);
  EXPECT_EQ(right.height(), 63);
  EXPECT_EQ(right.chroma_across, 1);
  EXPECT_EQ(right.chroma_down, 2);
  EXPECT_EQ(right.components[1].height(), 32);
  EXPECT_TRUE(same(right.components[2], upright(planes.components[2], 6)));
  EXPECT_TRUE(same(oriented(oriented(planes, 6), 8).components[1], planes.components[1]));
  EXPECT_EQ(oriented(planes, 3).chroma_across, 2);
}

// Resampled as stored and then turned, a picture of odd sizes is what it would have been had it
// been stored upright.
TEST(OrientedPlanesTest, OddSizesKeepTheirChromaInPlace) {
  const auto planes_of = [](const Plane& luma, const Plane& chroma) {
    Planes planes;
    planes.components = {luma, chroma, chroma};
    planes.chroma_across = planes.chroma_down = 2;
    return planes;
  };
  const auto small = [](const Planes& planes, const OutputPicture& output) {
    const SourcePicture source = scaled_jpeg(planes.width(), planes.height(), false, 2, 2, 8);
    const Area area{0, 0, 1.0 * planes.width(), 1.0 * planes.height()};
    PictureResampler resampler(plan_picture(source, area, output));
    for (std::size_t i = 0; i < 3; ++i) resampler.push(i, 0, 0, planes.components[i].view());
    return resampler.take();
  };
  const Planes stored = planes_of(wave_plane(160, 120), wave_plane(80, 60));
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const bool swaps = swaps_sides(orientation);
    const Planes turned = oriented(small(stored, {.width_px = swaps ? 33 : 45,
                                                  .height_px = swaps ? 45 : 33,
                                                  .mirrored_across = mirrors_across(orientation),
                                                  .mirrored_down = mirrors_down(orientation)}),
                                   orientation);
    const Planes wanted = small(oriented(stored, orientation), {.width_px = 45, .height_px = 33});
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_LE(distance_max(turned.components[i], wanted.components[i]), 1) << orientation;
    }
  }
}

TEST(CropTest, PartOfAPicture) {
  Planes planes;
  planes.components = {noise_plane(63, 41, 1), noise_plane(32, 21, 2), noise_plane(32, 21, 3)};
  planes.chroma_across = planes.chroma_down = 2;
  const auto part = crop(planes, {.left = 10, .top = 4, .width = 31, .height = 20});
  ASSERT_TRUE(part);
  EXPECT_TRUE(same(part->components[0], plane_of(31, 20, [&](int x, int y) {
                     return planes.components[0].row(y + 4)[x + 10];
                   })));
  EXPECT_TRUE(same(part->components[2], plane_of(16, 10, [&](int x, int y) {
                     return planes.components[2].row(y + 2)[x + 5];
                   })));
  EXPECT_FALSE(crop(planes, {.left = 11, .top = 4, .width = 31, .height = 20}));
  EXPECT_FALSE(crop(planes, {.left = 10, .top = 5, .width = 31, .height = 20}));
}

}  // namespace
}  // namespace millrace::codecs
