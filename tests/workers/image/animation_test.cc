// SPDX-License-Identifier: Apache-2.0

// Animations: every frame is processed, and when and how often it is shown is kept.
#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/workers/image/jxl_maker.h"
#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;
using Color = std::vector<double>;

struct Animation {
  std::vector<VImage> frames;  // 8-bit sRGB
  std::vector<int> delays_ms;
  int loops = 0;
};

VImage plain(int width, int height, const Color& color) {
  return (VImage::black(width, height, VImage::option()->set("bands", 3)) + color)
      .cast(VIPS_FORMAT_UCHAR)
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB))
      .copy_memory();
}

// Four frames that tell themselves apart.
Animation sample(int width = 80, int height = 60) {
  const VImage photo = make_photo(width, height);
  return {{photo, photo.invert().copy_memory(), plain(width, height, {200, 40, 40}),
           photo.rot180().copy_memory()},
          {40, 120, 70, 200},
          3};
}

std::string animation_file(const Animation& animation, const std::string& kind) {
  if (kind == "jxl") {
    JxlRecipe recipe;
    recipe.width = static_cast<std::uint32_t>(animation.frames[0].width());
    recipe.height = static_cast<std::uint32_t>(animation.frames[0].height());
    recipe.loops = static_cast<std::uint32_t>(animation.loops);
    for (const VImage& frame : animation.frames) {
      const VImage memory = frame.copy_memory();
      const auto* pixels = static_cast<const std::uint8_t*>(memory.data());
      recipe.frames.emplace_back(pixels, pixels + VIPS_IMAGE_SIZEOF_IMAGE(memory.get_image()));
    }
    recipe.delays_ms.assign(animation.delays_ms.begin(), animation.delays_ms.end());
    return make_jxl(recipe);
  }
  VImage roll = VImage::arrayjoin(animation.frames, VImage::option()->set("across", 1)).copy();
  roll.set("page-height", animation.frames[0].height());
  roll.set("delay", animation.delays_ms);
  roll.set("loop", animation.loops);
  return make_file(roll, kind == "webp" ? ".webp[lossless]" : ".gif[dither=0]");
}

// As libvips sees the file.
Animation read_animation(const std::string& file) {
  const VImage roll =
      VImage::new_from_buffer(file.data(), file.size(), "", VImage::option()->set("n", -1))
          .copy_memory();
  Animation animation;
  const int height =
      roll.get_typeof("page-height") != 0 ? roll.get_int("page-height") : roll.height();
  for (int top = 0; top < roll.height(); top += height) {
    const VImage frame = roll.extract_area(0, top, roll.width(), height);
    animation.frames.push_back(
        (frame.bands() < 3 ? frame.colourspace(VIPS_INTERPRETATION_sRGB) : frame).copy_memory());
  }
  if (roll.get_typeof("delay") != 0) animation.delays_ms = roll.get_array_int("delay");
  if (roll.get_typeof("loop") != 0) animation.loops = roll.get_int("loop");
  return animation;
}

VImage opaque(const VImage& image) {
  return image.extract_band(0, VImage::option()->set("n", 3)).copy_memory();
}

class AnimationTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
  static Animation result_of(const std::string& file, const std::string& pipeline) {
    const auto variant = run_pipeline(file, pipeline);
    if (!variant) {
      ADD_FAILURE() << variant.error().public_message << " " << variant.error().detail;
      return {{VImage::black(1, 1)}, {}, 0};
    }
    Animation animation = read_animation(variant->file);
    EXPECT_EQ(variant->outcome.frames, static_cast<std::int64_t>(animation.frames.size()));
    EXPECT_EQ(variant->outcome.height, animation.frames[0].height());
    EXPECT_EQ(variant->outcome.width, animation.frames[0].width());
    return animation;
  }
};

class AnimatedFormatsTest
    : public AnimationTest,
      public testing::WithParamInterface<std::tuple<std::string, std::string>> {};

