// SPDX-License-Identifier: Apache-2.0
//
// Texts as marks: watermark/2, /3 and /4, from the pipeline to the pixels.
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/workers/image/ink.h"
#include "tests/workers/image/magick.h"
#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"
#include "workers/image/gravity.h"
#include "workers/image/text/font_book.h"
#include "workers/image/text/text_layout.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

constexpr int kGround = 90;

class WatermarkTextTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
};

VImage ground(int width = 400, int height = 300) { return plain_grey(width, height, kGround); }

VImage marked(const VImage& picture, const std::string& pipeline) {
  const auto variant = run_pipeline(make_file(picture, ".png"), pipeline);
  EXPECT_TRUE(variant) << pipeline << ": " << variant.error().public_message
                       << variant.error().detail;
  return variant ? decode(variant->file) : picture;
}

InkBox ink_of(const VImage& picture, const std::string& pipeline) {
  const auto box = ink_box(marked(picture, pipeline), picture, 20);
  EXPECT_TRUE(box) << pipeline << " is seen";
  return box.value_or(InkBox{});
}

std::string text(const std::string& words, const std::string& more = "") {
  return "watermark/2/text/" + coded(words) + more;
}

Size box_of(const std::string& words, const std::string& font, double size_px) {
  const FontBook book = FontBook::open();
  const auto layout = lay_out(words, book.find(font), size_px, LineEnds::Left);
  return {layout->width, layout->height};
}

TEST_F(WatermarkTextTest, LiesWhereGravityAndDistancesSay) {
  const VImage picture = ground();
  const std::string words = "Mark";
  const Size box = box_of(words, "黑体", 24);
  const InkBox corner = ink_of(picture, text(words, "/fontsize/480/gravity/NorthWest/dx/0/dy/0"));
  EXPECT_GE(corner.left, 0);
  EXPECT_LE(corner.right, box.width);
  EXPECT_LE(corner.bottom, box.height);
  for (const std::string& word : gravity_words()) {
    const Offset at = origin_of(*gravity_from_word(word), {400, 300}, box, {17, 23});
    const InkBox ink = ink_of(picture, text(words, "/fontsize/480/dx/17/dy/23/gravity/" + word));
    EXPECT_EQ(ink.left, corner.left + at.x) << word;
    EXPECT_EQ(ink.top, corner.top + at.y) << word;
    EXPECT_EQ(ink.width(), corner.width()) << word;
    EXPECT_EQ(ink.height(), corner.height()) << word;
  }
}

TEST_F(WatermarkTextTest, LiesWhereImageMagickPutsIt) {
  const VImage picture = ground();
  for (const std::string& word : gravity_words()) {
    const InkBox ours =
        ink_of(picture, text("Mark", "/font/" + coded("DejaVu Sans") +
                                         "/fontsize/480/dx/17/dy/23/gravity/" + word));
    const VImage by_them =
        by_magick(picture, {"-font", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
                            "-pointsize", "24", "-density", "72", "-fill", "white", "-gravity",
                            word, "-annotate", "+17+23", "Mark"});
    const auto theirs =
        ink_box(by_them.extract_band(0, VImage::option()->set("n", 3)), picture, 20);
    ASSERT_TRUE(theirs);
    for (const auto& [a, b] : {std::pair{ours.left, theirs->left},
                               {ours.top, theirs->top},
                               {ours.right, theirs->right},
                               {ours.bottom, theirs->bottom}}) {
      EXPECT_NEAR(a, b, 3) << word;
    }
  }
}

TEST_F(WatermarkTextTest, DefaultsAreThoseOfTheReference) {
  const VImage picture = ground();
  const VImage given = marked(
      picture, text("默认 Text", "/font/" + coded("黑体") + "/fontsize/240/fill/" + coded("white") +
                                     "/dissolve/100/gravity/SouthEast/dx/10/dy/10"));
  EXPECT_EQ(mean_difference(given, marked(picture, text("默认 Text"))), 0);
  EXPECT_EQ(mean_difference(given, marked(picture, text("默认 Text", "/fontsize/0"))), 0);
}

