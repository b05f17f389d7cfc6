// SPDX-License-Identifier: Apache-2.0
#include "codecs/resample/picture_plan.h"

#include <cmath>

#include <gtest/gtest.h>

#include "codecs/resample/picture_resampler.h"
#include "tests/codecs/planes_of_tests.h"

namespace millrace::codecs {
namespace {

TEST(PicturePlanTest, PlanesOfAJpegAtAQuarter) {
  const SourcePicture picture = scaled_jpeg(4001, 3001, false, 2, 2, 2);
  ASSERT_EQ(picture.components.size(), 3U);
  EXPECT_EQ(picture.components[0].width, 1001);
  EXPECT_EQ(picture.components[0].height, 751);
  EXPECT_EQ(picture.components[1].width, 501);
  EXPECT_EQ(picture.components[1].height, 376);
  EXPECT_EQ(picture.components[0].px_across, 4);
  EXPECT_EQ(picture.components[2].px_down, 8);
  EXPECT_EQ(scaled_jpeg(100, 100, true, 1, 1, 8).components.size(), 1U);
}

// Wherever a plane's samples lie, output i of luma and of chroma are at the same pixels.
TEST(PicturePlanTest, AllPlanesShowTheSameArea) {
  const SourcePicture source = scaled_jpeg(4001, 3001, false, 2, 1, 4);
  const Area area{100.5, 33, 3900, 2777.25};
  for (const OutputChroma chroma :
       {OutputChroma::Source, OutputChroma::Quarter, OutputChroma::Full}) {
    const PicturePlan plan =
        plan_picture(source, area, {.width_px = 801, .height_px = 555, .chroma = chroma});
    for (std::size_t i = 0; i < 3; ++i) {
      const SourceComponent& component = source.components[i];
      const PlanePlan& plane = plan.components[i];
      const int across = i == 0 ? 1 : plan.chroma_across;
      const int down = i == 0 ? 1 : plan.chroma_down;
      EXPECT_EQ(plane.across.samples, component.width);
      EXPECT_EQ(plane.down.samples, component.height);
      EXPECT_EQ(plane.across.outputs, (801 + across - 1) / across);
      EXPECT_EQ(plane.down.outputs, (555 + down - 1) / down);
      EXPECT_NEAR(plane.across.begin * component.px_across, area.left, 1e-9);
      EXPECT_NEAR(plane.down.begin * component.px_down, area.top, 1e-9);
      EXPECT_NEAR(plane.across.step * component.px_across, (3900 - 100.5) / 801 * across, 1e-9);
      EXPECT_NEAR(plane.down.step * component.px_down, (2777.25 - 33) / 555 * down, 1e-9);
    }
  }
}

TEST(PicturePlanTest, ChromaAsAskedFor) {
  const SourcePicture source = scaled_jpeg(400, 300, false, 2, 1, 8);
  const Area area{0, 0, 400, 300};
  const auto plan = [&](OutputChroma chroma) {
    return plan_picture(source, area, {.width_px = 100, .height_px = 75, .chroma = chroma});
  };
  EXPECT_EQ(plan(OutputChroma::Source).chroma_across, 2);
  EXPECT_EQ(plan(OutputChroma::Source).chroma_down, 1);
  EXPECT_EQ(plan(OutputChroma::Quarter).chroma_down, 2);
  EXPECT_EQ(plan(OutputChroma::Full).chroma_across, 1);
  EXPECT_EQ(
      plan_picture(scaled_jpeg(400, 300, true, 1, 1, 8), area, {.width_px = 100, .height_px = 75})
          .chroma_across,
      1);
}

// What can stay as it is, stays.
TEST(PicturePlanTest, CropAtPixelsOfChromaCopies) {
  const SourcePicture source = scaled_jpeg(400, 300, false, 2, 2, 8);
  const auto plan = [&](const Area& area, OutputChroma chroma) {
    const auto picture =
        plan_picture(source, area, {.width_px = 100, .height_px = 80, .chroma = chroma});
    return PlaneScale(picture.components[1].across, picture.components[1].down).copies();
  };
  EXPECT_TRUE(plan({40, 60, 140, 140}, OutputChroma::Quarter));
  EXPECT_TRUE(plan({40, 60, 140, 140}, OutputChroma::Source));
  EXPECT_FALSE(plan({41, 60, 141, 140}, OutputChroma::Quarter));
  EXPECT_FALSE(plan({40, 60, 140, 140}, OutputChroma::Full));
}

// No simple part of a level for each sample, at any scale: rounded alike, all would be off alike.
double ramp(double px, double size_px) { return 40 + 143.3 * px / size_px; }

// A ramp over luma and chroma, in each plane's own samples.
Planes ramp_planes(const SourcePicture& source) {
  Planes planes;
  for (const SourceComponent& component : source.components) {
    planes.components.push_back(plane_of(component.width, component.height, [&](int x, int) {
      return std::lround(ramp((x + 0.5) * component.px_across, source.width_px));
    }));
  }
  return planes;
}

Planes resampled(const Planes& planes, const PicturePlan& plan) {
  PictureResampler resampler(plan);
  for (std::size_t i = 0; i < planes.components.size(); ++i) {
    resampler.push(i, 0, 0, planes.components[i].view());
  }
  EXPECT_TRUE(resampler.done());
  return resampler.take();
}

TEST(PictureResamplerTest, ChromaStaysWithLuma) {
  for (const int eighths : {1, 2, 4, 8}) {
    const SourcePicture source = scaled_jpeg(1601, 803, false, 2, 2, eighths);
    const Planes planes =
        resampled(ramp_planes(source),
                  plan_picture(source, {100, 0, 1400, 803}, {.width_px = 131, .height_px = 81}));
    EXPECT_EQ(planes.width(), 131);
    EXPECT_EQ(planes.height(), 81);
    for (std::size_t i = 0; i < 3; ++i) {
      const Plane& plane = planes.components[i];
      const std::uint8_t* row = plane.row(plane.height() / 2);
      const int factor = i == 0 ? 1 : 2;
      EXPECT_EQ(plane.width(), i == 0 ? 131 : 66);
      double sum = 0;
      for (std::int32_t x = 5; x < plane.width() - 5; ++x) {
        const double px = 100 + (x + 0.5) * factor * (1300.0 / 131);
        const double off = row[x] - ramp(px, 1601);
        ASSERT_LE(std::abs(off), 1) << eighths;
        sum += off;
      }
      // A pixel of the source, of which half a chroma sample is ten.
      EXPECT_LE(std::abs(sum / (plane.width() - 10)), 0.09) << eighths;
    }
  }
}

// Mirrored afterwards, chroma sample i is for the pixels 2i and 2i + 1 of the mirrored picture.
TEST(PictureResamplerTest, MirroredPictureHasItsChromaInPlace) {
  const SourcePicture source = scaled_jpeg(1601, 803, false, 2, 2, 4);
  const Planes planes =
      resampled(ramp_planes(source),
                plan_picture(source, {0, 0, 1601, 803},
                             {.width_px = 131, .height_px = 81, .mirrored_across = true}));
  const Plane& chroma = planes.components[1];
  for (std::int32_t x = 5; x < chroma.width() - 5; ++x) {
    const std::int32_t mirrored = chroma.width() - 1 - x;
    const double px = 1601 - (mirrored + 0.5) * 2 * 1601 / 131;
    ASSERT_NEAR(chroma.row(20)[x], ramp(px, 1601), 0.6);
  }
}

TEST(PictureResamplerTest, GreyHasOnePlane) {
  const SourcePicture source = scaled_jpeg(99, 77, true, 1, 1, 8);
  const Planes planes = resampled(
      ramp_planes(source), plan_picture(source, {0, 0, 99, 77}, {.width_px = 20, .height_px = 10}));
  EXPECT_TRUE(planes.grey());
  EXPECT_EQ(planes.width(), 20);
}

}  // namespace
}  // namespace millrace::codecs
