// SPDX-License-Identifier: Apache-2.0
#include "codecs/jpeg/layout.h"

#include <gtest/gtest.h>

#include "tests/codecs/jpeg/made_jpeg.h"

namespace millrace::codecs {
namespace {

JpegHeader header(int width, int height, std::vector<JpegComponent> components) {
  JpegHeader header;
  header.width_px = width;
  header.height_px = height;
  header.color = components.size() == 1 ? JpegColor::Grey : JpegColor::YCbCr;
  header.components = std::move(components);
  return header;
}

JpegHeader photo(int width, int height) {
  return header(width, height, {{1, 2, 2, 0}, {2, 1, 1, 1}, {3, 1, 1, 1}});
}

TEST(JpegLayoutTest, RoundsPlanesUpAtEveryScale) {
  const auto layout = layout_of(photo(67, 45), {.eighths = 2, .region = {}});
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->components[0].width, 17);
  EXPECT_EQ(layout->components[0].height, 12);
  EXPECT_EQ(layout->components[1].width, 9);
  EXPECT_EQ(layout->components[1].height, 6);
  EXPECT_EQ(layout->components[2].columns, 9);
  EXPECT_EQ(layout->components[2].rows, 6);
  EXPECT_EQ(layout->chroma_across, 2);
  EXPECT_EQ(layout->chroma_down, 2);
}

TEST(JpegLayoutTest, DeliversTheMcusThatTheRegionTouches) {
  const auto layout =
      layout_of(photo(160, 160), {.eighths = 8, .region = JpegRegion{17, 32, 30, 17}});
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->components[0].first_column, 16);
  EXPECT_EQ(layout->components[0].columns, 32);
  EXPECT_EQ(layout->components[0].first_row, 32);
  EXPECT_EQ(layout->components[0].rows, 32);
  EXPECT_EQ(layout->components[1].first_column, 8);
  EXPECT_EQ(layout->components[1].columns, 16);
}

TEST(JpegLayoutTest, KeepsRegionsInsideThePicture) {
  for (const JpegRegion& region :
       {JpegRegion{-50, -50, 1, 1}, JpegRegion{5000, 5000, 9, 9}, JpegRegion{150, 3, 900, 0},
        JpegRegion{INT32_MAX, INT32_MIN, INT32_MAX, INT32_MAX}}) {
    const auto layout = layout_of(photo(160, 100), {.eighths = 1, .region = region});
    ASSERT_TRUE(layout);
    for (const JpegComponentLayout& plane : layout->components) {
      EXPECT_GE(plane.columns, 1);
      EXPECT_GE(plane.rows, 1);
      EXPECT_LE(plane.first_column + plane.columns, plane.width);
      EXPECT_LE(plane.first_row + plane.rows, plane.height);
    }
  }
}

TEST(JpegLayoutTest, OfGreyIgnoresTheFactors) {
  const auto layout = layout_of(header(67, 45, {{1, 2, 2, 0}}), {.eighths = 8, .region = {}});
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->mcus_across, 9);
  EXPECT_EQ(layout->mcus_down, 6);
  EXPECT_EQ(layout->components[0].width, 67);
}

TEST(JpegLayoutTest, HasNoPlaceForOtherPictures) {
  const JpegCut cut;
  EXPECT_FALSE(layout_of(header(9, 9, {{1, 1, 1, 0}, {2, 2, 2, 0}, {3, 2, 2, 0}}), cut));
  EXPECT_FALSE(layout_of(header(9, 9, {{1, 2, 2, 0}, {2, 1, 1, 0}, {3, 2, 1, 0}}), cut));
  EXPECT_FALSE(layout_of(header(9, 9, {{1, 3, 1, 0}, {2, 2, 1, 0}, {3, 2, 1, 0}}), cut));
  JpegHeader other = photo(9, 9);
  other.precision_bits = 12;
  EXPECT_FALSE(layout_of(other, cut));
  other = photo(9, 9);
  other.color = JpegColor::Other;
  EXPECT_FALSE(layout_of(other, cut));
  for (const JpegProcess process : {JpegProcess::Lossless, JpegProcess::Hierarchical}) {
    other = photo(9, 9);
    other.process = process;
    EXPECT_FALSE(layout_of(other, cut));
  }
}

}  // namespace
}  // namespace millrace::codecs
