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
  ImageStage& open(std::string file, const ipc::RunLimits& limits = {}) {
    stage_.reset();
    file_ = std::move(file);
    source_ = *read_source(std::as_bytes(std::span(file_)), {});
    stage_.emplace(*source_, limits, watch_);
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
  ASSERT_TRUE(stage.orient());
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
  ASSERT_TRUE(stage.orient());
  ASSERT_TRUE(stage.scale_and_crop({{800, 400}, {100, 40, 300, 200}}));
  EXPECT_EQ(stage.size(), (Size{300, 200}));
  const auto picture = stage.picture();
  ASSERT_TRUE(picture);
  const VImage expected = make_photo(200, 100).resize(4.0).extract_area(100, 40, 300, 200);
  EXPECT_LT(mean_difference(*picture, expected), 8.0);
}

TEST_F(ImageStageTest, BeginsAsStoredAndTurnsUprightOnce) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    ImageStage& stage = open(make_oriented_jpeg(200, 100, orientation));
    EXPECT_EQ(stage.orientation(), orientation);
    EXPECT_EQ(stage.size(), (orientation >= 5 ? Size{100, 200} : Size{200, 100}));
    // Half of it as stored, and then upright.
    const Size half{stage.size().width / 2, stage.size().height / 2};
    ASSERT_TRUE(stage.scale_and_crop({half, {0, 0, half.width, half.height}}));
    EXPECT_EQ(stage.orientation(), orientation);
    ASSERT_TRUE(stage.orient());
    ASSERT_TRUE(stage.orient());
    EXPECT_EQ(stage.orientation(), 1);
    EXPECT_EQ(stage.size(), (Size{100, 50}));
    const auto picture = stage.picture();
    ASSERT_TRUE(picture);
    EXPECT_LT(mean_difference(*picture, make_photo(200, 100).resize(0.5)), 6.0) << orientation;
  }
}

TEST_F(ImageStageTest, AChangeMustGiveTheSizeThatItSaid) {
  ImageStage& stage = open(make_jpeg(80, 60));
  const auto half = [](const VImage& frame) { return frame.extract_area(0, 0, 40, 30); };
  const auto wrong = stage.change(half, {40, 31});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().reason, base::Reason::Internal);
  ASSERT_TRUE(stage.change(half, {40, 30}));
  EXPECT_EQ(stage.size(), (Size{40, 30}));
}

TEST_F(ImageStageTest, AChangeMayReadInAnyOrder) {
  ImageStage& stage = open(make_jpeg(80, 600));
  const auto flip = [](const VImage& frame) { return frame.flipver(); };
  ASSERT_TRUE(stage.change(flip, {80, 600}, ImageStage::Reads::AnyOrder));
  const auto picture = stage.picture();
  ASSERT_TRUE(picture);
  EXPECT_LT(mean_difference(*picture, make_photo(80, 600).flipver()), 6.0);
}

TEST_F(ImageStageTest, OnlyWhatGrowsIsHeldToTheLimitsBetweenSteps) {
  ipc::RunLimits limits;
  limits.result_max = {50 * 50};
  ImageStage& stage = open(make_jpeg(100, 100), limits);
  const auto grown = stage.scale_and_crop({{101, 100}, {0, 0, 101, 100}});
  ASSERT_FALSE(grown);
  EXPECT_EQ(grown.error().reason, base::Reason::ResultTooLarge);
  ASSERT_TRUE(stage.scale_and_crop({{90, 90}, {0, 0, 90, 90}}));
  EXPECT_EQ(stage.encode_as({}).error().reason, base::Reason::ResultTooLarge);
  ASSERT_TRUE(stage.scale_and_crop({{50, 50}, {0, 0, 50, 50}}));
  EXPECT_TRUE(stage.encode_as({}));
}

TEST_F(ImageStageTest, AnUntouchedSourceIsGivenBackByteForByte) {
  const std::string file = make_oriented_jpeg(80, 60, 6);
  ImageStage& stage = open(file);
  EXPECT_EQ(*stage.encoded(), file);
  ASSERT_TRUE(stage.scale_and_crop({{30, 40}, {0, 0, 30, 40}}));
  EXPECT_NE(*stage.encoded(), file);
  stage.start_over();
  EXPECT_TRUE(stage.untouched());
  EXPECT_EQ(stage.size(), (Size{60, 80}));
  EXPECT_EQ(stage.orientation(), 6);
  EXPECT_EQ(*stage.encoded(), file);
  EXPECT_EQ(stage.media_type(), "image/jpeg");
}

TEST_F(ImageStageTest, AFileThatFitsIsTheAnswerUntilThePictureChanges) {
  ImageStage& stage = open(make_file(make_photo(200, 150), ".png"));
  ASSERT_TRUE(stage.encode_as({}));
  const std::size_t whole = stage.encoded()->size();
  const auto fits = stage.fit_file_into(whole / 2);
  ASSERT_TRUE(fits);
  EXPECT_TRUE(*fits);
  EXPECT_LE(stage.encoded()->size(), whole / 2);
  EXPECT_GT(stage.encoded()->size(), whole / 4);
  EXPECT_LT(stage.encoding().quality_pct, 75);
  EXPECT_EQ(stage.jpeg_quality_pct(), stage.encoding().quality_pct);
  ASSERT_TRUE(stage.scale_and_crop({{40, 30}, {0, 0, 40, 30}}));
  EXPECT_EQ(decode(*stage.encoded()).width(), 40);
}

}  // namespace
}  // namespace millrace::workers::image
