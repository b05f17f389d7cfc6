// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gtest/gtest.h>

#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"
#include "workers/image/interest.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

class SmartcropTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
};

// Grey, with a disc of the photograph's colours and grain at `left`, `top`.
VImage scene(int width, int height, int left, int top, int side) {
  const VImage grey = (VImage::black(width, height, VImage::option()->set("bands", 3)) + 128)
                          .cast(VIPS_FORMAT_UCHAR)
                          .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
  return grey.insert(make_photo(side, side), left, top).copy_memory();
}

double mean_saturation(const VImage& image) {
  return (image.extract_band(0) - image.extract_band(2)).abs().avg();
}

TEST_F(SmartcropTest, KeepsWhatDrawsTheEye) {
  for (const char* by : {"", "/by/attention", "/by/entropy"}) {
    for (const int left : {20, 700}) {
      const std::string source = make_file(scene(1000, 300, left, 40, 200), ".png");
      const auto variant = run_pipeline(source, "smartcrop/150x150" + std::string(by));
      ASSERT_TRUE(variant) << variant.error().public_message;
      EXPECT_EQ(variant->outcome.width, 150);
      EXPECT_EQ(variant->outcome.height, 150);
      EXPECT_EQ(variant->outcome.media_type, "image/png");
      const VImage made = decode(variant->file);
      // The photograph is two thirds of the crop each way.
      EXPECT_GT(mean_saturation(made), 0.35 * mean_saturation(make_photo(200, 200))) << by << left;
      const auto middle = run_pipeline(source, "imageView2/1/w/150/h/150");
      EXPECT_LT(mean_saturation(decode(middle->file)), 2.0);
    }
  }
}

TEST_F(SmartcropTest, SaysWhatItWentBy) {
  const std::string source = make_file(scene(600, 300, 20, 40, 200), ".png");
  EXPECT_EQ(run_pipeline(source, "smartcrop/100x100")->outcome.headers.at("X-Millrace-Crop"),
            "attention");
  EXPECT_EQ(
      run_pipeline(source, "smartcrop/100x100/by/entropy")->outcome.headers.at("X-Millrace-Crop"),
      "entropy");
}

TEST_F(SmartcropTest, NeverEnlarges) {
  const std::string source = make_jpeg(200, 100);
  const auto variant = run_pipeline(source, "smartcrop/150x150");
  ASSERT_TRUE(variant);
  EXPECT_EQ(variant->outcome.width, 150);
  EXPECT_EQ(variant->outcome.height, 100);
  const auto whole = run_pipeline(source, "smartcrop/9999x9999");
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->outcome.width, 200);
}

TEST_F(SmartcropTest, TakesGreyTransparentAndTinyPictures) {
  const VImage grey = make_photo(300, 100).colourspace(VIPS_INTERPRETATION_B_W);
  EXPECT_EQ(run_pipeline(make_file(grey, ".png"), "smartcrop/50x50")->outcome.width, 50);
  const std::string clear = make_file(make_photo_with_alpha(300, 100), ".png");
  EXPECT_TRUE(decode(run_pipeline(clear, "smartcrop/50x50")->file).has_alpha());
  for (const char* size : {"1x1", "1x2", "2x1"}) {
    EXPECT_EQ(reason_of(make_jpeg(2, 2), "smartcrop/" + std::string(size)), "") << size;
  }
  EXPECT_EQ(reason_of(make_jpeg(2000, 3), "smartcrop/5x1"), "");
}

TEST_F(SmartcropTest, CropsTheUprightPicture) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const auto variant =
        run_pipeline(make_oriented_jpeg(400, 200, orientation), "smartcrop/200x100/q/95!");
    ASSERT_TRUE(variant);
    EXPECT_LT(mean_difference(decode(variant->file), make_photo(400, 200).resize(0.5)), 6.0);
  }
}

TEST_F(SmartcropTest, HoldsItsBounds) {
  const std::string source = make_jpeg(64, 48);
  for (const char* good : {"smartcrop/1x1", "smartcrop/9999x9999", "smartcrop/9x9/by/entropy"}) {
    EXPECT_EQ(reason_of(source, good), "") << good;
  }
  for (const char* bad :
       {"smartcrop", "smartcrop/0x1", "smartcrop/10000x1", "smartcrop/9x9/by/low", "smartcrop/9"}) {
    EXPECT_EQ(reason_of(source, bad), "bad_parameter") << bad;
  }
}

TEST_F(SmartcropTest, AnAreaOfThePreviewIsFoundAgainInTheWhole) {
  EXPECT_EQ(area_of_whole({50, 0, 50, 50}, {200, 50}, {400, 100}, {100, 100}),
            (Area{100, 0, 100, 100}));
  EXPECT_EQ(area_of_whole({150, 0, 50, 50}, {200, 50}, {401, 100}, {101, 100}),
            (Area{300, 0, 101, 100}));
}

}  // namespace
}  // namespace millrace::workers::image