TEST_F(WatermarkTextTest, SizesAreTwentiethsOfAPixel) {
  const VImage picture = ground(600, 300);
  const auto height = [&](int twips) {
    return ink_of(picture, text("H", "/gravity/Center/fontsize/" + std::to_string(twips))).height();
  };
  // A capital of Noto Sans CJK is 0.733 of its size high.
  EXPECT_NEAR(height(480), 24 * 0.733, 1.5);
  EXPECT_NEAR(height(4'000), 200 * 0.733, 1.5);
}

TEST_F(WatermarkTextTest, HasTheColourAndOpacityAskedFor) {
  const VImage picture = ground();
  // A block: its middle is all ink.
  const std::string block = text("█", "/font/" + coded("DejaVu Sans") +
                                          "/fontsize/1200/gravity/"
                                          "Center/dx/0/dy/0");
  struct Sample {
    std::string parameters;
    std::vector<double> expected;
  };
  for (const Sample& sample :
       {Sample{"", {255, 255, 255}}, Sample{"/fill/" + coded("red"), {255, 0, 0}},
        Sample{"/fill/" + coded("#102030"), {16, 32, 48}},
        Sample{"/fill/" + coded("#FF000080"), {173, 45, 45}},
        Sample{"/dissolve/50", {173, 173, 173}}, Sample{"/dissolve/1", {92, 92, 92}},
        Sample{"/fill/" + coded("#00000080") + "/dissolve/50", {67, 67, 67}}}) {
    const VImage image = marked(picture, block + sample.parameters);
    const auto color = image.getpoint(200, 150);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_NEAR(color[i], sample.expected[i], 1) << sample.parameters << " " << i;
    }
  }
}

TEST_F(WatermarkTextTest, ChineseIsWrittenInEveryFontOffered) {
  const VImage picture = ground();
  std::map<std::string, VImage> by_font;
  for (const char* font : {"黑体", "宋体", "微软雅黑", "DejaVu Sans", "Noto Sans CJK SC Bold"}) {
    by_font.emplace(
        font, marked(picture, text("水印", std::string("/fontsize/800/font/") + coded(font))));
    EXPECT_GT(ink_box(by_font.at(font), picture, 20)->width(), 70) << font;
  }
  EXPECT_EQ(mean_difference(by_font.at("黑体"), by_font.at("微软雅黑")), 0);
  EXPECT_GT(mean_difference(by_font.at("黑体"), by_font.at("宋体")), 0.2);
  EXPECT_GT(mean_difference(by_font.at("黑体"), by_font.at("Noto Sans CJK SC Bold")), 0.2);
}

TEST_F(WatermarkTextTest, AFontThatIsNotOfferedIsRefusedWithTheListOfThoseThatAre) {
  const auto refused =
      run_pipeline(make_jpeg(40, 30), text("x", "/font/" + coded("Comic Sans MS")));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, base::Reason::BadParameter);
  EXPECT_NE(refused.error().public_message.find("Noto Sans CJK SC"), std::string::npos)
      << refused.error().public_message;
  EXPECT_TRUE(run_pipeline(make_jpeg(40, 30), text("x", "/font/" + coded("dejavu SANS"))))
      << "in any case";
}

TEST_F(WatermarkTextTest, WhatLiesOutsideIsNotSeen) {
  const VImage picture = ground(60, 40);
  const InkBox ink = ink_of(picture, text("far too long for it", "/fontsize/600"));
  EXPECT_EQ(ink.left, 0);
  const InkBox cut = ink_of(picture, text("H", "/fontsize/600/dx/-12/dy/0/gravity/East"));
  EXPECT_EQ(cut.right, 60);
  // Nothing is left of it: the file stays.
  const std::string file = make_jpeg(60, 40);
  const auto unseen = run_pipeline(file, text("H", "/dx/5000"));
  ASSERT_TRUE(unseen);
  EXPECT_EQ(unseen->file, file);
  const auto converted = run_pipeline(file, text("H", "/dx/5000/format/png"));
  ASSERT_TRUE(converted);
  EXPECT_EQ(converted->outcome.media_type, "image/png");
}

