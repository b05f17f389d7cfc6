// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <string>
#include <tuple>

#include <gtest/gtest.h>

#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"
#include "tests/workers/image/second_opinion.h"
#include "workers/image/sniff.h"
#include "workers/image/vips_runtime.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

struct Input {
  const char* suffix;  // libvips' words for such a file
  SourceFormat format;
};
const std::map<std::string, Input> kInputs = {
    {"jpeg", {".jpg[Q=95]", SourceFormat::Jpeg}},
    {"png", {".png", SourceFormat::Png}},
    {"png16", {".png", SourceFormat::Png}},
    {"pngpalette", {".png[palette]", SourceFormat::Png}},
    {"webp", {".webp[Q=95]", SourceFormat::Webp}},
    {"webplossless", {".webp[lossless]", SourceFormat::Webp}},
    {"gif", {".gif", SourceFormat::Gif}},
    {"tiff", {".tif", SourceFormat::Tiff}},
    {"tifflzw", {".tif[compression=lzw,tile]", SourceFormat::Tiff}},
    {"avif", {".avif[Q=90,effort=0]", SourceFormat::Avif}},
    {"heic", {".heic[Q=90,effort=0]", SourceFormat::Heic}},
    {"jxl", {".jxl[Q=95,effort=3]", SourceFormat::Jxl}},
    {"jxl16", {".jxl[lossless,effort=3]", SourceFormat::Jxl}},
    {"jp2", {".jp2[Q=95]", SourceFormat::Jp2}},
    {"jpegprogressive", {".jpg[Q=95,interlace]", SourceFormat::Jpeg}},
    {"jpeg444", {".jpg[Q=95,subsample_mode=off]", SourceFormat::Jpeg}},
    {"pnginterlaced", {".png[interlace]", SourceFormat::Png}},
};
// By how much of 255 the mean of a band may be off, after a codec at its default quality. A palette
// and 4:2:0 cost most.
const std::map<std::string, double> kDifferenceMax = {{"jpeg", 6.0}, {"png", 4.0},  {"webp", 6.0},
                                                      {"gif", 12.0}, {"avif", 8.0}, {"heic", 8.0},
                                                      {"jxl", 6.0},  {"tiff", 4.0}, {"bmp", 4.0}};

// Each supported distribution has all of them, with the packages that run.sh installs: no test here
// asks whether a format is there.
TEST(InstalledFormatsTest, AreAllThatTheProductKnows) {
  test_worker();
  EXPECT_EQ(missing_formats(), std::vector<std::string>{});
}

class FormatsTest : public testing::TestWithParam<std::tuple<std::string, std::string>> {
 protected:
  static void SetUpTestSuite() { test_worker(); }
};

TEST_P(FormatsTest, ReadsTheOneAndWritesTheOther) {
  const auto& [from, to] = GetParam();
  const Input& input = kInputs.at(from);
  const std::string source = make_file(
      from.ends_with("16") ? make_deep_photo(240, 160) : make_photo(240, 160), input.suffix);
  ASSERT_EQ(sniff({reinterpret_cast<const std::uint8_t*>(source.data()), source.size()}).format,
            input.format);
  const auto variant = run_pipeline(source, "imageView2/2/w/120/format/" + to);
  ASSERT_TRUE(variant) << variant.error().public_message << " " << variant.error().detail;
  EXPECT_EQ(variant->outcome.media_type, "image/" + to);
  const VImage made = decode_elsewhere(variant->file, "." + to);
  ASSERT_EQ(made.width(), 120);
  ASSERT_EQ(made.height(), 80);
  EXPECT_FALSE(made.has_alpha());
  const auto seen = probe(variant->file);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->format, to);
  const VImage expected = make_photo(240, 160).resize(0.5);
  const double slack = from == "gif" || from == "pngpalette" ? 6.0 : 1.0;
  EXPECT_LT(mean_difference(made, expected), kDifferenceMax.at(to) + slack);
}

INSTANTIATE_TEST_SUITE_P(
    All, FormatsTest,
    testing::Combine(testing::Values("jpeg", "png", "png16", "pngpalette", "webp", "webplossless",
                                     "gif", "tiff", "tifflzw", "avif", "heic", "jxl", "jxl16",
                                     "jp2", "jpegprogressive", "jpeg444", "pnginterlaced"),
                     testing::Values("jpeg", "png", "webp", "gif", "avif", "heic", "jxl", "tiff",
                                     "bmp")),
    [](const auto& test) { return std::get<0>(test.param) + "_to_" + std::get<1>(test.param); });

