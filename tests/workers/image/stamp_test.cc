// SPDX-License-Identifier: Apache-2.0
#include "workers/image/stamp.h"

#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "tests/workers/image/ink.h"
#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"
#include "workers/image/operations.h"

namespace millrace::workers::image {
namespace {

using pipeline::Color;
using vips::VImage;

class StampTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
};

std::shared_ptr<Stamp> full_stamp(Size size, const Color& color, Offset at) {
  auto stamp = std::make_shared<Stamp>();
  stamp->size = size;
  stamp->pixels.assign(static_cast<std::size_t>(size.width * size.height), 255);
  stamp->color = color;
  stamp->at = at;
  return stamp;
}

// Of any colours and transparencies.
std::shared_ptr<Stamp> noise_stamp(Size size, Offset at) {
  auto stamp = std::make_shared<Stamp>();
  stamp->kind = Stamp::Kind::Rgba;
  stamp->size = size;
  stamp->at = at;
  std::mt19937 dice(7);
  stamp->pixels.resize(static_cast<std::size_t>(size.width * size.height) * 4);
  for (auto& byte : stamp->pixels) byte = static_cast<std::uint8_t>(dice() % 256);
  return stamp;
}

VImage picture_of(const Stamp& stamp) {
  return VImage::new_from_memory(const_cast<std::uint8_t*>(stamp.pixels.data()),
                                 stamp.pixels.size(), static_cast<int>(stamp.size.width),
                                 static_cast<int>(stamp.size.height), 4, VIPS_FORMAT_UCHAR)
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB))
      .copy_memory();
}

double difference_at_most(const VImage& a, const VImage& b) { return (a - b).abs().max(); }

TEST_F(StampTest, IsTheOverOfLibvips) {
  const VImage photo = make_photo(80, 60);
  const VImage clear = make_photo_with_alpha(80, 60);
  const auto stamp = noise_stamp({40, 30}, {20, 10});
  for (const VImage& frame : {photo, clear}) {
    const VImage expected = frame.composite2(picture_of(*stamp), VIPS_BLEND_MODE_OVER,
                                             VImage::option()->set("x", 20)->set("y", 10));
    const VImage made = stamped(frame, stamp).copy_memory();
    ASSERT_EQ(made.bands(), frame.bands());
    // composite2 gives an alpha to all.
    const VImage theirs =
        frame.has_alpha() ? expected : expected.extract_band(0, VImage::option()->set("n", 3));
    // Where next to nothing is left of the pixel, its colour is anybody's: premultiplied.
    const auto seen = [](const VImage& image) {
      return image.has_alpha() ? image.premultiply() : image;
    };
    EXPECT_LE(difference_at_most(seen(made), seen(theirs)), 2);
  }
}

TEST_F(StampTest, WhatItDoesNotTouchStays) {
  const VImage photo = make_photo_with_alpha(50, 40);
  const VImage made = stamped(photo, full_stamp({10, 8}, {9, 99, 200}, {30, 20})).copy_memory();
  const VImage ink = (VImage::black(10, 8, VImage::option()->set("bands", 4)) +
                      std::vector<double>{9, 99, 200, 255})
                         .cast(VIPS_FORMAT_UCHAR);
  EXPECT_EQ(difference_at_most(made, photo.insert(ink, 30, 20)), 0);
}

TEST_F(StampTest, MayReachOutOnEverySide) {
  const VImage photo = make_photo(30, 20);
  for (const Offset at : {Offset{-5, -5}, {25, 15}, {-5, 15}, {25, -5}, {-50, 0}, {0, 50}}) {
    const VImage made = stamped(photo, full_stamp({10, 10}, {255, 0, 0}, at)).copy_memory();
    int red = 0;
    for (int y = 0; y < 20; ++y) {
      for (int x = 0; x < 30; ++x) {
        const std::uint8_t* pixel = VIPS_IMAGE_ADDR(made.get_image(), x, y);
        red += pixel[0] == 255 && pixel[1] == 0 && pixel[2] == 0 ? 1 : 0;
      }
    }
    const bool is_seen = at.x > -10 && at.y < 20;
    EXPECT_EQ(red, is_seen ? 25 : 0) << at.x << " " << at.y;
  }
}

TEST_F(StampTest, ComesBackAtItsPitch) {
  const VImage black = (VImage::black(40, 30, VImage::option()->set("bands", 3)))
                           .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
  for (const Offset at : {Offset{3, 2}, {-8, -5}, {14, 9}, {113, 72}}) {
    auto stamp = full_stamp({4, 3}, {255, 255, 255}, at);
    stamp->pitch = Size{11, 7};
    const VImage made = stamped(black, stamp).copy_memory();
    for (int y = 0; y < 30; ++y) {
      for (int x = 0; x < 40; ++x) {
        const bool lit = (x - 3 + 110) % 11 < 4 && (y - 2 + 70) % 7 < 3;
        ASSERT_EQ(level_at(made, x, y), lit ? 255 : 0) << x << " " << y << " at " << at.x;
      }
    }
  }
}

TEST_F(StampTest, AGreyPictureTakesTheColoursOfAStampThatHasSome) {
  const VImage grey = make_photo(30, 20).colourspace(VIPS_INTERPRETATION_B_W);
  EXPECT_EQ(stamped(grey, full_stamp({5, 5}, {80, 80, 80}, {})).bands(), 1);
  EXPECT_EQ(stamped(grey, full_stamp({5, 5}, {80, 80, 81}, {})).bands(), 3);
  const VImage grey_clear = grey.bandjoin(128);
  const VImage made = stamped(grey_clear, full_stamp({5, 5}, {80, 80, 80, 128}, {})).copy_memory();
  ASSERT_EQ(made.bands(), 2);
  // 128 over 128: 128 + 128 * 127 / 255.
  EXPECT_EQ(made.getpoint(1, 1)[1], std::lround(128 + 128 * 127 / 255.0));
  EXPECT_EQ(stamped(grey_clear, full_stamp({5, 5}, {255, 0, 0}, {})).bands(), 4);
}

TEST_F(StampTest, NothingOverNothingIsNothing) {
  const VImage clear = make_photo(10, 10).bandjoin(0);
  const VImage made = stamped(clear, full_stamp({10, 10}, {255, 0, 0, 0}, {})).copy_memory();
  EXPECT_EQ(mean_difference(made, clear), 0);
  const VImage seen = stamped(clear, full_stamp({10, 10}, {255, 0, 0, 100}, {})).copy_memory();
  EXPECT_EQ(seen.getpoint(5, 5), (std::vector<double>{255, 0, 0, 100}));
}

TEST_F(StampTest, OneReadingFromTopToBottomIsEnough) {
  const std::string file = make_jpeg(300, 200);
  const VImage once = VImage::new_from_buffer(
      file.data(), file.size(), "", VImage::option()->set("access", VIPS_ACCESS_SEQUENTIAL));
  VImage made = once;
  for (int i = 0; i < 5; ++i)
    made = stamped(made, full_stamp({50, 150}, {0, 0, 0}, {std::int64_t{20} * i, 30}));
  EXPECT_EQ(made.copy_memory().getpoint(100, 100), (std::vector<double>{0, 0, 0}));
}

}  // namespace
}  // namespace millrace::workers::image
