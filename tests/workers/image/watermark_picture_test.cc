// SPDX-License-Identifier: Apache-2.0
//
// Pictures as marks: watermark/1 and /3.
#include "workers/image/watermark_picture.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "pipeline/picture.h"
#include "tests/workers/image/ink.h"
#include "tests/workers/image/magick.h"
#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"
#include "workers/image/gravity.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

constexpr int kGround = 90;

class WatermarkPictureTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
};

std::string picture(const std::string& more = "", const std::string& key = "logo.png") {
  return "watermark/1/image/" + pipeline::picture_value("marks", key) + more;
}

VImage marked(const VImage& ground, const VImage& mark, const std::string& pipeline) {
  const auto variant = run_pipeline(make_file(ground, ".png"), pipeline,
                                    std::vector<std::string>{make_file(mark, ".png")});
  EXPECT_TRUE(variant) << pipeline << ": " << variant.error().public_message
                       << variant.error().detail;
  return variant ? decode(variant->file) : ground;
}

VImage of_color(int width, int height, const std::vector<double>& color) {
  return (VImage::black(width, height, VImage::option()->set("bands", 3)) + color)
      .cast(VIPS_FORMAT_UCHAR)
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB))
      .copy_memory();
}

const std::vector<double> kOrange = {250, 160, 20};

TEST_F(WatermarkPictureTest, SizesAreThoseOfTheReference) {
  // 37.2 x 25 and 25 x 16.8 there.
  EXPECT_EQ(scaled_mark({91, 61}, {250, 250}, 0.1, ScaledBy::Short), (Size{37, 25}));
  EXPECT_EQ(scaled_mark({91, 61}, {250, 250}, 0.1, ScaledBy::Long), (Size{25, 17}));
  EXPECT_EQ(scaled_mark({91, 61}, {250, 250}, 1, ScaledBy::Short), (Size{373, 250}));
  EXPECT_EQ(scaled_mark({91, 61}, {640, 427}, 0.5, ScaledBy::Width), (Size{320, 215}));
  EXPECT_EQ(scaled_mark({91, 61}, {640, 427}, 0.5, ScaledBy::Height), (Size{319, 214}));
  EXPECT_EQ(scaled_mark({61, 91}, {640, 427}, 0.5, ScaledBy::Long), (Size{215, 320}));
  EXPECT_EQ(scaled_mark({1000, 2}, {30, 30}, 0.1, ScaledBy::Long), (Size{3, 1}));
}

TEST_F(WatermarkPictureTest, IsScaledAsTheReferenceSays) {
  const VImage ground = plain_grey(250, 250, kGround);
  const VImage mark = of_color(91, 61, kOrange);
  struct Sample {
    const char* parameters;
    int width;
    int height;
  };
  for (const Sample& sample :
       {Sample{"", 91, 61}, Sample{"/ws/0.1", 37, 25}, Sample{"/ws/0.1/wst/0", 37, 25},
        Sample{"/ws/0.1/wst/1", 25, 17}, Sample{"/ws/0.2/wst/2", 50, 34},
        Sample{"/ws/0.2/wst/3", 75, 50}, Sample{"/wst/3", 91, 61}}) {
    const auto ink = ink_box(marked(ground, mark, picture(sample.parameters)), ground, 20);
    ASSERT_TRUE(ink) << sample.parameters;
    EXPECT_EQ(ink->width(), sample.width) << sample.parameters;
    EXPECT_EQ(ink->height(), sample.height) << sample.parameters;
    EXPECT_EQ(ink->right, 240) << "10 px from the edge";
    EXPECT_EQ(ink->bottom, 240);
  }
}

