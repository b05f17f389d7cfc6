// SPDX-License-Identifier: Apache-2.0

// Commands that need other pictures than the original: animate, montage, and compare with one.
#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/crypto.h"
#include "pipeline/picture.h"
#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"
#include "workers/image/other_picture.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;
using Color = std::array<double, 3>;

constexpr Color kRed = {200, 30, 30};
constexpr Color kGreen = {30, 160, 60};
constexpr Color kBlue = {40, 50, 200};

VImage plain(int width, int height, const Color& color) {
  return (VImage::black(width, height, VImage::option()->set("bands", 3)) +
          std::vector<double>(color.begin(), color.end()))
      .cast(VIPS_FORMAT_UCHAR)
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB))
      .copy_memory();
}

std::string plain_png(int width, int height, const Color& color) {
  return make_file(plain(width, height, color), ".png");
}

// "<name>/<base64 of kodo://b/<key>>…"
std::string keys(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += "/key/" + pipeline::picture_value("b", name);
  return text;
}

std::string numbered_keys(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += keys({std::to_string(i)});
  return text;
}

std::string refusal(const base::Result<Variant>& variant) {
  return variant ? "" : std::string(base::word_of(variant.error().reason));
}
std::string sentence(const base::Result<Variant>& variant) {
  return variant ? "" : variant.error().public_message;
}

// The colour in the middle of the area.
Color color_at(const VImage& image, int left, int top) {
  const std::vector<double> point = image.getpoint(left, top);
  return {point[0], point[1], point[2]};
}
void expect_color(const VImage& image, int left, int top, const Color& wanted, double tolerance) {
  const Color seen = color_at(image, left, top);
  for (std::size_t band = 0; band < 3; ++band) {
    EXPECT_NEAR(seen[band], wanted[band], tolerance) << "at " << left << ", " << top;
  }
}

// --- how they are read -------------------------------------------------------------------------

// A stage that has one other picture, called "o".
class OpenOtherTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
  ImageStage& with_other(std::string file, const ipc::RunLimits& limits = {}) {
    stage_.reset();
    other_ = std::move(file);
    inputs_ = {{pipeline::picture_value("b", "o"), std::as_bytes(std::span(other_))}};
    source_ = *read_source(std::as_bytes(std::span(original_)), {});
    stage_.emplace(*source_, limits, watch_, inputs_);
    return *stage_;
  }
  const std::string value_ = pipeline::picture_value("b", "o");

 private:
  std::string original_ = make_jpeg(16, 16);
  std::string other_;
  std::vector<OtherInput> inputs_;
  std::optional<Source> source_;
  TaskWatch watch_{base::Deadline::never(), std::chrono::hours(1), TaskWatch::clocks_of_process()};
  std::optional<ImageStage> stage_;
};

TEST_F(OpenOtherTest, GivesSrgbWithAlphaWhateverThePictureIs) {
  const VImage photo = make_photo(60, 40);
  const std::vector<std::string> files = {
      make_jpeg(60, 40, 95),
      make_oriented_jpeg(60, 40, 6),
      make_file(photo, ".png"),
      make_file(make_deep_photo(60, 40), ".png"),
      make_file(photo.colourspace(VIPS_INTERPRETATION_B_W), ".png"),
      make_file(make_photo_with_alpha(60, 40), ".png"),
      make_file(make_photo_with_alpha(60, 40).colourspace(VIPS_INTERPRETATION_B_W), ".png")};
  for (std::size_t i = 0; i < files.size(); ++i) {
    ImageStage& stage = with_other(files[i]);
    const auto size = size_of_other(stage, value_);
    ASSERT_TRUE(size) << i;
    EXPECT_EQ(*size, (Size{60, 40})) << i;
    const auto picture = open_other(stage, value_);
    ASSERT_TRUE(picture) << i << picture.error().public_message;
    EXPECT_EQ(picture->width(), 60) << i;
    EXPECT_EQ(picture->height(), 40) << i;
    EXPECT_EQ(picture->bands(), 4) << i;
    EXPECT_EQ(picture->format(), VIPS_FORMAT_UCHAR) << i;
    EXPECT_EQ(picture->interpretation(), VIPS_INTERPRETATION_sRGB) << i;
    const VImage colors = picture->extract_band(0, VImage::option()->set("n", 3));
    const bool gray = i == 4 || i == 6;
    const VImage wanted =
        gray ? photo.colourspace(VIPS_INTERPRETATION_B_W).colourspace(VIPS_INTERPRETATION_sRGB)
             : photo;
    EXPECT_LT(mean_delta_e(colors, wanted), 4) << i;
    EXPECT_EQ(picture->getpoint(0, 0).back() > 200, i < 5) << i << ": alpha at the corner";
  }
}

