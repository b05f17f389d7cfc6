// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "pipeline/picture.h"
#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

// Lossy coding at the default quality moves a band by a few steps of 255 on these pictures; a wrong
// crop, a wrong turn or a shift by a pixel moves it by tens.
constexpr double kLossyDifferenceMax = 9.0;

struct Case {
  const char* name;
  const char* pipeline;
  int source_width;
  int source_height;
  int width;
  int height;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class ImageView2Test : public testing::TestWithParam<Case> {
 protected:
  static void SetUpTestSuite() { test_worker(); }
};

// The size by the reference; the pixels by libvips: scaled and cropped here, without the worker.
TEST_P(ImageView2Test, MakesThePictureOfTheReference) {
  const Case& c = GetParam();
  const std::string source = make_jpeg(c.source_width, c.source_height, 95);
  const auto variant = run_pipeline(source, c.pipeline);
  ASSERT_TRUE(variant) << variant.error().public_message;
  EXPECT_EQ(variant->outcome.width, c.width);
  EXPECT_EQ(variant->outcome.height, c.height);
  const VImage made = decode(variant->file);
  EXPECT_EQ(made.width(), c.width);
  EXPECT_EQ(made.height(), c.height);

  const VImage whole = decode(source);
  const double scale = std::max(static_cast<double>(c.width) / c.source_width,
                                static_cast<double>(c.height) / c.source_height);
  const VImage scaled = scale < 1.0 ? whole.resize(scale) : whole;
  const VImage expected = scaled.extract_area((scaled.width() - c.width) / 2,
                                              (scaled.height() - c.height) / 2, c.width, c.height);
  EXPECT_LT(mean_difference(made, expected), kLossyDifferenceMax);
}

INSTANTIATE_TEST_SUITE_P(
    Reference, ImageView2Test,
    testing::Values(Case{"C01", "imageView2/1/w/200/h/200", 640, 427, 200, 200},
                    Case{"C02", "imageView2/2/w/200", 640, 427, 200, 133},
                    Case{"C03", "imageView2/2/h/200", 640, 427, 300, 200},
                    Case{"C04", "imageView2/0/w/48/h/48", 640, 427, 48, 32},
                    Case{"C05", "imageView2/0/w/200/h/100", 427, 640, 100, 150},
                    Case{"C06", "imageView2/1/w/200", 640, 427, 200, 200},
                    Case{"C07", "imageView2/2/w/1000/h/1000", 640, 427, 640, 427},
                    Case{"C08", "imageView2/3/w/200/h/200", 640, 427, 300, 200},
                    Case{"C09", "imageView2/4/w/300/h/200", 427, 640, 200, 300},
                    Case{"C10", "imageView2/5/w/200", 640, 427, 200, 200},
                    Case{"C11", "imageView2/1/w/500/h/400", 1000, 500, 500, 400},
                    Case{"C12", "imageView2/2/w/500/h/400", 1000, 500, 500, 250},
                    Case{"C13", "imageView2/3/w/500/h/400", 1000, 500, 800, 400},
                    Case{"ShrinkOnLoadBy8", "imageView2/1/w/60/h/90", 2000, 1500, 60, 90},
                    Case{"NarrowCrop", "imageView2/1/w/20/h/300", 900, 600, 20, 300},
                    Case{"OfOldCrops", "imageView/1/w/200/h/200", 640, 427, 200, 200},
                    Case{"OfOldFits", "imageView/2/w/200", 640, 427, 200, 133},
                    Case{"OnlyConverted", "imageView2/0/format/jpg", 321, 123, 321, 123}),
    [](const auto& test) { return test.param.name; });

TEST(ImageView2ParametersTest, PngInterlacedKeepsItsSizeAndIsAPng) {
  const auto variant =
      run_pipeline(make_jpeg(640, 427), "imageView2/2/w/200/format/png/interlace/1");
  ASSERT_TRUE(variant);
  EXPECT_EQ(variant->outcome.media_type, "image/png");
  EXPECT_EQ(variant->file.substr(1, 3), "PNG");
  EXPECT_EQ(variant->file[28], 1);  // IHDR's interlace method: Adam7
  EXPECT_EQ(decode(variant->file).height(), 133);
}

TEST(ImageView2ParametersTest, InterlaceMakesAProgressiveJpeg) {
  const std::string source = make_jpeg(320, 200);
  const auto plain = run_pipeline(source, "imageView2/2/w/200");
  const auto progressive = run_pipeline(source, "imageView2/2/w/200/interlace/1");
  ASSERT_TRUE(plain && progressive);
  EXPECT_NE(plain->file.find("\xFF\xC0"), std::string::npos);
  EXPECT_EQ(plain->file.find("\xFF\xC2"), std::string::npos);
  EXPECT_NE(progressive->file.find("\xFF\xC2"), std::string::npos);
}

TEST(ImageView2ParametersTest, QualityGrowsTheFile) {
  const std::string source = make_file(make_photo(400, 300), ".png");
  const auto size_at = [&source](const std::string& q) {
    const auto variant = run_pipeline(source, "imageView2/2/w/300/format/jpg/q/" + q);
    return variant ? variant->file.size() : 0U;
  };
  EXPECT_LT(size_at("30"), size_at("75"));
  EXPECT_LT(size_at("75"), size_at("95"));
}

TEST(ImageView2ParametersTest, TheOldCommandHasQuality85) {
  const std::string source = make_file(make_photo(400, 300), ".png");
  const auto file = [&source](const char* pipeline) {
    return run_pipeline(source, pipeline)->file;
  };
  EXPECT_EQ(file("imageView/2/w/200/format/jpg"), file("imageView2/2/w/200/format/jpg/q/85"));
  EXPECT_EQ(file("imageView/2/w/200/q/60/format/jpg"), file("imageView2/2/w/200/format/jpg/q/60"));
  const auto without_sides = run_pipeline(source, "imageView/2/format/jpg");
  ASSERT_FALSE(without_sides);
  EXPECT_EQ(without_sides.error().reason, base::Reason::BadParameter);
  const pipeline::Catalogue catalogue(test_worker().commands());
  EXPECT_FALSE(catalogue.check("imageView/0/w/200"));
  EXPECT_FALSE(catalogue.check("imageView/3/w/200"));
}

TEST(ImageView2ParametersTest, SpendsNoMoreQualityThanAJpegSourceHasUnlessForced) {
  const std::string source = make_jpeg(300, 200, 30);
  const auto corrected = run_pipeline(source, "imageView2/2/w/300/q/90");
  const auto forced = run_pipeline(source, "imageView2/2/w/300/q/90!");
  ASSERT_TRUE(corrected && forced);
  EXPECT_LT(corrected->file.size() * 2, forced->file.size());
}

TEST(ImageView2ParametersTest, ColorsBoundThePalette) {
  const std::string source = make_file(make_photo(120, 80), ".png");
  for (const int colors : {2, 8, 32, 128, 256}) {
    for (const char* format : {"png", "gif"}) {
      const auto variant = run_pipeline(source, "imageView2/2/w/100/format/" + std::string(format) +
                                                    "/colors/" + std::to_string(colors));
      ASSERT_TRUE(variant) << variant.error().public_message << variant.error().detail;
      const VImage image = decode(variant->file).extract_band(0, VImage::option()->set("n", 3));
      std::size_t bytes = 0;
      void* data = image.write_to_memory(&bytes);
      const auto* pixels = static_cast<const unsigned char*>(data);
      std::set<std::array<unsigned char, 3>> found;
      for (std::size_t i = 0; i + 2 < bytes; i += 3)
        found.insert({pixels[i], pixels[i + 1], pixels[i + 2]});
      g_free(data);
      EXPECT_LE(found.size(), static_cast<std::size_t>(colors)) << format;
      EXPECT_GE(found.size(), static_cast<std::size_t>(colors) / 3) << format;
    }
  }
}

TEST(ImageView2ParametersTest, AGifOfAGifHas128Colors) {
  const std::string source = make_file(make_photo(160, 120), ".gif");
  const auto variant = run_pipeline(source, "imageView2/2/w/120");
  ASSERT_TRUE(variant);
  EXPECT_EQ(variant->outcome.media_type, "image/gif");
  EXPECT_LE(2 << (static_cast<unsigned char>(variant->file[10]) & 7), 128);
}

TEST(ImageView2ParametersTest, FormatIsChosenInAnyCase) {
  const auto variant = run_pipeline(make_jpeg(64, 48), "imageView2/0/format/PNG");
  ASSERT_TRUE(variant);
  EXPECT_EQ(variant->outcome.media_type, "image/png");
}

TEST(ImageView2ParametersTest, RefusesWhatItDoesNotKnow) {
  const std::string source = make_jpeg(64, 48);
  for (const char* pipeline :
       {"imageView2/9/w/1", "imageView2/2/w/0", "imageView2/2/w/-1", "imageView2/2/w/x",
        "imageView2/2/q/0", "imageView2/2/q/101", "imageView2/2/format/psd",
        "imageView2/2/w/1/colors/3", "imageView2", "imageView2/2/unknown/1",
        "imageView2/2/w/10/w/20", "imageView2/2"}) {
    EXPECT_EQ(reason_of(source, pipeline), "bad_parameter") << pipeline;
  }
  EXPECT_EQ(reason_of(source, "nosuchfop"), "unknown_command");
  EXPECT_EQ(reason_of(source, "imageview2/2/w/10"), "unknown_command");
}

TEST(ImageView2ParametersTest, SizeMayStayWhenSomethingElseIsAsked) {
  for (const char* pipeline :
       {"imageView2/1/format/jpg", "imageView2/2/q/50", "imageView2/0/interlace/1"}) {
    const auto variant = run_pipeline(make_jpeg(70, 40), pipeline);
    ASSERT_TRUE(variant) << pipeline;
    EXPECT_EQ(variant->outcome.width, 70);
    EXPECT_EQ(variant->outcome.height, 40);
  }
}

TEST(ImageView2ChainTest, TheNextCommandTakesTheResultOfTheOneBefore) {
  const std::string source = make_jpeg(640, 427, 95);
  const auto variant =
      run_pipeline(source, "imageView2/1/w/200/h/200/format/png|imageView2/2/w/50");
  ASSERT_TRUE(variant) << variant.error().public_message;
  EXPECT_EQ(variant->outcome.width, 50);
  EXPECT_EQ(variant->outcome.height, 50);
  EXPECT_EQ(variant->outcome.media_type, "image/png");
  const VImage expected =
      decode(source).resize(200.0 / 427).extract_area(50, 0, 200, 200).resize(0.25);
  EXPECT_LT(mean_difference(decode(variant->file), expected), kLossyDifferenceMax);
}

TEST(ImageView2ChainTest, AJpegInBetweenHasNoAlphaAnyMore) {
  const std::string source = make_file(make_photo_with_alpha(200, 150), ".png");
  const auto variant =
      run_pipeline(source, "imageView2/2/w/100/format/jpg|imageView2/0/format/png");
  ASSERT_TRUE(variant);
  EXPECT_FALSE(decode(variant->file).has_alpha());
}

TEST(ImageView2ChainTest, EveryExampleOfTheSpecsWorks) {
  const std::string source = make_jpeg(900, 700);
  const pipeline::Catalogue catalogue(test_worker().commands());
  for (const auto& spec : test_worker().commands()) {
    // What takes any file takes little of it, and qrcode a URL that the gateway gives.
    if (std::ranges::count(spec.takes, "file") > 0) continue;
    for (const auto& example : spec.examples) {
      const auto checked = catalogue.check(example.pipeline);
      ASSERT_TRUE(checked) << example.pipeline << ": " << checked.error().public_message;
      const std::vector<std::string> others(pipeline::pictures_of(*checked).size(), source);
      const auto variant = run_pipeline(source, example.pipeline, others);
      EXPECT_TRUE(variant) << example.pipeline << ": " << variant.error().public_message;
    }
  }
}

}  // namespace
}  // namespace millrace::workers::image
