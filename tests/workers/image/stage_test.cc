// SPDX-License-Identifier: Apache-2.0
#include "workers/image/stage.h"

#include <optional>

#include <gtest/gtest.h>

#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

class ImageStageTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
  ImageStage& open(std::string file) {
    file_ = std::move(file);
    source_ = *read_source(std::as_bytes(std::span(file_)), {});
    stage_.emplace(*source_, ipc::RunLimits{}, watch_);
    return *stage_;
  }

 private:
  std::string file_;
  std::optional<Source> source_;
  TaskWatch watch_{base::Deadline::never(), std::chrono::hours(1), TaskWatch::clocks_of_process()};
  std::optional<ImageStage> stage_;
};

TEST_F(ImageStageTest, APreviewLeavesThePictureAsItIs) {
  ImageStage& stage = open(make_oriented_jpeg(400, 300, 6));
  const auto small = stage.preview(100);
  ASSERT_TRUE(small);
  EXPECT_EQ(small->width(), 100);
  EXPECT_EQ(small->height(), 75);
  EXPECT_LT(mean_difference(*small, make_photo(400, 300).resize(0.25)), 6.0);
  EXPECT_TRUE(stage.untouched());
  EXPECT_EQ(stage.size(), (Size{400, 300}));
  ASSERT_TRUE(stage.scale_and_crop({{200, 150}, {0, 0, 200, 150}}));
  const auto again = stage.preview(50);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->height(), 38);
  const auto picture = stage.picture();
  ASSERT_TRUE(picture);
  EXPECT_LT(mean_difference(*picture, make_photo(400, 300).resize(0.5)), 6.0);
}

TEST_F(ImageStageTest, APreviewIsNeverEnlarged) {
  const auto small = open(make_jpeg(40, 30)).preview(640);
  ASSERT_TRUE(small);
  EXPECT_EQ(small->width(), 40);
}

TEST_F(ImageStageTest, APreviewHasNoAlpha) {
  const auto small = open(make_file(make_photo_with_alpha(80, 60), ".png")).preview(40);
  ASSERT_TRUE(small);
  EXPECT_EQ(small->bands(), 3);
}

TEST_F(ImageStageTest, ACommandMayEnlargeAPartOfATurnedPicture) {
  ImageStage& stage = open(make_oriented_jpeg(200, 100, 8));
  ASSERT_TRUE(stage.scale_and_crop({{800, 400}, {100, 40, 300, 200}}));
  EXPECT_EQ(stage.size(), (Size{300, 200}));
  const auto picture = stage.picture();
  ASSERT_TRUE(picture);
  const VImage expected = make_photo(200, 100).resize(4.0).extract_area(100, 40, 300, 200);
  EXPECT_LT(mean_difference(*picture, expected), 8.0);
}

}  // namespace
}  // namespace millrace::workers::image