TEST_F(WatermarkTextTest, KeepsTransparencyAndSize) {
  const VImage picture = make_photo_with_alpha(120, 90);
  const VImage image = marked(picture, text("█", "/fontsize/400/gravity/NorthWest/dx/0/dy/0"));
  ASSERT_EQ(image.bands(), 4);
  EXPECT_EQ(image.width(), 120);
  EXPECT_EQ(image.height(), 90);
  EXPECT_EQ(image.getpoint(119, 45), picture.getpoint(119, 45));
  EXPECT_EQ(image.getpoint(8, 12)[3], 255) << "what is written can be seen";
}

TEST_F(WatermarkTextTest, AGreyPictureStaysGreyUnderWhiteAndTakesColours) {
  const VImage grey = make_photo(120, 90).colourspace(VIPS_INTERPRETATION_B_W);
  const auto bands = [&](const std::string& parameters) {
    const auto variant = run_pipeline(make_file(grey, ".png"), text("W", parameters));
    const VImage image = VImage::new_from_buffer(variant->file.data(), variant->file.size(), "");
    return image.copy_memory().bands();
  };
  EXPECT_EQ(bands(""), 1);
  EXPECT_EQ(bands("/fill/" + coded("red")), 3);
}

TEST_F(WatermarkTextTest, SeveralMarksEachHaveWhatFollowsThem) {
  const VImage picture = ground();
  const std::string pipeline = "watermark/3/text/" + coded("A") + "/gravity/NorthWest/fill/" +
                               coded("red") + "/text/" + coded("B") +
                               "/fontsize/800/gravity/SouthWest/text/" + coded("C");
  const VImage image = marked(picture, pipeline);
  const auto part = [&](int left, int top) {
    return ink_box(image.extract_area(left, top, 200, 150), picture.extract_area(0, 0, 200, 150),
                   20);
  };
  ASSERT_TRUE(part(0, 0) && part(0, 150) && part(200, 150));
  EXPECT_FALSE(part(200, 0));
  EXPECT_LT(part(0, 0)->height(), 12);
  EXPECT_GT(part(0, 150)->height(), 25);
  EXPECT_LT(part(200, 150)->height(), 12) << "the default again";
  const InkBox a = *part(0, 0);
  double red = 0;
  double green = 0;
  for (int x = a.left; x < a.right; ++x) {
    red = std::max(red, image.getpoint(x, a.bottom - 2)[0]);
    green = std::max(green, image.getpoint(x, a.bottom - 2)[1]);
  }
  EXPECT_GT(red, 180);
  EXPECT_LE(green, kGround);
}

TEST_F(WatermarkTextTest, LaterMarksLieOverEarlierOnes) {
  const std::string at = "/font/" + coded("DejaVu Sans") + "/fontsize/1200/gravity/Center";
  const std::string red = "/text/" + coded("█") + at + "/fill/" + coded("red");
  const std::string blue = "/text/" + coded("█") + at + "/fill/" + coded("blue");
  EXPECT_EQ(marked(ground(), "watermark/3" + red + blue).getpoint(205, 155)[2], 255);
  EXPECT_EQ(marked(ground(), "watermark/3" + blue + red).getpoint(205, 155)[0], 255);
}

TEST_F(WatermarkTextTest, TheOrderOfThePairsOfOneMarkIsFree) {
  const std::string file = make_jpeg(120, 90);
  const auto one = run_pipeline(file, "watermark/2/dx/3/gravity/North/text/" + coded("x"));
  const auto other = run_pipeline(file, "watermark/2/text/" + coded("x") + "/gravity/North/dx/3");
  ASSERT_TRUE(one && other);
  EXPECT_EQ(one->file, other->file);
}

