// SPDX-License-Identifier: Apache-2.0
#include "workers/image/dominant_colors.h"

#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

namespace millrace::workers::image {
namespace {

using Pixels = std::vector<std::uint8_t>;

void add(Pixels& pixels, int count, std::array<int, 4> rgba) {
  for (int i = 0; i < count; ++i) {
    for (const int value : rgba) pixels.push_back(static_cast<std::uint8_t>(value));
  }
}

double sum_of_shares(const std::vector<DominantColor>& colors) {
  return std::accumulate(colors.begin(), colors.end(), 0.0,
                         [](double sum, const DominantColor& color) { return sum + color.share; });
}

TEST(DominantColorsTest, OfAFlagAreItsColoursByShare) {
  Pixels flag;
  add(flag, 500, {200, 16, 46, 255});
  add(flag, 300, {255, 255, 255, 255});
  add(flag, 200, {0, 0, 128, 255});
  const auto colors = dominant_colors(flag, 8);
  ASSERT_EQ(colors.size(), 3U);
  EXPECT_EQ(colors[0].rgb, (std::array<std::uint8_t, 3>{200, 16, 46}));
  EXPECT_NEAR(colors[0].share, 0.5, 1e-9);
  EXPECT_EQ(colors[1].rgb, (std::array<std::uint8_t, 3>{255, 255, 255}));
  EXPECT_NEAR(colors[1].share, 0.3, 1e-9);
  EXPECT_EQ(colors[2].rgb, (std::array<std::uint8_t, 3>{0, 0, 128}));
  EXPECT_NEAR(colors[2].share, 0.2, 1e-9);
}

TEST(DominantColorsTest, GivesNoMoreThanAskedForAndTheSharesStillMakeOne) {
  Pixels rainbow;
  for (int i = 0; i < 256; ++i) add(rainbow, 3, {i, (i * 7) & 255, (i * 31) & 255, 255});
  for (const std::size_t count : {1U, 2U, 5U, 32U}) {
    const auto colors = dominant_colors(rainbow, count);
    EXPECT_LE(colors.size(), count);
    EXPECT_GE(colors.size(), std::min<std::size_t>(count, 5));
    EXPECT_NEAR(sum_of_shares(colors), 1, 1e-9);
    for (std::size_t i = 1; i < colors.size(); ++i) {
      EXPECT_LE(colors[i].share, colors[i - 1].share);
    }
  }
}

TEST(DominantColorsTest, ASmallVividSpotIsNotLostInAGradient) {
  Pixels picture;
  for (int i = 0; i < 200; ++i) add(picture, 49, {100 + i / 4, 100 + i / 4, 110 + i / 4, 255});
  add(picture, 200, {255, 40, 0, 255});  // two percent
  bool found = false;
  for (const DominantColor& color : dominant_colors(picture, 4)) {
    if (color.rgb[0] > 240 && color.rgb[1] < 60) {
      found = true;
      EXPECT_NEAR(color.share, 0.02, 0.002);
    }
  }
  EXPECT_TRUE(found);
}

TEST(DominantColorsTest, CountsAPixelByWhatCanBeSeenOfIt) {
  Pixels logo;
  add(logo, 900, {0, 0, 0, 0});
  add(logo, 50, {0, 160, 80, 255});
  add(logo, 50, {250, 200, 0, 128});
  const auto colors = dominant_colors(logo, 8);
  ASSERT_EQ(colors.size(), 2U);
  EXPECT_EQ(colors[0].rgb, (std::array<std::uint8_t, 3>{0, 160, 80}));
  EXPECT_NEAR(colors[0].share, 255.0 / (255 + 128), 1e-9);
}

TEST(DominantColorsTest, JoinsWhatNobodyCanTellApart) {
  Pixels even;
  add(even, 10, {120, 90, 60, 255});
  add(even, 10, {121, 90, 60, 255});
  add(even, 10, {119, 90, 60, 255});  // another cell of the histogram
  EXPECT_EQ(dominant_colors(even, 8).size(), 1U);
}

TEST(DominantColorsTest, HasNoneWhereNothingCanBeSeen) {
  Pixels nothing;
  add(nothing, 10, {1, 2, 3, 0});
  EXPECT_TRUE(dominant_colors(nothing, 8).empty());
  EXPECT_TRUE(dominant_colors({}, 8).empty());
}

}  // namespace
}  // namespace millrace::workers::image