TEST_F(OpenOtherTest, ScalesAndCropsTheUprightPicture) {
  ImageStage& stage = with_other(make_oriented_jpeg(800, 600, 8));
  const auto picture = open_other(stage, value_, {{200, 150}, {20, 10, 100, 80}});
  ASSERT_TRUE(picture) << picture.error().public_message;
  ASSERT_EQ(picture->width(), 100);
  ASSERT_EQ(picture->height(), 80);
  const VImage wanted = make_photo(800, 600).resize(0.25).extract_area(20, 10, 100, 80);
  EXPECT_LT(mean_difference(picture->extract_band(0, VImage::option()->set("n", 3)), wanted), 6);
}

TEST_F(OpenOtherTest, TheStageStaysAsItIs) {
  ImageStage& stage = with_other(make_jpeg(60, 40));
  ASSERT_TRUE(open_other(stage, value_));
  EXPECT_TRUE(stage.untouched());
  EXPECT_EQ(stage.size(), (Size{16, 16}));
  EXPECT_EQ(stage.others_px(), 60U * 40U);
}

TEST_F(OpenOtherTest, WhatDidNotComeAlongIsNoCrash) {
  ImageStage& stage = with_other(make_jpeg(60, 40));
  const auto missing = open_other(stage, pipeline::picture_value("b", "another"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().reason, base::Reason::Internal);
}

// --- animate ----------------------------------------------------------------------------------

struct Gif {
  int frames = 0;
  int loops = -1;
  std::vector<int> delays_ms;
  VImage roll;
};

Gif read_gif(const std::string& file) {
  Gif gif;
  gif.roll = VImage::new_from_buffer(file.data(), file.size(), "", VImage::option()->set("n", -1));
  gif.frames = gif.roll.get_int(VIPS_META_N_PAGES);
  gif.loops = gif.roll.get_int("loop");
  gif.delays_ms = gif.roll.get_array_int("delay");
  return gif;
}

TEST(AnimateTest, ShowsTheSourceAndTheOthersInTheirOrder) {
  const auto variant = run_pipeline(plain_png(60, 40, kRed),
                                    "animate/duration/7/merge" + keys({"green", "blue", "green"}),
                                    {plain_png(60, 40, kGreen), plain_png(60, 40, kBlue)});
  ASSERT_TRUE(variant) << sentence(variant);
  EXPECT_EQ(variant->outcome.media_type, "image/gif");
  EXPECT_EQ(variant->outcome.width, 60);
  EXPECT_EQ(variant->outcome.height, 40);
  EXPECT_EQ(variant->outcome.frames, 4);
  const Gif gif = read_gif(variant->file);
  EXPECT_EQ(gif.frames, 4);
  EXPECT_EQ(gif.loops, 0) << "for ever";
  EXPECT_EQ(gif.delays_ms, std::vector<int>(4, 70));
  expect_color(gif.roll, 30, 20, kRed, 6);
  expect_color(gif.roll, 30, 60, kGreen, 6);
  expect_color(gif.roll, 30, 100, kBlue, 6);
  expect_color(gif.roll, 30, 140, kGreen, 6);
}

TEST(AnimateTest, EffectTurnsTheOrder) {
  const std::string rest = "duration/10/merge" + keys({"green", "blue"});
  const std::vector<std::string> others = {plain_png(20, 20, kGreen), plain_png(20, 20, kBlue)};
  const auto forward = run_pipeline(plain_png(20, 20, kRed), "animate/effect/0/" + rest, others);
  const auto reverse = run_pipeline(plain_png(20, 20, kRed), "animate/effect/1/" + rest, others);
  ASSERT_TRUE(forward && reverse);
  const Gif first = read_gif(forward->file);
  const Gif last = read_gif(reverse->file);
  expect_color(first.roll, 10, 10, kRed, 6);
  expect_color(first.roll, 10, 50, kBlue, 6);
  expect_color(last.roll, 10, 10, kBlue, 6);
  expect_color(last.roll, 10, 30, kGreen, 6);
  expect_color(last.roll, 10, 50, kRed, 6);
}

TEST(AnimateTest, FramesLookAsThePicturesDo) {
  const VImage photo = make_photo(120, 90);
  const VImage other = photo.rot180().copy_memory();
  const auto variant =
      run_pipeline(make_file(photo, ".png"), "animate/duration/20/merge" + keys({"o"}),
                   {make_file(other, ".png")});
  ASSERT_TRUE(variant) << sentence(variant);
  const Gif gif = read_gif(variant->file);
  const auto frame = [&gif](int index) {
    return gif.roll.extract_area(0, 90 * index, 120, 90).colourspace(VIPS_INTERPRETATION_sRGB);
  };
  // 256 colours for both.
  EXPECT_LT(mean_delta_e(frame(0).extract_band(0, VImage::option()->set("n", 3)), photo), 5);
  EXPECT_LT(mean_delta_e(frame(1).extract_band(0, VImage::option()->set("n", 3)), other), 5);
}

TEST(AnimateTest, TakesEveryDurationThatAGifCanSayAndNoOther) {
  const std::string red = plain_png(8, 8, kRed);
  const std::vector<std::string> others = {plain_png(8, 8, kBlue)};
  for (const int duration : {1, 65'535}) {
    const auto variant = run_pipeline(
        red, "animate/duration/" + std::to_string(duration) + "/merge" + keys({"b"}), others);
    ASSERT_TRUE(variant) << sentence(variant);
    EXPECT_EQ(read_gif(variant->file).delays_ms, std::vector<int>(2, duration * 10));
  }
  for (const char* duration : {"0", "65536", "-1", "1.5"}) {
    const std::string text = std::string("animate/duration/") + duration + "/merge" + keys({"b"});
    EXPECT_EQ(refusal(run_pipeline(red, text, others)), "bad_parameter") << duration;
  }
}

TEST(AnimateTest, TakesTwentyFramesAndNotOneMore) {
  std::vector<std::string> others(19, plain_png(16, 16, kBlue));
  const auto most =
      run_pipeline(plain_png(16, 16, kRed), "animate/duration/5/merge" + numbered_keys(19), others);
  ASSERT_TRUE(most) << sentence(most);
  EXPECT_EQ(read_gif(most->file).frames, 20);
  others.push_back(others.front());
  EXPECT_EQ(refusal(run_pipeline(plain_png(16, 16, kRed),
                                 "animate/duration/5/merge" + numbered_keys(20), others)),
            "bad_parameter");
}

TEST(AnimateTest, TakesSidesUpTo1080) {
  const std::string text = "animate/duration/5/merge" + keys({"o"});
  const auto large =
      run_pipeline(plain_png(1080, 1080, kRed), text, {plain_png(1080, 1080, kBlue)});
  EXPECT_TRUE(large) << sentence(large);
  for (const auto& [width, height] : {std::pair{1081, 100}, std::pair{100, 1081}}) {
    const auto variant =
        run_pipeline(plain_png(width, height, kRed), text, {plain_png(width, height, kBlue)});
    EXPECT_EQ(refusal(variant), "bad_parameter") << width;
    EXPECT_NE(sentence(variant).find("1080"), std::string::npos) << sentence(variant);
  }
}

TEST(AnimateTest, AllFramesHaveOneSize) {
  const auto variant =
      run_pipeline(plain_png(40, 30, kRed), "animate/duration/5/merge" + keys({"fits", "wrong"}),
                   {plain_png(40, 30, kBlue), plain_png(40, 31, kBlue)});
  EXPECT_EQ(refusal(variant), "bad_parameter");
  EXPECT_NE(sentence(variant).find("kodo://b/wrong"), std::string::npos) << sentence(variant);
  EXPECT_NE(sentence(variant).find("40x31"), std::string::npos);
  EXPECT_NE(sentence(variant).find("40x30"), std::string::npos);
}

TEST(AnimateTest, WhatIsMissingIsSaid) {
  const std::string red = plain_png(8, 8, kRed);
  EXPECT_EQ(refusal(run_pipeline(red, "animate/duration/5/merge", std::vector<std::string>{})),
            "bad_parameter");
  EXPECT_EQ(refusal(run_pipeline(red, "animate/merge" + keys({"b"}), {red})), "bad_parameter");
  EXPECT_EQ(refusal(run_pipeline(red, "animate/duration/5" + keys({"b"}), {red})), "bad_parameter");
  EXPECT_EQ(refusal(run_pipeline(red, "animate/duration/5/merge/effect/2" + keys({"b"}), {red})),
            "bad_parameter");
}

TEST(AnimateTest, FramesMayBeOfAnyKindAndAreUpright) {
  // Shown as 40x30, whatever is stored.
  const auto variant = run_pipeline(
      make_oriented_jpeg(40, 30, 6), "animate/duration/5/merge" + keys({"webp", "gray", "turned"}),
      {make_file(make_photo(40, 30), ".webp"),
       make_file(make_photo(40, 30).colourspace(VIPS_INTERPRETATION_B_W), ".png"),
       make_oriented_jpeg(40, 30, 8)});
  ASSERT_TRUE(variant) << sentence(variant);
  EXPECT_EQ(variant->outcome.width, 40);
  EXPECT_EQ(variant->outcome.height, 30);
  EXPECT_EQ(read_gif(variant->file).frames, 4);
}

TEST(AnimateTest, TransparencyStays) {
  const auto variant =
      run_pipeline(make_file(make_photo_with_alpha(64, 64), ".png"),
                   "animate/duration/5/merge" + keys({"o"}), {plain_png(64, 64, kBlue)});
  ASSERT_TRUE(variant) << sentence(variant);
  const Gif gif = read_gif(variant->file);
  ASSERT_TRUE(gif.roll.has_alpha());
  EXPECT_EQ(gif.roll.getpoint(0, 0).back(), 0) << "the corner fades out";
  EXPECT_EQ(gif.roll.getpoint(32, 96).back(), 255);
}

TEST(AnimateTest, CommandsBehindItSeeAllFrames) {
  const auto variant = run_pipeline(
      plain_png(60, 40, kRed),
      "animate/duration/9/merge" + keys({"o"}) + "|imageMogr2/thumbnail/30x/format/webp",
      {plain_png(60, 40, kBlue)});
  ASSERT_TRUE(variant) << sentence(variant);
  EXPECT_EQ(variant->outcome.media_type, "image/webp");
  EXPECT_EQ(variant->outcome.width, 30);
  EXPECT_EQ(variant->outcome.frames, 2);
  const auto info =
      run_pipeline(plain_png(60, 40, kRed), "animate/duration/9/merge" + keys({"o"}) + "|imageInfo",
                   {plain_png(60, 40, kBlue)});
  ASSERT_TRUE(info) << sentence(info);
  const auto told = nlohmann::json::parse(info->file);
  EXPECT_EQ(told["format"], "gif");
  EXPECT_EQ(told["frameNumber"], 2);
}

TEST(AnimateTest, ItsSourceMayBeWhatCommandsBeforeHaveMade) {
  const auto variant = run_pipeline(plain_png(120, 80, kRed),
                                    "imageView2/2/w/60|animate/duration/9/merge" + keys({"o"}),
                                    {plain_png(60, 40, kBlue)});
  ASSERT_TRUE(variant) << sentence(variant);
  EXPECT_EQ(read_gif(variant->file).frames, 2);
}

// --- montage ----------------------------------------------------------------------------------

TEST(MontageTest, LaysPicturesOutInRows) {
  const auto variant =
      run_pipeline(plain_png(100, 100, kRed),
                   "montage/columns/2/cell/50x40/gap/6/margin/10/background/" +
                       base::base64url_encode("#102030") + "/format/png" + keys({"green", "blue"}),
                   {plain_png(100, 100, kGreen), plain_png(40, 400, kBlue)});
  ASSERT_TRUE(variant) << sentence(variant);
  const VImage sheet = decode(variant->file);
  ASSERT_EQ(sheet.width(), 10 + 50 + 6 + 50 + 10);
  ASSERT_EQ(sheet.height(), 10 + 40 + 6 + 40 + 10);
  EXPECT_EQ(sheet.bands(), 3);
  const Color background = {0x10, 0x20, 0x30};
  expect_color(sheet, 35, 30, kRed, 2);  // the middle of the first cell
  expect_color(sheet, 10 + 56 + 25, 30, kGreen, 2);
  expect_color(sheet, 35, 10 + 46 + 20, kBlue, 2);
  expect_color(sheet, 12, 30, background, 0);  // beside a square of 40 in a cell of 50
  expect_color(sheet, 63, 30, background, 0);  // the gap
  expect_color(sheet, 5, 5, background, 0);    // the margin
  expect_color(sheet, 91, 76, background, 0);  // the cell that stays empty
  expect_color(sheet, 30, 76, background, 0);  // 40x400 is 4 px wide in there
}

TEST(MontageTest, CoverFillsItsCell) {
  const auto variant =
      run_pipeline(plain_png(100, 100, kRed),
                   "montage/cell/50x40/gap/0/margin/0/fit/cover/format/png" + keys({"blue"}),
                   {plain_png(300, 60, kBlue)});
  ASSERT_TRUE(variant) << sentence(variant);
  const VImage sheet = decode(variant->file);
  ASSERT_EQ(sheet.width(), 100);
  ASSERT_EQ(sheet.height(), 40);
  expect_color(sheet, 0, 0, kRed, 2);
  expect_color(sheet, 49, 39, kRed, 2);
  expect_color(sheet, 50, 0, kBlue, 2);
  expect_color(sheet, 99, 39, kBlue, 2);
}

TEST(MontageTest, NothingIsEnlarged) {
  const auto variant =
      run_pipeline(plain_png(10, 10, kRed),
                   "montage/cell/50x50/gap/0/margin/0/fit/cover/format/png" + keys({"blue"}),
                   {plain_png(10, 10, kBlue)});
  ASSERT_TRUE(variant) << sentence(variant);
  const VImage sheet = decode(variant->file);
  expect_color(sheet, 25, 25, kRed, 1);
  expect_color(sheet, 19, 25, {255, 255, 255}, 0);
  expect_color(sheet, 20, 25, kRed, 1);
  expect_color(sheet, 29, 25, kRed, 1);
  expect_color(sheet, 30, 25, {255, 255, 255}, 0);
}

TEST(MontageTest, LooksAsImageViewsSideBySide) {
  const VImage photo = make_photo(300, 200);
  const VImage other = photo.rot180().copy_memory();
  const auto sheet = run_pipeline(make_file(photo, ".png"),
                                  "montage/cell/90x60/gap/0/margin/0/format/png" + keys({"o"}),
                                  {make_file(other, ".png")});
  ASSERT_TRUE(sheet) << sentence(sheet);
  const VImage whole = decode(sheet->file);
  int left = 0;
  for (const VImage& picture : {photo, other}) {
    const auto view = run_pipeline(make_file(picture, ".png"), "imageView2/2/w/90/h/60");
    ASSERT_TRUE(view);
    EXPECT_LT(mean_delta_e(whole.extract_area(left, 0, 90, 60), decode(view->file)), 0.5);
    left += 90;
  }
}

TEST(MontageTest, IsAboutSquareWhenNobodySays) {
  for (const auto& [others, columns] :
       {std::pair{1, 2}, std::pair{2, 2}, std::pair{3, 2}, std::pair{4, 3}, std::pair{8, 3},
        std::pair{9, 4}, std::pair{20, 5}}) {
    const std::vector<std::string> files(static_cast<std::size_t>(others), plain_png(4, 4, kBlue));
    const auto variant = run_pipeline(
        plain_png(4, 4, kRed), "montage/cell/4x4/gap/0/margin/0" + numbered_keys(others), files);
    ASSERT_TRUE(variant) << sentence(variant);
    const int rows = (others + columns) / columns;
    EXPECT_EQ(variant->outcome.width, 4 * columns) << others;
    EXPECT_EQ(variant->outcome.height, 4 * rows) << others;
  }
}

TEST(MontageTest, DefaultsAreThoseOfThePage) {
  const auto variant =
      run_pipeline(plain_png(300, 300, kRed), "montage" + keys({"o"}), {plain_png(9, 9, kBlue)});
  ASSERT_TRUE(variant) << sentence(variant);
  EXPECT_EQ(variant->outcome.width, 4 + 200 + 4 + 200 + 4);
  EXPECT_EQ(variant->outcome.height, 4 + 200 + 4);
  EXPECT_EQ(variant->outcome.media_type, "image/png") << "the source's";
  expect_color(decode(variant->file), 1, 1, {255, 255, 255}, 0);
}

TEST(MontageTest, TransparencyShowsTheBackground) {
  const std::string clear = make_file(make_photo_with_alpha(60, 60), ".png");
  const std::string head = "montage/cell/60x60/gap/0/margin/0/format/png/background/";
  const auto green =
      run_pipeline(clear, head + base::base64url_encode("#00ff00") + keys({"o"}), {clear});
  ASSERT_TRUE(green) << sentence(green);
  const VImage opaque = decode(green->file);
  EXPECT_EQ(opaque.bands(), 3);
  expect_color(opaque, 0, 0, {0, 255, 0}, 4);
  const auto none =
      run_pipeline(clear, head + base::base64url_encode("transparent") + keys({"o"}), {clear});
  ASSERT_TRUE(none) << sentence(none);
  const VImage through = decode(none->file);
  ASSERT_EQ(through.bands(), 4);
  EXPECT_LT(through.getpoint(0, 0).back(), 10);
  EXPECT_GT(through.getpoint(30, 30).back(), 245);
}

TEST(MontageTest, EveryBoundAndOnePastIt) {
  const std::string red = plain_png(8, 8, kRed);
  const std::vector<std::string> blue = {plain_png(8, 8, kBlue)};
  const auto word = [&](const std::string& parameters) {
    return refusal(run_pipeline(red, "montage/" + parameters + keys({"b"}), blue));
  };
  for (const char* good : {"columns/1", "columns/21", "cell/1x1", "cell/2000x2000", "gap/0",
                           "gap/200", "margin/0", "margin/200", "fit/contain", "fit/cover"}) {
    const std::string small = std::string(good).starts_with("columns") ? "/cell/2x2" : "";
    EXPECT_EQ(word(good + small), "") << good;
  }
  for (const char* bad : {"columns/0", "columns/22", "cell/0x1", "cell/1x2001", "gap/-1", "gap/201",
                          "margin/201", "fit/fill", "background/red", "cell/20"}) {
    EXPECT_EQ(word(bad), "bad_parameter") << bad;
  }
  EXPECT_EQ(refusal(run_pipeline(red, "montage/columns/2", std::vector<std::string>{})),
            "bad_parameter")
      << "a sheet of one";
  const std::vector<std::string> many(20, blue.front());
  EXPECT_EQ(refusal(run_pipeline(red, "montage/cell/2x2" + numbered_keys(20), many)), "");
  EXPECT_EQ(refusal(run_pipeline(red, "montage/cell/2x2" + numbered_keys(21),
                                 std::vector<std::string>(21, blue.front()))),
            "bad_parameter");
}

TEST(MontageTest, ASheetThatIsTooLargeIsRefusedBeforeAnythingIsDecoded) {
  const std::string cut = make_jpeg(640, 480).substr(0, 3'000);
  const std::vector<std::string> files(8, cut);
  const auto variant = run_pipeline(cut, "montage/cell/2000x2000" + numbered_keys(8), files);
  EXPECT_EQ(refusal(variant), "result_too_large") << sentence(variant);
}

// --- compare with ------------------------------------------------------------------------------

double ssim_of(const std::string& source, const std::string& pipeline, const std::string& other) {
  const auto variant = run_pipeline(source, pipeline, {other});
  EXPECT_TRUE(variant) << sentence(variant);
  if (!variant) return -2;
  const auto told = nlohmann::json::parse(variant->file);
  EXPECT_FALSE(variant->outcome.cacheable_by_clients);
  EXPECT_NEAR(told["dssim"].get<double>(), (1 - told["ssim"].get<double>()) / 2, 2e-6);
  return told["ssim"];
}

const std::string kWith = "compare/with/" + pipeline::picture_value("b", "o");

TEST(CompareWithTest, EqualPicturesAreAlikeAndOthersAreNot) {
  const VImage photo = make_photo(160, 120);
  const std::string png = make_file(photo, ".png");
  EXPECT_EQ(ssim_of(png, kWith, png), 1);
  EXPECT_EQ(ssim_of(png, kWith, make_file(photo, ".webp[lossless]")), 1);
  const double worse = ssim_of(png, kWith, make_file(photo, ".jpg[Q=20]"));
  const double better = ssim_of(png, kWith, make_file(photo, ".jpg[Q=90]"));
  EXPECT_LT(worse, better);
  EXPECT_LT(better, 1);
  EXPECT_LT(ssim_of(png, kWith, make_file(photo.rot180().copy_memory(), ".png")), 0.6);
}

TEST(CompareWithTest, ComparesWhatCommandsBeforeHaveMade) {
  const VImage photo = make_photo(160, 120);
  const std::string source = make_file(photo, ".png");
  const auto small = run_pipeline(source, "imageView2/2/w/80/format/png");
  ASSERT_TRUE(small);
  EXPECT_EQ(ssim_of(source, "imageView2/2/w/80/format/png|" + kWith, small->file), 1);
  EXPECT_LT(ssim_of(source, "imageView2/2/w/80/format/jpg/q/30|" + kWith, small->file), 0.999);
}

TEST(CompareWithTest, BothAreUpright) {
  const std::string turned = make_oriented_jpeg(80, 60, 6);
  EXPECT_GT(ssim_of(turned, kWith, make_oriented_jpeg(80, 60, 3)), 0.9);
}

TEST(CompareWithTest, SizesMustBeEqual) {
  const auto variant = run_pipeline(plain_png(40, 30, kRed), kWith, {plain_png(30, 40, kRed)});
  EXPECT_EQ(refusal(variant), "bad_parameter");
  EXPECT_NE(sentence(variant).find("30x40"), std::string::npos) << sentence(variant);
  EXPECT_NE(sentence(variant).find("40x30"), std::string::npos);
}

// --- what others may do ------------------------------------------------------------------------

class HostileOtherTest : public ::testing::TestWithParam<std::string> {
 protected:
  [[nodiscard]] base::Result<Variant> run(const std::string& other,
                                          const ipc::RunLimits& limits = {}) const {
    return run_pipeline(make_jpeg(64, 48), GetParam(), {other}, limits);
  }
};

INSTANTIATE_TEST_SUITE_P(Commands, HostileOtherTest,
                         ::testing::Values("animate/duration/5/merge" + keys({"o"}),
                                           "montage" + keys({"o"}), kWith));

TEST_P(HostileOtherTest, ATextIsUnsupportedAndNamed) {
  const auto variant = run("no picture at all");
  EXPECT_EQ(refusal(variant), "unsupported_media");
  EXPECT_NE(sentence(variant).find("kodo://b/o"), std::string::npos) << sentence(variant);
}

TEST_P(HostileOtherTest, AnEmptyFileIsUnsupported) {
  EXPECT_EQ(refusal(run("")), "unsupported_media");
}

TEST_P(HostileOtherTest, ATruncatedFileIsCorruptAndNamed) {
  for (const std::string& whole : {make_jpeg(64, 48), make_file(make_photo(64, 48), ".png"),
                                   make_file(make_photo(64, 48), ".webp")}) {
    const auto variant = run(whole.substr(0, whole.size() * 2 / 3));
    EXPECT_EQ(refusal(variant), "corrupt_media") << sentence(variant);
    EXPECT_NE(sentence(variant).find("kodo://b/o"), std::string::npos) << sentence(variant);
  }
}

TEST_P(HostileOtherTest, ABombCostsAHeader) {
  ipc::RunLimits limits;
  limits.source_max = base::Pixels{100'000};
  const auto variant = run(plain_png(1'000, 1'000, kRed), limits);
  EXPECT_EQ(refusal(variant), "too_many_pixels") << sentence(variant);
  EXPECT_NE(sentence(variant).find("kodo://b/o"), std::string::npos) << sentence(variant);
}

}  // namespace
}  // namespace millrace::workers::image