// The distance at which a line of a tiled picture repeats itself; 0: it does not.
int period_of(const VImage& picture, bool across) {
  const VImage image = picture.extract_band(0).copy_memory();
  const int length = across ? image.width() : image.height();
  for (int period = 5; period < length * 2 / 3; ++period) {
    const VImage a = across ? image.extract_area(0, 0, length - period, image.height())
                            : image.extract_area(0, 0, image.width(), length - period);
    const VImage b = across ? image.extract_area(period, 0, length - period, image.height())
                            : image.extract_area(0, period, image.width(), length - period);
    if ((a - b).abs().max() == 0 && a.deviate() > 0) return period;
  }
  return 0;
}

std::string tiled(const std::string& words, const std::string& more = "") {
  return "watermark/4/text/" + coded(words) + more;
}

TEST_F(WatermarkTextTest, TilesFillThePictureInCellsOfTheSizeAskedFor) {
  const VImage picture = ground(700, 500);
  const VImage plain = marked(picture, tiled("ok"));
  EXPECT_EQ(period_of(plain, true), 100);
  EXPECT_EQ(period_of(plain, false), 100);
  const VImage sized = marked(picture, tiled("ok", "/uw/130/uh/77"));
  EXPECT_EQ(period_of(sized, true), 130);
  EXPECT_EQ(period_of(sized, false), 77);
  const VImage scaled = marked(picture, tiled("ok", "/uw/130/uh/77/resize/0.5"));
  EXPECT_EQ(period_of(scaled, true), 65);
  EXPECT_EQ(period_of(scaled, false), 39);
  const VImage large = marked(picture, tiled("ok", "/resize/2"));
  EXPECT_EQ(period_of(large, true), 200);
  // In the middle of its cell.
  const InkBox one =
      *ink_box(large.extract_area(0, 0, 200, 200), picture.extract_area(0, 0, 200, 200), 20);
  EXPECT_NEAR((one.left + one.right) / 2.0, 100, 2);
  EXPECT_NEAR((one.top + one.bottom) / 2.0, 100, 6);
}

TEST_F(WatermarkTextTest, TilesBeginWhereTheyAreMovedTo) {
  const VImage picture = ground(300, 300);
  const VImage plain = marked(picture, tiled("ok"));
  const VImage moved = marked(picture, tiled("ok", "/dx/13/dy/-29"));
  EXPECT_EQ(
      mean_difference(moved.extract_area(13, 0, 287, 271), plain.extract_area(0, 29, 287, 271)), 0);
}

TEST_F(WatermarkTextTest, ACellIsNeverSmallerThanItsText) {
  const VImage picture = ground(700, 500);
  const std::string words = "a rather long text";
  const Size box = box_of(words, "黑体", 20);
  ASSERT_GT(box.width, 100);
  const VImage image = marked(picture, tiled(words, "/fontsize/400/uw/10/uh/1"));
  EXPECT_EQ(period_of(image, true), box.width + 10);
  EXPECT_EQ(period_of(image, false), box.height + 10);
  // Nor larger than the picture.
  const VImage thumbnail = ground(60, 30);
  const InkBox ink = ink_of(thumbnail, tiled("ok", "/uw/500/uh/500"));
  EXPECT_NEAR((ink.left + ink.right) / 2.0, 30, 2);
  EXPECT_NEAR((ink.top + ink.bottom) / 2.0, 15, 3);
  // A text larger than the picture: its middle is seen, and nothing grows beyond bounds.
  const VImage small = ground(50, 20);
  EXPECT_TRUE(ink_box(marked(small, tiled("█████", "/fontsize/2000")), small));
}