// What cannot be written here is not offered either.
TEST(FormatSpecTest, OffersWhatCanBeWritten) {
  for (const pipeline::CommandSpec& spec : test_worker().commands()) {
    const pipeline::ParameterSpec* format = spec.find_named("format");
    if (format == nullptr) continue;
    for (const OutputFormat output : kOutputFormats) {
      const auto found = std::ranges::find(format->choices, word_of(output));
      EXPECT_EQ(found != format->choices.end(), can_write(output)) << spec.name;
    }
  }
}

class AlphaTest : public testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() { test_worker(); }
};

TEST_P(AlphaTest, SurvivesWhereTheFormatHasIt) {
  const std::string& to = GetParam();
  const VImage source = make_photo_with_alpha(240, 160);
  const auto variant = run_pipeline(make_file(source, ".png"), "imageView2/2/w/120/format/" + to);
  ASSERT_TRUE(variant) << variant.error().public_message;
  const VImage made = decode_elsewhere(variant->file, "." + to);
  const VImage expected = source.premultiply().resize(0.5).unpremultiply().cast(VIPS_FORMAT_UCHAR);
  const auto white_below = [](const VImage& image) {
    return image.has_alpha() ? image.flatten(VImage::option()->set("background", 255.0)) : image;
  };
  if (to == "jpeg") {
    EXPECT_FALSE(made.has_alpha());
  } else {
    ASSERT_TRUE(made.has_alpha());
  }
  // GIF knows only all or nothing, so its edges are hard.
  EXPECT_LT(mean_difference(white_below(made), white_below(expected)), to == "gif" ? 40.0 : 8.0);
  if (to != "jpeg" && to != "gif") {
    EXPECT_LT(mean_difference(made.extract_band(3), expected.extract_band(3)), 3.0);
  }
}

INSTANTIATE_TEST_SUITE_P(All, AlphaTest,
                         testing::Values("jpeg", "png", "webp", "gif", "avif", "heic", "jxl",
                                         "tiff", "bmp"),
                         [](const auto& test) { return test.param; });

TEST(DefaultFormatTest, IsTheSourcesOwnOrWhatStandsForIt) {
  test_worker();
  const auto media_type = [](const VImage& image, const char* suffix) -> std::string {
    const auto variant = run_pipeline(make_file(image, suffix), "imageView2/2/w/30");
    return variant ? variant->outcome.media_type : variant.error().public_message;
  };
  const VImage opaque = make_photo(60, 40);
  const VImage alpha = make_photo_with_alpha(60, 40);
  EXPECT_EQ(media_type(opaque, ".jpg"), "image/jpeg");
  EXPECT_EQ(media_type(opaque, ".png"), "image/png");
  EXPECT_EQ(media_type(opaque, ".webp"), "image/webp");
  EXPECT_EQ(media_type(opaque, ".gif"), "image/gif");
  EXPECT_EQ(media_type(opaque, ".tif"), "image/jpeg");
  EXPECT_EQ(media_type(alpha, ".tif"), "image/png");
  EXPECT_EQ(media_type(opaque, ".avif"), "image/jpeg");
  EXPECT_EQ(media_type(alpha, ".avif"), "image/jpeg");
}

TEST(DefaultFormatTest, OfAnAnimationTheFirstFrameIsTaken) {
  test_worker();
  const VImage first = make_photo(60, 40);
  VImage frames =
      VImage::arrayjoin({first, first.invert()}, VImage::option()->set("across", 1)).copy();
  frames.set("page-height", 40);
  for (const char* suffix : {".gif", ".webp[lossless]"}) {
    const std::string file = make_file(frames, suffix);
    const auto seen = probe(file);
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->frames, 2) << suffix;
    const auto variant = run_pipeline(file, "imageView2/2/w/60/format/png");
    ASSERT_TRUE(variant);
    const VImage made = decode(variant->file);
    ASSERT_EQ(made.height(), 40);
    EXPECT_LT(mean_difference(made.extract_band(0, VImage::option()->set("n", 3)), first), 12.0)
        << suffix;
  }
}

TEST(UnsupportedFormatTest, IsRefusedWithASentenceThatNamesIt) {
  for (const char* bytes : {"PK\3\4", "BM........", "<html><svg/></html>", "P6 1 1 255 abc", ""}) {
    const auto seen = probe(bytes);
    ASSERT_FALSE(seen) << bytes;
    EXPECT_EQ(seen.error().reason, base::Reason::UnsupportedMedia) << bytes;
    EXPECT_NE(seen.error().public_message.find("jpeg"), std::string::npos);
    EXPECT_EQ(reason_of(bytes, "imageInfo"), "unsupported_media");
  }
}

}  // namespace
}  // namespace millrace::workers::image
