// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"

namespace millrace::workers::image {
namespace {

class ImageInfoTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
  static nlohmann::json info(const std::string& file, const std::string& pipeline = "imageInfo") {
    const auto variant = run_pipeline(file, pipeline);
    EXPECT_TRUE(variant);
    if (!variant) return {};
    EXPECT_EQ(variant->outcome.media_type, "application/json");
    EXPECT_FALSE(variant->outcome.cacheable_by_clients);
    return nlohmann::json::parse(variant->file);
  }
};

TEST_F(ImageInfoTest, TellsOfAJpegWhatTheReferenceTells) {
  const std::string file = make_jpeg(640, 427);
  const nlohmann::json expected = {{"size", file.size()},   {"format", "jpeg"},
                                   {"width", 640},          {"height", 427},
                                   {"colorModel", "ycbcr"}, {"orientation", "Top-left"}};
  nlohmann::json found = info(file);
  // libvips writes the tag into every JPEG; the reference has it only where the file does.
  EXPECT_EQ(found, expected);
}

TEST_F(ImageInfoTest, NamesTheColorModel) {
  const auto model = [](const vips::VImage& image, const char* suffix) {
    return info(make_file(image, suffix))["colorModel"].get<std::string>();
  };
  const vips::VImage photo = make_photo(30, 20);
  const vips::VImage alpha = make_photo_with_alpha(30, 20);
  const vips::VImage grey = photo.colourspace(VIPS_INTERPRETATION_B_W);
  EXPECT_EQ(model(grey, ".jpg"), "gray");
  EXPECT_EQ(model(photo, ".png"), "rgba");
  EXPECT_EQ(model(alpha, ".png"), "nrgba");
  EXPECT_EQ(model(grey, ".png"), "gray");
  EXPECT_EQ(model(make_deep_photo(30, 20), ".png"), "rgba64");
  EXPECT_EQ(model(photo, ".webp"), "ycbcr");
  EXPECT_EQ(model(alpha, ".webp"), "nycbcra");
  EXPECT_EQ(model(photo, ".webp[lossless]"), "nrgba");
  EXPECT_EQ(model(photo, ".png[palette,bitdepth=4]"), "palette16");
  EXPECT_EQ(model(photo, ".tif"), "rgba");
}

TEST_F(ImageInfoTest, CountsTheFramesOfAGif) {
  const vips::VImage first = make_photo(30, 20);
  vips::VImage frames = vips::VImage::arrayjoin({first, first.invert(), first},
                                                vips::VImage::option()->set("across", 1))
                            .copy();
  frames.set("page-height", 20);
  const nlohmann::json found = info(make_file(frames, ".gif"));
  EXPECT_EQ(found["frameNumber"], 3);
  EXPECT_EQ(found["height"], 20);
  EXPECT_FALSE(info(make_jpeg(30, 20)).contains("frameNumber"));
}

TEST_F(ImageInfoTest, SaysHowThePictureLies) {
  const nlohmann::json found = info(make_oriented_jpeg(64, 32, 6));
  EXPECT_EQ(found["orientation"], "Right-top");
  EXPECT_EQ(found["width"], 32);  // as stored
}

TEST_F(ImageInfoTest, AfterACommandItTellsOfItsResult) {
  const std::string file = make_jpeg(640, 427);
  const nlohmann::json found = info(file, "imageView2/1/w/200/h/100/format/png|imageInfo");
  EXPECT_EQ(found["format"], "png");
  EXPECT_EQ(found["width"], 200);
  EXPECT_EQ(found["height"], 100);
  const auto variant = run_pipeline(file, "imageView2/1/w/200/h/100/format/png");
  ASSERT_TRUE(variant);
  EXPECT_EQ(found["size"], variant->file.size());
}

TEST_F(ImageInfoTest, NothingComesAfterADocument) {
  EXPECT_EQ(reason_of(make_jpeg(64, 48), "imageInfo|imageView2/2/w/10"), "bad_parameter");
}

TEST_F(ImageInfoTest, TakesNoParameters) {
  EXPECT_EQ(reason_of(make_jpeg(64, 48), "imageInfo/1"), "bad_parameter");
}

}  // namespace
}  // namespace millrace::workers::image