TEST_F(WatermarkTextTest, TilesRiseWithANegativeAngle) {
  const VImage picture = ground(400, 400);
  const auto cell = [&](const std::string& angle) {
    return marked(picture, tiled("mmmmmmmm", "/uw/400/uh/400/fontsize/480/rotate/" + angle));
  };
  const VImage rising = cell("-45");
  const VImage falling = cell("45");
  const auto ink = [&](const VImage& image, int left, int top) {
    return ink_box(image.extract_area(left, top, 120, 120), picture.extract_area(0, 0, 120, 120),
                   20)
        .has_value();
  };
  // The quarters around the middle.
  EXPECT_TRUE(ink(rising, 80, 200) && ink(rising, 205, 75));
  EXPECT_FALSE(ink(rising, 80, 75) || ink(rising, 225, 225));
  EXPECT_TRUE(ink(falling, 80, 80) && ink(falling, 205, 205));
  const VImage half = cell("180");
  EXPECT_LT(mean_difference(half, cell("0").rot180()), 1.5);
  EXPECT_EQ(mean_difference(half, cell("-180")), 0);
}

TEST_F(WatermarkTextTest, MarksEveryFrameOfAnAnimation) {
  const std::vector<VImage> frames = {ground(90, 60), plain_grey(90, 60, 30)};
  VImage roll = VImage::arrayjoin(frames, VImage::option()->set("across", 1)).copy();
  roll.set("page-height", 60);
  roll.set("delay", std::vector<int>{100, 200});
  const std::string file = make_file(roll, ".gif");
  for (const std::string& pipeline : {text("H", "/fontsize/600"), tiled("H", "/uw/30/uh/30")}) {
    const auto variant = run_pipeline(file, pipeline);
    ASSERT_TRUE(variant) << variant.error().public_message;
    EXPECT_EQ(variant->outcome.frames, 2);
    const VImage made = VImage::new_from_buffer(variant->file.data(), variant->file.size(), "",
                                                VImage::option()->set("n", -1));
    ASSERT_EQ(made.height(), 120);
    const VImage colors = made.extract_band(0, VImage::option()->set("n", 3)).copy_memory();
    const auto first = ink_box(colors.extract_area(0, 0, 90, 60), frames[0], 30);
    const auto second = ink_box(colors.extract_area(0, 60, 90, 60), frames[1], 30);
    ASSERT_TRUE(first && second) << pipeline;
    EXPECT_EQ(first->left, second->left);
    EXPECT_EQ(first->bottom, second->bottom);
  }
}

TEST_F(WatermarkTextTest, StandsUprightAsThePictureIsSeen) {
  const VImage upright = decode(make_oriented_jpeg(200, 120, 1));
  const auto variant =
      run_pipeline(make_oriented_jpeg(200, 120, 6), text("H", "/fontsize/800/gravity/NorthWest"));
  ASSERT_TRUE(variant);
  const VImage image = decode(variant->file);
  ASSERT_EQ(image.width(), 200);
  const InkBox ink = *ink_box(image, upright, 110);
  EXPECT_LT(ink.right, 60);
  EXPECT_LT(ink.bottom, 70);
}

TEST_F(WatermarkTextTest, TheFileIsAsInOtherCommands) {
  const std::string jpeg = make_jpeg(80, 60);
  EXPECT_EQ(run_pipeline(jpeg, text("x"))->outcome.media_type, "image/jpeg");
  EXPECT_EQ(run_pipeline(jpeg, text("x", "/format/webp"))->outcome.media_type, "image/webp");
  EXPECT_LT(run_pipeline(jpeg, text("x", "/q/20"))->file.size(),
            run_pipeline(jpeg, text("x", "/q/90!"))->file.size());
  EXPECT_EQ(run_pipeline(make_file(ground(), ".png"), text("x"))->outcome.media_type, "image/png");
}

