// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"
#include "workers/image/content_area.h"

namespace millrace::workers::image {
namespace {

using pipeline::Color;
using vips::VImage;

class TrimTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
};

VImage framed(const VImage& image, int left, int top, int right, int bottom,
              const std::vector<double>& color) {
  return image.embed(
      left, top, image.width() + left + right, image.height() + top + bottom,
      VImage::option()->set("extend", VIPS_EXTEND_BACKGROUND)->set("background", color));
}

TEST_F(TrimTest, TakesABorderOffWhateverItsColour) {
  const VImage photo = make_photo(80, 60);
  for (const std::vector<double>& color :
       {std::vector<double>{255, 255, 255}, {0, 0, 0}, {255, 0, 0}, {12, 200, 90}}) {
    const std::string source = make_file(framed(photo, 7, 11, 13, 17, color), ".png");
    const auto variant = run_pipeline(source, "trim");
    ASSERT_TRUE(variant);
    EXPECT_EQ(variant->outcome.headers.at("X-Millrace-Crop"), "80x60+7+11");
    EXPECT_EQ(variant->outcome.media_type, "image/png");
    EXPECT_EQ(mean_difference(decode(variant->file), photo), 0);
  }
}

TEST_F(TrimTest, LivesWithTheNoiseOfJpeg) {
  const std::string source =
      make_file(framed(make_photo(160, 120), 24, 40, 16, 8, {255, 255, 255}), ".jpg[Q=80]");
  const auto variant = run_pipeline(source, "trim/threshold/30");
  ASSERT_TRUE(variant);
  const VImage made = decode(variant->file);
  EXPECT_NEAR(made.width(), 160, 4);
  EXPECT_NEAR(made.height(), 120, 4);
}

TEST_F(TrimTest, TheThresholdDecides) {
  // A picture that is 20 lighter than its border.
  const VImage inner = (VImage::black(40, 30, VImage::option()->set("bands", 3)) + 120)
                           .cast(VIPS_FORMAT_UCHAR)
                           .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
  const std::string source = make_file(framed(inner, 10, 10, 10, 10, {100, 100, 100}), ".png");
  EXPECT_EQ(run_pipeline(source, "trim/threshold/19")->outcome.width, 40);
  EXPECT_EQ(run_pipeline(source, "trim/threshold/20")->outcome.width, 60);
  EXPECT_EQ(run_pipeline(source, "trim")->outcome.width, 40);
  EXPECT_EQ(run_pipeline(source, "trim/threshold/255")->outcome.width, 60);
}

TEST_F(TrimTest, ABackgroundIsNotAsked) {
  // Red around white around the picture.
  const VImage white = framed(make_photo(40, 30), 10, 10, 10, 10, {255, 255, 255});
  const std::string source = make_file(framed(white, 5, 5, 5, 5, {255, 0, 0}), ".png");
  EXPECT_EQ(run_pipeline(source, "trim")->outcome.width, 60);
  EXPECT_EQ(run_pipeline(source, "trim|trim")->outcome.width, 40);
  EXPECT_EQ(run_pipeline(source, "trim/background/d2hpdGU=")->outcome.width, 70);
}

TEST_F(TrimTest, TakesTransparencyOff) {
  const VImage opaque = make_photo(40, 30).bandjoin(255.0).copy(
      VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
  const std::string source = make_file(framed(opaque, 9, 8, 7, 6, {77, 0, 99, 0}), ".png");
  const auto variant = run_pipeline(source, "trim");
  ASSERT_TRUE(variant);
  EXPECT_EQ(variant->outcome.headers.at("X-Millrace-Crop"), "40x30+9+8");
  EXPECT_EQ(run_pipeline(source, "trim/background/bm9uZQ")->outcome.width, 40);
  // White under it is no border of a transparent picture, unless that is said.
  const VImage pale = (VImage::black(10, 10, VImage::option()->set("bands", 3)) + 255)
                          .cast(VIPS_FORMAT_UCHAR)
                          .bandjoin(255.0)
                          .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
  const std::string logo = make_file(framed(pale, 5, 5, 5, 5, {0, 0, 0, 0}), ".png");
  EXPECT_EQ(run_pipeline(logo, "trim")->outcome.width, 10);
  EXPECT_EQ(run_pipeline(logo, "trim/background/d2hpdGU=")->outcome.width, 20);
}

TEST_F(TrimTest, WhatIsAllBorderStays) {
  const VImage plain = (VImage::black(30, 20, VImage::option()->set("bands", 3)) + 9)
                           .cast(VIPS_FORMAT_UCHAR)
                           .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
  EXPECT_EQ(run_pipeline(make_file(plain, ".png"), "trim")->outcome.width, 30);
  EXPECT_EQ(run_pipeline(make_file(make_photo(30, 20), ".png"), "trim/threshold/0")->outcome.height,
            20);
  EXPECT_EQ(content_area(plain, std::nullopt, 10), std::nullopt);
  for (const auto& [width, height] : {std::pair{1, 1}, {2, 50}, {50, 2}}) {
    const auto tiny = run_pipeline(make_jpeg(width, height), "trim");
    ASSERT_TRUE(tiny) << tiny.error().detail;
    EXPECT_EQ(tiny->outcome.width, width);
    EXPECT_EQ(tiny->outcome.height, height);
  }
}

TEST_F(TrimTest, TakesGreyPicturesAndColouredBorders) {
  const VImage grey =
      framed(make_photo(40, 30).colourspace(VIPS_INTERPRETATION_B_W), 5, 6, 7, 8, {255});
  EXPECT_EQ(content_area(grey.copy_memory(), std::nullopt, 10), (Area{5, 6, 40, 30}));
  EXPECT_EQ(content_area(grey.copy_memory(), Color{255, 255, 255, 255}, 10), (Area{5, 6, 40, 30}));
  EXPECT_EQ(content_area(grey.copy_memory(), Color{255, 0, 0, 255}, 10), (Area{0, 0, 52, 44}));
}

// A border with specks and lines of one or two pixels and patches, also at the edges.
VImage speckled(std::mt19937& random, int width, int height, int bands) {
  const auto any = [&random](int end) {
    return static_cast<int>(random() % static_cast<unsigned>(end));
  };
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(width * height * bands), 100);
  const int count = any(8);
  for (int i = 0; i < count; ++i) {
    const int left = any(width);
    const int top = any(height);
    const int wide = std::min(width - left, 1 + any(3));
    const int high = std::min(height - top, 1 + any(3));
    const auto value = static_cast<std::uint8_t>(60 + any(80));
    const int band = any(bands);
    for (int y = top; y < top + high; ++y) {
      for (int x = left; x < left + wide; ++x) {
        const std::int64_t pixel = std::int64_t{y} * width + x;
        pixels[static_cast<std::size_t>(pixel * bands + band)] = value;
      }
    }
  }
  VipsImage* copied = vips_image_new_from_memory_copy(pixels.data(), pixels.size(), width, height,
                                                      bands, VIPS_FORMAT_UCHAR);
  return VImage(copied).copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
}

TEST_F(TrimTest, KeepsWhatFindTrimOfLibvipsKeeps) {
  std::mt19937 random(11);
  int found = 0;
  int empty = 0;
  for (int i = 0; i < 400; ++i) {
    const int width = 3 + static_cast<int>(random() % 12);
    const int height = 3 + static_cast<int>(random() % 12);
    const int threshold = static_cast<int>(random() % 30);
    const VImage picture = speckled(random, width, height, 3);
    int top = 0;
    int wide = 0;
    int high = 0;
    const int left = picture.find_trim(&top, &wide, &high,
                                       VImage::option()
                                           ->set("threshold", static_cast<double>(threshold))
                                           ->set("background", std::vector<double>{100, 100, 100}));
    const auto kept = content_area(picture, Color{100, 100, 100, 255}, threshold);
    if (wide == 0) {
      ++empty;
      EXPECT_EQ(kept, std::nullopt) << i;
    } else {
      ++found;
      EXPECT_EQ(kept, (Area{left, top, wide, high})) << i;
    }
  }
  EXPECT_GT(found, 50);
  EXPECT_GT(empty, 50);
}

TEST_F(TrimTest, WorksOnTheUprightPictureAndInAChain) {
  const auto variant = run_pipeline(make_oriented_jpeg(200, 100, 6),
                                    "imageMogr2/border/20x30/bordercolor/cmVk/format/png|trim");
  ASSERT_TRUE(variant) << variant.error().public_message;
  EXPECT_EQ(variant->outcome.width, 200);
  EXPECT_EQ(variant->outcome.height, 100);
}

TEST_F(TrimTest, HoldsItsBounds) {
  const std::string source = make_jpeg(64, 48);
  for (const char* good : {"trim/threshold/0", "trim/threshold/255"}) {
    EXPECT_EQ(reason_of(source, good), "") << good;
  }
  for (const char* bad : {"trim/threshold/-1", "trim/threshold/256", "trim/background/white"}) {
    EXPECT_EQ(reason_of(source, bad), "bad_parameter") << bad;
  }
}

}  // namespace
}  // namespace millrace::workers::image
