// SPDX-License-Identifier: Apache-2.0
#include "workers/image/geometry.h"

#include <optional>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

namespace millrace::workers::image {

void PrintTo(const Size& size, std::ostream* out) { *out << size.width << "x" << size.height; }
void PrintTo(const Area& area, std::ostream* out) {
  *out << area.width << "x" << area.height << "+" << area.left << "+" << area.top;
}

namespace {

using Bound = std::optional<std::int64_t>;
constexpr Bound kNone = std::nullopt;

struct Case {
  const char* name;
  int mode;
  Bound w;
  Bound h;
  Size source;
  Size whole;
  Size kept;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

constexpr Size kWide{640, 427};
constexpr Size kTall{427, 640};
constexpr Size kTwoToOne{1000, 500};

class PlaceViewTest : public testing::TestWithParam<Case> {};

TEST_P(PlaceViewTest, GivesTheSizeOfTheReference) {
  const Case& c = GetParam();
  const Placement placement = place_view(c.mode, {c.w, c.h}, c.source);
  EXPECT_EQ(placement.whole, c.whole);
  EXPECT_EQ((Size{placement.kept.width, placement.kept.height}), c.kept);
  EXPECT_EQ(placement.kept.left, (c.whole.width - c.kept.width) / 2);
  EXPECT_EQ(placement.kept.top, (c.whole.height - c.kept.height) / 2);
}

INSTANTIATE_TEST_SUITE_P(
    Reference, PlaceViewTest,
    testing::Values(Case{"C01", 1, 200, 200, kWide, {300, 200}, {200, 200}},
                    Case{"C02", 2, 200, kNone, kWide, {200, 133}, {200, 133}},
                    Case{"C03", 2, kNone, 200, kWide, {300, 200}, {300, 200}},
                    Case{"C04", 0, 48, 48, kWide, {48, 32}, {48, 32}},
                    Case{"C05", 0, 200, 100, kTall, {100, 150}, {100, 150}},
                    Case{"C06", 1, 200, kNone, kWide, {300, 200}, {200, 200}},
                    Case{"C07", 2, 1000, 1000, kWide, kWide, kWide},
                    Case{"C08", 3, 200, 200, kWide, {300, 200}, {300, 200}},
                    Case{"C09", 4, 300, 200, kTall, {200, 300}, {200, 300}},
                    Case{"C10", 5, 200, kNone, kWide, {300, 200}, {200, 200}},
                    Case{"C11", 1, 500, 400, kTwoToOne, {800, 400}, {500, 400}},
                    Case{"C12", 2, 500, 400, kTwoToOne, {500, 250}, {500, 250}},
                    Case{"C13", 3, 500, 400, kTwoToOne, {800, 400}, {800, 400}}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Edges, PlaceViewTest,
    testing::Values(
        // Never enlarged, in any mode; crops then keep what there is.
        Case{"Mode0Larger", 0, 2000, 2000, kWide, kWide, kWide},
        Case{"Mode1Larger", 1, 800, 300, kWide, kWide, {640, 300}},
        Case{"Mode1BothLarger", 1, 800, 800, kWide, kWide, kWide},
        Case{"Mode3Larger", 3, 700, kNone, kWide, kWide, kWide},
        Case{"Mode4Larger", 4, 700, 500, kWide, kWide, kWide},
        Case{"Mode5Larger", 5, 700, 100, kTall, kTall, {100, 640}},
        // In "at least" modes a missing bound is the other one.
        Case{"Mode3OnlyHeight", 3, kNone, 100, kTall, {100, 150}, {100, 150}},
        Case{"Mode4OnlyWidth", 4, 300, kNone, kWide, {450, 300}, {450, 300}},
        Case{"Mode4OnlyHeight", 4, kNone, 300, kTall, {300, 450}, {300, 450}},
        Case{"Mode0OnlyWidth", 0, 64, kNone, kTall, {43, 64}, {43, 64}},
        Case{"Mode0OnlyHeight", 0, kNone, 64, kTall, {64, 96}, {64, 96}},
        // Mode 5 keeps the long edge long, whichever it is.
        Case{"Mode5Tall", 5, 300, 200, kTall, {200, 300}, {200, 300}},
        Case{"Mode5Crops", 5, 200, 180, kTwoToOne, {360, 180}, {200, 180}},
        Case{"Mode5CropsTall", 5, 200, 180, Size{500, 1000}, {180, 360}, {180, 200}},
        // Rounding: nearest, at least 1.
        Case{"AtLeastOnePixel", 2, 100, kNone, Size{3000, 1}, {100, 1}, {100, 1}},
        Case{"AtLeastOnePixelTall", 2, kNone, 1, Size{1, 3000}, {1, 1}, {1, 1}},
        Case{"RoundsHalfUp", 2, 50, kNone, Size{100, 33}, {50, 17}, {50, 17}},
        Case{"OnePixel", 1, 200, 200, Size{1, 1}, {1, 1}, {1, 1}},
        Case{"NoBounds", 0, kNone, kNone, kWide, kWide, kWide},
        Case{"NoBoundsMode1", 1, kNone, kNone, kWide, kWide, kWide}),
    [](const auto& test) { return test.param.name; });

// A pixel that is marked in the stored picture must be where the upright area's corner is.
TEST(StoredAreaTest, AgreesWithTurningThePictureForEveryOrientation) {
  const Size whole{7, 5};  // upright
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Size stored = orientation >= 5 ? Size{5, 7} : whole;
    // Where the upright pixel (x, y) is stored, by EXIF's own words: which side the 0th row and
    // column are on.
    const auto stored_pixel = [&](std::int64_t x,
                                  std::int64_t y) -> std::pair<std::int64_t, std::int64_t> {
      switch (orientation) {
        case 2:
          return {stored.width - 1 - x, y};
        case 3:
          return {stored.width - 1 - x, stored.height - 1 - y};
        case 4:
          return {x, stored.height - 1 - y};
        case 5:
          return {y, x};
        case 6:
          return {y, stored.height - 1 - x};
        case 7:
          return {stored.width - 1 - y, stored.height - 1 - x};
        case 8:
          return {stored.width - 1 - y, x};
        default:
          return {x, y};
      }
    };
    const Area upright{1, 2, 4, 3};
    std::int64_t left = 99;
    std::int64_t top = 99;
    for (std::int64_t x = upright.left; x < upright.left + upright.width; ++x) {
      for (std::int64_t y = upright.top; y < upright.top + upright.height; ++y) {
        left = std::min(left, stored_pixel(x, y).first);
        top = std::min(top, stored_pixel(x, y).second);
      }
    }
    const Area expected = orientation >= 5 ? Area{left, top, 3, 4} : Area{left, top, 4, 3};
    EXPECT_EQ(stored_area(upright, whole, orientation), expected) << "orientation " << orientation;
  }
}

TEST(CentreOfTest, NeverKeepsMoreThanThereIs) {
  EXPECT_EQ(centre_of({300, 200}, {200, 400}), (Area{50, 0, 200, 200}));
}

}  // namespace
}  // namespace millrace::workers::image