TEST_F(WatermarkTextTest, EveryBoundAndOnePastIt) {
  const std::string file = make_jpeg(64, 48);
  for (const std::string& good :
       {text("x", "/fontsize/1"), text("x", "/fontsize/20000"), text("x", "/dissolve/1"),
        text("x", "/dx/-30000"), text("x", "/dy/30000"), text(std::string(1'000, 'x')),
        tiled("x", "/rotate/180"), tiled("x", "/rotate/-180"), tiled("x", "/uw/1/uh/1"),
        tiled("x", "/uw/10000/uh/10000"), tiled("x", "/resize/0.1"), tiled("x", "/resize/10"),
        tiled("x", "/fontsize/2000/resize/10"), text("x", "/gravity/southeast")}) {
    EXPECT_EQ(reason_of(file, good), "") << good.substr(0, 80);
  }
  for (const std::string& bad : {text("x", "/fontsize/-1"),
                                 text("x", "/fontsize/20001"),
                                 text("x", "/dissolve/0"),
                                 text("x", "/dissolve/101"),
                                 text("x", "/dx/-30001"),
                                 text("x", "/dy/30001"),
                                 text(std::string(1'001, 'x')),
                                 std::string("watermark/2/text/"),
                                 tiled("x", "/rotate/181"),
                                 tiled("x", "/rotate/-181"),
                                 tiled("x", "/uw/0"),
                                 tiled("x", "/uh/0"),
                                 tiled("x", "/uw/10001"),
                                 tiled("x", "/uh/10001"),
                                 tiled("x", "/resize/0.09"),
                                 tiled("x", "/resize/0"),
                                 tiled("x", "/resize/10.1"),
                                 tiled("x", "/fontsize/2001/resize/10"),
                                 text("x", "/gravity/Middle"),
                                 text("x", "/fill/" + coded("mauve")),
                                 text("a\tb"),
                                 std::string("watermark"),
                                 std::string("watermark/2"),
                                 std::string("watermark/4"),
                                 std::string("watermark/3"),
                                 std::string("watermark/0/text/eA=="),
                                 std::string("watermark/7/text/eA==")}) {
    EXPECT_EQ(reason_of(file, bad), "bad_parameter") << bad.substr(0, 80);
  }
}

TEST_F(WatermarkTextTest, RefusesWhatSaysNothingAboutItsMark) {
  const std::string file = make_jpeg(64, 48);
  for (const std::string& bad :
       {text("x", "/rotate/10"), text("x", "/uw/10"), text("x", "/resize/1"),
        tiled("x", "/gravity/East"), text("x", "/text/" + coded("y")), text("x", "/dx/1/dx/1"),
        "watermark/3/dx/1/text/" + coded("x"), "watermark/3/text/" + coded("x") + "/dx/1/dx/2",
        "watermark/3/text/" + coded("x") + "/rotate/3", text("x", "/q/50/q/60")}) {
    EXPECT_EQ(reason_of(file, bad), "bad_parameter") << bad;
  }
}

TEST_F(WatermarkTextTest, MarksAreBounded) {
  const std::string file = make_jpeg(64, 48);
  std::string pipeline = "watermark/3";
  for (int i = 0; i < 32; ++i) pipeline += "/text/" + coded("x");
  EXPECT_EQ(reason_of(file, pipeline), "");
  EXPECT_EQ(reason_of(file, pipeline + "/text/" + coded("x")), "bad_parameter");
}

TEST_F(WatermarkTextTest, PlansTheSizeOfThePicture) {
  for (const std::string& pipeline : {text("x"), tiled("x"), "watermark/3/text/" + coded("x")}) {
    const auto checked = pipeline::Catalogue(test_worker().commands()).check(pipeline);
    ASSERT_TRUE(checked);
    const auto planned = test_worker().plan(*checked, {{64, 48}, 6});
    ASSERT_TRUE(planned && *planned);
    EXPECT_EQ(**planned, (Size{48, 64})) << pipeline;
  }
}

}  // namespace
}  // namespace millrace::workers::image
