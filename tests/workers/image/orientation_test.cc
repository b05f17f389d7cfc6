// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

class OrientationTest : public testing::TestWithParam<int> {
 protected:
  static void SetUpTestSuite() { test_worker(); }
};

TEST_P(OrientationTest, TheVariantIsUpright) {
  const std::string source = make_oriented_jpeg(320, 200, GetParam());
  const auto variant = run_pipeline(source, "imageView2/2/w/160");
  ASSERT_TRUE(variant);
  const VImage made = decode(variant->file);
  EXPECT_LT(mean_difference(made, make_photo(320, 200).resize(0.5)), 6.0);
}

TEST_P(OrientationTest, TheCropIsTakenFromTheUprightPicture) {
  const std::string source = make_oriented_jpeg(320, 200, GetParam());
  const auto variant = run_pipeline(source, "imageView2/1/w/40/h/100");
  ASSERT_TRUE(variant);
  const VImage expected = make_photo(320, 200).resize(0.5).extract_area(60, 0, 40, 100);
  EXPECT_LT(mean_difference(decode(variant->file), expected), 6.0);
}

TEST_P(OrientationTest, IsAppliedOnceAndThenForgotten) {
  const std::string source = make_oriented_jpeg(320, 200, GetParam());
  const auto variant = run_pipeline(source, "imageView2/2/w/160/format/png");
  ASSERT_TRUE(variant);
  const auto seen = probe(variant->file);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->orientation, 1);
  EXPECT_EQ(seen->width, 160);
}

TEST_P(OrientationTest, ProbeTellsOfTheStoredPicture) {
  const int orientation = GetParam();
  const auto seen = probe(make_oriented_jpeg(320, 200, orientation));
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->orientation, orientation);
  EXPECT_EQ(seen->width, orientation >= 5 ? 200 : 320);
  EXPECT_EQ(seen->height, orientation >= 5 ? 320 : 200);
}

INSTANTIATE_TEST_SUITE_P(Exif, OrientationTest, testing::Range(1, 9));

}  // namespace
}  // namespace millrace::workers::image