TEST_P(AnimatedFormatsTest, KeepsFramesDelaysAndLoops) {
  const auto& [from, to] = GetParam();
  const Animation source = sample();
  const std::string file = animation_file(source, from);
  const auto seen = probe(file);
  ASSERT_TRUE(seen);
  ASSERT_EQ(seen->frames, 4);
  const Animation made = result_of(file, "imageView2/2/w/40/format/" + to);
  ASSERT_EQ(made.frames.size(), 4U);
  EXPECT_EQ(made.delays_ms, source.delays_ms);
  EXPECT_EQ(made.loops, 3);
  for (std::size_t i = 0; i < made.frames.size(); ++i) {
    ASSERT_EQ(made.frames[i].width(), 40);
    ASSERT_EQ(made.frames[i].height(), 30);
    // A palette costs most.
    EXPECT_LT(mean_difference(opaque(made.frames[i]), source.frames[i].resize(0.5)),
              from == "gif" || to == "gif" ? 14.0 : 8.0)
        << i;
  }
}

INSTANTIATE_TEST_SUITE_P(All, AnimatedFormatsTest,
                         testing::Combine(testing::Values("gif", "webp", "jxl"),
                                          testing::Values("gif", "webp")),
                         [](const auto& test) {
                           return std::get<0>(test.param) + "_to_" + std::get<1>(test.param);
                         });

TEST_F(AnimationTest, AStaticFormatTakesTheFirstFrame) {
  const Animation source = sample();
  for (const char* format : {"jpg", "png", "avif", "tiff"}) {
    const auto variant = run_pipeline(animation_file(source, "webp"),
                                      std::string("imageView2/2/w/40/format/") + format);
    ASSERT_TRUE(variant) << variant.error().public_message;
    EXPECT_EQ(variant->outcome.frames, 1);
    EXPECT_LT(mean_difference(opaque(decode(variant->file)), source.frames[0].resize(0.5)), 8.0)
        << format;
  }
}

TEST_F(AnimationTest, TheSourcesOwnFormatStaysAnimated) {
  for (const char* kind : {"gif", "webp"}) {
    EXPECT_EQ(result_of(animation_file(sample(), kind), "imageView2/2/w/40").frames.size(), 4U);
  }
  // JPEG XL is not written as an animation: what stands for it is a still picture.
  const auto variant = run_pipeline(animation_file(sample(), "jxl"), "imageView2/2/w/40");
  ASSERT_TRUE(variant);
  EXPECT_EQ(variant->outcome.frames, 1);
}

TEST_F(AnimationTest, FramesDoNotRunIntoEachOther) {
  const Animation source = {
      {plain(40, 40, {255, 255, 255}), plain(40, 40, {0, 0, 0}), plain(40, 40, {255, 255, 255})},
      {50, 50, 50},
      0};
  const Animation made = result_of(animation_file(source, "webp"), "imageView2/2/w/17/lossless/1");
  ASSERT_EQ(made.frames.size(), 3U);
  EXPECT_EQ(opaque(made.frames[0]).min(), 255);
  EXPECT_EQ(opaque(made.frames[1]).max(), 0);
  EXPECT_EQ(opaque(made.frames[2]).min(), 255);
}

TEST_F(AnimationTest, EachFrameIsCropped) {
  Animation source = sample();
  const Animation made =
      result_of(animation_file(source, "webp"), "imageView2/1/w/30/h/30/lossless/1");
  ASSERT_EQ(made.frames.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_LT(mean_difference(opaque(made.frames[i]),
                              source.frames[i].resize(0.5).extract_area(5, 0, 30, 30)),
              1.0)
        << i;
  }
}

TEST_F(AnimationTest, TransparencyStays) {
  const VImage soft = make_photo_with_alpha(60, 40);
  const Animation source = {{soft, soft.fliphor().copy_memory()}, {50, 60}, 0};
  const Animation webp = result_of(animation_file(source, "webp"), "imageView2/2/w/30");
  ASSERT_EQ(webp.frames.size(), 2U);
  ASSERT_EQ(webp.frames[1].bands(), 4);
  EXPECT_LT(
      mean_difference(webp.frames[1].extract_band(3), soft.fliphor().extract_band(3).resize(0.5)),
      3.0);
  const Animation gif = result_of(animation_file(source, "webp"), "imageView2/2/w/30/format/gif");
  ASSERT_EQ(gif.frames[0].bands(), 4);
  EXPECT_EQ(gif.frames[0](0, 0)[3], 0);
  EXPECT_EQ(gif.frames[0](15, 10)[3], 255);
}