TEST_F(WatermarkPictureTest, LiesWhereGravityAndDistancesSay) {
  const VImage ground = plain_grey(201, 120, kGround);
  const VImage mark = of_color(40, 31, kOrange);
  for (const std::string& word : gravity_words()) {
    for (const Offset moved : {Offset{10, 10}, {0, 0}, {17, 5}, {-13, -9}}) {
      const std::string parameters =
          "/gravity/" + word + "/dx/" + std::to_string(moved.x) + "/dy/" + std::to_string(moved.y);
      const Offset at = origin_of(*gravity_from_word(word), {201, 120}, {40, 31}, moved);
      const auto ink = ink_box(marked(ground, mark, picture(parameters)), ground, 20);
      ASSERT_TRUE(ink) << parameters;
      EXPECT_EQ(ink->left, std::max<std::int64_t>(0, at.x)) << parameters;
      EXPECT_EQ(ink->top, std::max<std::int64_t>(0, at.y)) << parameters;
      EXPECT_EQ(ink->right, std::min<std::int64_t>(201, at.x + 40)) << parameters;
      EXPECT_EQ(ink->bottom, std::min<std::int64_t>(120, at.y + 31)) << parameters;
    }
  }
}

TEST_F(WatermarkPictureTest, LooksAsImageMagickMakesIt) {
  const VImage ground = make_photo(160, 120);
  const VImage mark = make_photo_with_alpha(60, 50);
  const std::string mark_file = testing::TempDir() + "mark-" + std::to_string(::getpid()) + ".png";
  mark.write_to_file(mark_file.c_str());
  for (const std::string& word : {"SouthEast", "Center", "NorthWest"}) {
    const VImage ours = marked(ground, mark, picture("/dissolve/60/gravity/" + word));
    const VImage theirs =
        by_magick(ground, {mark_file, "-gravity", word, "-geometry", "+10+10", "-compose",
                           "dissolve", "-define", "compose:args=60", "-composite"});
    const VImage colors = theirs.extract_band(0, VImage::option()->set("n", 3));
    EXPECT_LT((ours - colors).abs().max(), 3) << word;
    EXPECT_GT(mean_difference(ours, ground), 1) << word;
  }
  ::unlink(mark_file.c_str());
}

TEST_F(WatermarkPictureTest, DissolvesToWhatLiesBelow) {
  const VImage ground = plain_grey(100, 100, kGround);
  const VImage mark = of_color(50, 50, {190, 190, 190});
  for (const auto& [percent, level] : {std::pair{1, 91}, {50, 140}, {100, 190}}) {
    const VImage image = marked(ground, mark, picture("/dissolve/" + std::to_string(percent)));
    EXPECT_NEAR(image.getpoint(65, 65)[0], level, 1) << percent;
    EXPECT_EQ(image.getpoint(5, 5)[0], kGround);
  }
}

TEST_F(WatermarkPictureTest, APictureSmallerThanTheMarkStaysAsItIs) {
  const std::string file = make_jpeg(60, 40);
  const auto with = [&](int width, int height, const std::string& parameters) {
    return run_pipeline(
        file, picture(parameters),
        std::vector<std::string>{make_file(of_color(width, height, kOrange), ".png")});
  };
  for (const auto& [width, height] : {std::pair{61, 40}, {60, 41}, {500, 500}}) {
    const auto variant = with(width, height, "");
    ASSERT_TRUE(variant);
    EXPECT_EQ(variant->file, file) << width << "x" << height;
  }
  const auto exact = with(60, 40, "/dx/0/dy/0");
  ASSERT_TRUE(exact);
  EXPECT_NE(exact->file, file);
  EXPECT_NEAR(decode(exact->file).getpoint(30, 20)[0], 250, 6);
  // Scaled, it may fit.
  EXPECT_NE(with(500, 500, "/ws/1")->file, file);
  EXPECT_EQ(with(500, 100, "/ws/1")->file, file) << "200 px wide";
  // What comes out of a command is upright.
  const auto turned =
      run_pipeline(make_oriented_jpeg(60, 40, 6), picture(),
                   std::vector<std::string>{make_file(of_color(99, 99, kOrange), ".png")});
  EXPECT_EQ(VImage::new_from_buffer(turned->file.data(), turned->file.size(), "").width(), 60);
  // What was said of the file is done all the same.
  EXPECT_EQ(with(61, 40, "/format/png")->outcome.media_type, "image/png");
}

