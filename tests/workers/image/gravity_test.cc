// SPDX-License-Identifier: Apache-2.0
#include "workers/image/gravity.h"

#include <gtest/gtest.h>

namespace millrace::workers::image {
namespace {

TEST(GravityTest, HasNineWordsAndBack) {
  const auto words = gravity_words();
  ASSERT_EQ(words.size(), 9U);
  for (std::size_t i = 0; i < words.size(); ++i) {
    EXPECT_EQ(gravity_from_word(words[i]), static_cast<Gravity>(i)) << words[i];
  }
  EXPECT_EQ(gravity_from_word("northwest"), std::nullopt);
}

// The origins that ImageMagick 6.9 gives (-gravity G -crop 300x300+10+20 on 640x427).
TEST(GravityTest, CountsFromTheNamedPlace) {
  struct Case {
    Gravity gravity;
    Offset origin;
  };
  for (const Case& c : {Case{Gravity::NorthWest, {10, 20}}, Case{Gravity::North, {180, 20}},
                        Case{Gravity::NorthEast, {330, 20}}, Case{Gravity::West, {10, 83}},
                        Case{Gravity::Center, {180, 83}}, Case{Gravity::East, {330, 83}},
                        Case{Gravity::SouthWest, {10, 107}}, Case{Gravity::South, {180, 107}},
                        Case{Gravity::SouthEast, {330, 107}}}) {
    EXPECT_EQ(origin_of(c.gravity, {640, 427}, {300, 300}, {10, 20}), c.origin)
        << gravity_words().at(static_cast<std::size_t>(c.gravity));
  }
}

TEST(GravityTest, HalvesAreRoundedDownEachByItself) {
  EXPECT_EQ(origin_of(Gravity::Center, {640, 427}, {300, 300}), (Offset{170, 63}));
  EXPECT_EQ(origin_of(Gravity::Center, {640, 427}, {301, 301}), (Offset{170, 63}));
  EXPECT_EQ(origin_of(Gravity::Center, {641, 428}, {301, 301}), (Offset{170, 64}));
}

TEST(GravityTest, ABoxMayBeLargerThanThePicture) {
  EXPECT_EQ(origin_of(Gravity::Center, {100, 50}, {200, 60}), (Offset{-50, -5}));
  EXPECT_EQ(origin_of(Gravity::SouthEast, {100, 50}, {200, 60}, {20, 0}), (Offset{-120, -10}));
}

}  // namespace
}  // namespace millrace::workers::image