TEST_F(AnimationTest, GoesOnThroughAPipelineUntilAStillFormat) {
  const std::string file = animation_file(sample(), "gif");
  EXPECT_EQ(result_of(file, "imageView2/2/w/40/format/webp|imageView2/1/w/20/h/20").frames.size(),
            4U);
  EXPECT_EQ(
      result_of(file, "imageView2/2/w/40/format/png|imageView2/2/w/20/format/gif").frames.size(),
      1U);
  EXPECT_EQ(result_of(file, "page/2|imageView2/2/w/40").frames.size(), 1U);
}

TEST_F(AnimationTest, ADelayThatBrowsersDoNotKeepIsSaidAsTheyKeepIt) {
  Animation source = sample();
  source.delays_ms = {0, 10, 20, 100};
  source.loops = 0;
  const std::string file = animation_file(source, "gif");
  const Animation gif = result_of(file, "imageView2/2/w/40");
  EXPECT_EQ(gif.delays_ms, source.delays_ms);
  EXPECT_EQ(gif.loops, 0);
  const Animation webp = result_of(file, "imageView2/2/w/40/format/webp");
  EXPECT_EQ(webp.delays_ms, (std::vector<int>{100, 100, 20, 100}));
  EXPECT_EQ(webp.loops, 0);
}

TEST_F(AnimationTest, ImageInfoTellsOfTheResult) {
  const auto variant =
      run_pipeline(animation_file(sample(), "webp"), "imageView2/2/w/40/format/gif|imageInfo");
  ASSERT_TRUE(variant);
  const auto document = nlohmann::json::parse(variant->file);
  EXPECT_EQ(document["frameNumber"], 4);
  EXPECT_EQ(document["height"], 30);
}

Animation many(int count, int width, int height) {
  Animation animation;
  for (int i = 0; i < count; ++i) {
    animation.frames.push_back(
        plain(width, height, i % 2 == 0 ? Color{255, 0, 0} : Color{0, 0, 255}));
    animation.delays_ms.push_back(20);
  }
  return animation;
}

TEST_F(AnimationTest, AnimatedWebpHasFiftyFramesAtMost) {
  const std::string fifty_one = animation_file(many(51, 8, 8), "webp");
  EXPECT_EQ(reason_of(animation_file(many(50, 8, 8), "webp"), "imageView2/2/w/4"), "");
  EXPECT_EQ(reason_of(fifty_one, "imageView2/2/w/4"), "too_many_frames");
  EXPECT_EQ(reason_of(fifty_one, "imageView2/2/w/4/format/png"), "");
  ipc::RunLimits jobs;
  jobs.frames_max = 500;
  EXPECT_EQ(reason_of(fifty_one, "imageView2/2/w/4", jobs), "");
  EXPECT_EQ(reason_of(animation_file(many(51, 8, 8), "gif"), "imageView2/2/w/4/format/webp"), "");
}

TEST_F(AnimationTest, AnimatedWebpIs999PxWideAtMost) {
  const std::string file = animation_file(many(2, 1000, 8), "webp");
  EXPECT_EQ(reason_of(file, "imageView2/2/w/1000"), "result_too_large");
  EXPECT_EQ(reason_of(file, "imageView2/2/w/999"), "");
  EXPECT_EQ(reason_of(file, "imageView2/2/w/1000/format/jpg"), "");
  EXPECT_EQ(reason_of(animation_file(many(2, 1000, 8), "gif"), "imageView2/2/w/1000"), "");
}

TEST_F(AnimationTest, ThePixelsOfAllFramesAreBounded) {
  // 35 frames of 949x949 are 31,521,035 px, of 948x948 they are less than 31,500,000.
  const std::string file = animation_file(many(35, 949, 949), "webp");
  EXPECT_EQ(reason_of(file, "imageView2/0/format/webp"), "result_too_large");
  EXPECT_EQ(reason_of(file, "imageView2/2/w/948"), "");
}

TEST_F(AnimationTest, AFrameThatIsDamagedIsAnError) {
  const std::string file = animation_file(sample(), "webp");
  EXPECT_EQ(reason_of(file.substr(0, file.size() - file.size() / 8), "imageView2/2/w/40"),
            "corrupt_media");
}

}  // namespace
}  // namespace millrace::workers::image
