// SPDX-License-Identifier: Apache-2.0

// What comes by the road of pixels is what libvips makes of the same PNG.
#include <string>

#include <gtest/gtest.h>

#include "ipc/road.h"
#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"
#include "workers/image/loader.h"
#include "workers/image/operations.h"
#include "workers/image/png_picture.h"
#include "workers/image/source.h"

namespace millrace::workers::image {
namespace {

using ipc::Road;
using vips::VImage;

class PixelsRoadTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
};

Source source_of(const std::string& file) {
  auto source = read_source(std::as_bytes(std::span(file)), {});
  if (!source) ADD_FAILURE() << source.error().public_message;
  return source.value_or(Source{});
}

VImage with_alpha(const VImage& photo) {
  const VImage slope = VImage::xyz(photo.width(), photo.height()).extract_band(0) % 256;
  return photo.bandjoin(slope.cast(VIPS_FORMAT_UCHAR));
}

// Every pixel, from two readings.
void expect_same(const VImage& a, const VImage& b) {
  ASSERT_EQ(a.bands(), b.bands());
  ASSERT_EQ(a.width(), b.width());
  ASSERT_EQ(a.height(), b.height());
  EXPECT_EQ((a - b).abs().max(), 0);
}

TEST_F(PixelsRoadTest, ReadsWhatLibvipsReads) {
  const VImage photo = make_photo(203, 101);
  const VImage grey = photo.colourspace(VIPS_INTERPRETATION_B_W);
  for (const VImage& picture : {photo, with_alpha(photo), grey, with_alpha(grey)}) {
    for (const char* suffix :
         {".png", ".png[filter=all]", ".png[palette]", ".png[palette,bitdepth=2]"}) {
      const std::string file = make_file(picture, suffix);
      const Source source = source_of(file);
      EXPECT_TRUE(is_decoded_here(source)) << suffix;
      const auto here = open_picture(source);
      ASSERT_TRUE(here);
      expect_same(*here, VImage::new_from_buffer(file.data(), file.size(), ""));
    }
  }
  EXPECT_FALSE(is_decoded_here(source_of(make_file(photo, ".png[interlace]"))));
  const VImage deep = (photo.cast(VIPS_FORMAT_USHORT) * 257).cast(VIPS_FORMAT_USHORT);
  EXPECT_FALSE(is_decoded_here(
      source_of(make_file(deep.copy(VImage::option()->set("interpretation", "rgb16")), ".png"))));
}

TEST_F(PixelsRoadTest, WhatIsDamagedIsReadByLibvips) {
  std::string file = make_file(make_photo(300, 200), ".png");
  // A wrong sum of an early chunk of pixels, which libpng refuses.
  file[200] = static_cast<char>(file[200] ^ 1);
  const auto made = run_pipeline(file, "imageView2/2/w/100");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().reason, base::Reason::CorruptMedia);
  // Cut off: what is looked at is there all the same, as libvips has it.
  const std::string whole = make_file(make_photo(300, 200), ".png");
  const std::string cut = whole.substr(0, whole.size() * 3 / 4);
  EXPECT_FALSE(run_pipeline(cut, "imageView2/2/w/100"));
}

TEST_F(PixelsRoadTest, SaysSo) {
  const VImage photo = make_photo(640, 480);
  const std::string file = make_file(photo, ".png");
  for (const auto& [pipeline, road] :
       {std::pair{"imageView2/2/w/300", Road::Pixels},
        {"imageView2/2/w/300/format/jpg", Road::Pixels},
        {"imageView2/2/w/300/format/webp", Road::Pixels},
        {"imageMogr2/auto-orient/thumbnail/300x/strip", Road::Pixels},
        {"imageView2/2/w/300/format/gif", Road::Mixed},
        {"imageView2/2/w/300/interlace/1", Road::Mixed},
        {"imageView2/2/w/300|roundPic/radius/20", Road::Mixed}}) {
    const auto made = run_pipeline(file, pipeline);
    ASSERT_TRUE(made) << pipeline << ": " << made.error().public_message;
    EXPECT_EQ(made->outcome.road, road) << pipeline;
  }
  const auto interlaced = run_pipeline(make_file(photo, ".png[interlace]"), "imageView2/2/w/300");
  ASSERT_TRUE(interlaced);
  EXPECT_EQ(interlaced->outcome.road, Road::Library);
}

TEST_F(PixelsRoadTest, ScaledPicturesAreWhatLibvipsMakes) {
  const VImage photo = make_photo(803, 605);
  for (const VImage& picture : {photo, with_alpha(photo)}) {
    const std::string file = make_file(picture, ".png[filter=all]");
    for (const int width : {400, 201, 77}) {
      const auto made = run_pipeline(file, "imageView2/2/w/" + std::to_string(width));
      ASSERT_TRUE(made) << made.error().public_message;
      const VImage result = decode(made->file);
      EXPECT_EQ(result.bands(), picture.bands());
      const VImage expected = picture.premultiply()
                                  .resize(static_cast<double>(width) / 803)
                                  .unpremultiply()
                                  .cast(VIPS_FORMAT_UCHAR);
      ASSERT_EQ(result.width(), expected.width());
      if (result.height() != expected.height()) continue;  // a rounding of the plan's
      // Colours that nobody sees do not count.
      EXPECT_LT(mean_difference(on_white(result), on_white(expected)), 2.5) << width;
    }
  }
}

}  // namespace
}  // namespace millrace::workers::image