TEST_F(WatermarkPictureTest, OfSeveralMarksOnlyThatWhichDoesNotFitIsLeftOut) {
  const std::string large = pipeline::picture_value("marks", "large.png");
  const std::string small = pipeline::picture_value("marks", "small.png");
  const VImage ground = plain_grey(100, 80, kGround);
  const auto variant =
      run_pipeline(make_file(ground, ".png"),
                   "watermark/3/image/" + large + "/image/" + small + "/gravity/NorthWest/text/" +
                       coded("T") + "/gravity/SouthWest",
                   std::vector<std::string>{make_file(of_color(200, 10, {0, 0, 255}), ".png"),
                                            make_file(of_color(20, 20, kOrange), ".png")});
  ASSERT_TRUE(variant) << variant.error().public_message;
  const VImage image = decode(variant->file);
  EXPECT_EQ(image.getpoint(15, 15), kOrange);
  EXPECT_TRUE(ink_box(image.extract_area(0, 40, 50, 40), ground.extract_area(0, 40, 50, 40), 20));
  EXPECT_FALSE(ink_box(image.extract_area(50, 0, 50, 80), ground.extract_area(50, 0, 50, 80), 20));
}

TEST_F(WatermarkPictureTest, MarksLieOverEachOtherInTheirOrder) {
  const std::string blue = pipeline::picture_value("marks", "blue.png");
  const std::string orange = pipeline::picture_value("marks", "orange.png");
  const std::vector<std::string> files = {make_file(of_color(30, 30, {0, 0, 255}), ".png"),
                                          make_file(of_color(20, 20, kOrange), ".png")};
  const std::string ground = make_file(plain_grey(100, 80, kGround), ".png");
  const auto over = run_pipeline(ground, "watermark/3/image/" + blue + "/image/" + orange, files);
  ASSERT_TRUE(over);
  EXPECT_EQ(decode(over->file).getpoint(85, 65), kOrange);
  EXPECT_EQ(decode(over->file).getpoint(62, 42), (std::vector<double>{0, 0, 255}));
}

TEST_F(WatermarkPictureTest, ComesBackAllOver) {
  const VImage ground = plain_grey(200, 120, kGround);
  const VImage mark = of_color(20, 10, kOrange);
  const auto holds = [&](const std::string& parameters, int pitch_x, int pitch_y) {
    const VImage image = marked(ground, mark, picture("/tile/1" + parameters)).copy_memory();
    for (int y = 0; y < 120; ++y) {
      for (int x = 0; x < 200; ++x) {
        // The one at 170, 100, and all others.
        const bool expected =
            (x - 170 + 10 * pitch_x) % pitch_x < 20 && (y - 100 + 20 * pitch_y) % pitch_y < 10;
        if ((level_at(image, x, y) > 200) != expected) return false;
      }
    }
    return true;
  };
  EXPECT_TRUE(holds("", 30, 20)) << "as far from each other as from the edge";
  EXPECT_TRUE(holds("/uws/0.25/uhs/0.5", 50, 60));
  EXPECT_TRUE(holds("/uws/0.001/uhs/0.001", 20, 10)) << "never nearer than they are wide";
}

TEST_F(WatermarkPictureTest, MarksEveryFrameAndKeepsTransparency) {
  const VImage clear = make_photo_with_alpha(120, 90);
  const VImage mark = of_color(30, 20, kOrange);
  const VImage image = marked(clear, mark, picture("/gravity/NorthWest/dx/0/dy/0"));
  ASSERT_EQ(image.bands(), 4);
  EXPECT_EQ(image.getpoint(5, 5), (std::vector<double>{250, 160, 20, 255}));
  EXPECT_EQ(image.getpoint(119, 45), clear.getpoint(119, 45));

  VImage roll =
      VImage::arrayjoin(std::vector<VImage>{plain_grey(60, 50, 40), plain_grey(60, 50, 90)},
                        VImage::option()->set("across", 1))
          .copy();
  roll.set("page-height", 50);
  roll.set("delay", std::vector<int>{100, 200});
  const auto variant = run_pipeline(make_file(roll, ".gif"), picture(),
                                    std::vector<std::string>{make_file(mark, ".png")});
  ASSERT_TRUE(variant) << variant.error().public_message;
  EXPECT_EQ(variant->outcome.frames, 2);
  const VImage made = VImage::new_from_buffer(variant->file.data(), variant->file.size(), "",
                                              VImage::option()->set("n", -1));
  for (const int top : {0, 50}) EXPECT_NEAR(made.getpoint(35, top + 30)[0], 250, 12) << top;
}

