// SPDX-License-Identifier: Apache-2.0
#include "workers/image/face/candidates.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace millrace::workers::face {
namespace {

Face face_at(double x, double y, double side, float score) { return {{x, y, side, side}, score}; }

TEST(CandidatesTest, OverlapIsIntersectionOverUnion) {
  EXPECT_DOUBLE_EQ(overlap({0, 0, 10, 10}, {0, 0, 10, 10}), 1);
  EXPECT_DOUBLE_EQ(overlap({0, 0, 10, 10}, {5, 0, 10, 10}), 50.0 / 150.0);
  EXPECT_DOUBLE_EQ(overlap({0, 0, 10, 10}, {10, 0, 10, 10}), 0);
  EXPECT_DOUBLE_EQ(overlap({0, 0, 10, 10}, {2, 2, 5, 5}), 0.25);
}

TEST(CandidatesTest, ClipsBoxesToThePicture) {
  const Box box = clipped({-10, 90, 50, 50}, 100, 100);
  EXPECT_DOUBLE_EQ(box.x, 0);
  EXPECT_DOUBLE_EQ(box.y, 90);
  EXPECT_DOUBLE_EQ(box.width, 40);
  EXPECT_DOUBLE_EQ(box.height, 10);
  EXPECT_EQ(clipped({200, 0, 50, 50}, 100, 100).area(), 0);
}

TEST(CandidatesTest, KeepsTheBestOfEachPlace) {
  const auto kept = suppress_overlaps({face_at(0, 0, 10, 0.7F), face_at(1, 0, 10, 0.9F),
                                       face_at(50, 50, 10, 0.8F), face_at(2, 0, 10, 0.6F)},
                                      0.3, 100);
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(kept[0].score, 0.9F);
  EXPECT_EQ(kept[1].score, 0.8F);
}

TEST(CandidatesTest, KeepsNoMoreThanAsked) {
  std::vector<Face> many;
  many.reserve(50);
  for (int i = 0; i < 50; ++i) many.push_back(face_at(i * 20, 0, 10, 0.5F + 0.005F * float(i)));
  const auto kept = suppress_overlaps(many, 0.3, 7);
  ASSERT_EQ(kept.size(), 7U);
  EXPECT_EQ(kept.front().box.x, 49 * 20);
}

TEST(CandidatesTest, DropsWhatIsNotANumber) {
  constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  constexpr double kEndless = std::numeric_limits<double>::infinity();
  const auto kept = suppress_overlaps(
      {face_at(0, 0, 10, kNone), face_at(0, 0, kEndless, 0.9F), face_at(0, 0, 0, 0.9F),
       face_at(std::nan(""), 0, 10, 0.9F), face_at(0, 0, 10, 0.5F)},
      0.3, 100);
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].score, 0.5F);
}

}  // namespace
}  // namespace millrace::workers::face