TEST_F(WatermarkPictureTest, AMarkIsUprightAndOfAnyKind) {
  const VImage ground = plain_grey(200, 160, kGround);
  const auto with = [&](const std::string& mark) {
    const auto variant =
        run_pipeline(make_file(ground, ".png"), picture("/gravity/NorthWest/dx/0/dy/0"),
                     std::vector<std::string>{mark});
    EXPECT_TRUE(variant) << variant.error().public_message;
    return decode(variant->file);
  };
  const VImage turned = with(make_oriented_jpeg(90, 60, 6));
  EXPECT_LT(
      mean_difference(turned.extract_area(0, 0, 90, 60), decode(make_oriented_jpeg(90, 60, 1))), 4);
  EXPECT_EQ(turned.getpoint(95, 30)[0], kGround);
  const VImage grey =
      with(make_file(plain_grey(30, 20, 200).colourspace(VIPS_INTERPRETATION_B_W), ".gif"));
  EXPECT_NEAR(grey.getpoint(10, 10)[1], 200, 3);
}

TEST_F(WatermarkPictureTest, AMarkThatCannotBeReadIsNamed) {
  const auto refused =
      run_pipeline(make_jpeg(60, 40), picture(), std::vector<std::string>{"no picture"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, base::Reason::UnsupportedMedia);
  EXPECT_NE(refused.error().public_message.find("logo.png"), std::string::npos)
      << refused.error().public_message;
}

TEST_F(WatermarkPictureTest, EveryBoundAndOnePastIt) {
  const std::string file = make_jpeg(64, 48);
  const std::vector<std::string> mark = {make_file(of_color(4, 3, kOrange), ".png")};
  const auto reason = [&](const std::string& pipeline) {
    const auto variant = run_pipeline(file, pipeline, mark);
    return variant ? "" : std::string(base::word_of(variant.error().reason));
  };
  for (const std::string& good :
       {picture("/ws/0.001"), picture("/ws/1"), picture("/ws/1.0"), picture("/wst/0/ws/0.5"),
        picture("/wst/3/ws/0.5"), picture("/dissolve/1"), picture("/dissolve/100"),
        picture("/dx/-30000/dy/30000"), picture("/tile/0"), picture("/tile/1/uws/1/uhs/0.001")}) {
    EXPECT_EQ(reason(good), "") << good;
  }
  for (const std::string& bad :
       {picture("/ws/0"), picture("/ws/1.001"), picture("/ws/2"), picture("/ws/-1"),
        picture("/wst/4"), picture("/wst/-1"), picture("/dissolve/0"), picture("/dissolve/101"),
        picture("/dx/-30001"), picture("/tile/2"), picture("/uws/0"), picture("/uhs/1.5"),
        picture("/fontsize/300"), picture("/text/eA=="), picture("/ws/0.1/ws/0.2"),
        std::string("watermark/1/image/eA=="), "watermark/2/text/eA==" + picture().substr(11)}) {
    EXPECT_EQ(reason(bad), "bad_parameter") << bad;
  }
  for (const char* without : {"watermark/1", "watermark/1/text/eA==", "watermark/1/ws/0.5"}) {
    EXPECT_EQ(reason_of(file, without), "bad_parameter") << without;
  }
}

}  // namespace
}  // namespace millrace::workers::image
