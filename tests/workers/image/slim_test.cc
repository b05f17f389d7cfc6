// SPDX-License-Identifier: Apache-2.0
#include "workers/image/slim.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"
#include "workers/image/exif.h"
#include "workers/image/ssim.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

class SlimTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
};

VImage load(const std::string& file) {
  return VImage::new_from_buffer(file.data(), file.size(), "").copy_memory();
}

VImage on_white(const VImage& image) {
  if (!image.has_alpha()) return image.copy_memory();
  return image.flatten(VImage::option()->set("background", std::vector<double>{255, 255, 255}))
      .copy_memory();
}

// Measured here on what a decoder shows, not on what the command says of itself.
SsimScore likeness(const std::string& a, const std::string& b) {
  return ssim(luma_of(on_white(load(a))), luma_of(on_white(load(b))));
}

std::string bytes_of_field(const VImage& image, const char* field) {
  if (image.get_typeof(field) == 0) return "";
  std::size_t bytes = 0;
  const void* data = image.get_blob(field, &bytes);
  return {static_cast<const char*>(data), bytes};
}

Variant slim(const std::string& file, const std::string& pipeline = "imageslim") {
  auto variant = run_pipeline(file, pipeline);
  EXPECT_TRUE(variant) << variant.error().public_message << variant.error().detail;
  return variant ? *variant : Variant{};
}

void expect_same_picture_in_less(const std::string& file, const Variant& slimmed) {
  EXPECT_LT(slimmed.file.size(), file.size());
  const VImage before = load(file);
  const VImage after = load(slimmed.file);
  EXPECT_EQ(after.width(), before.width());
  EXPECT_EQ(after.height(), before.height());
  EXPECT_EQ(slimmed.outcome.width, decode(file).width());
  EXPECT_EQ(after.has_alpha(), before.has_alpha());
  const SsimScore score = likeness(file, slimmed.file);
  // A decoder rounds to whole samples where the search does not.
  EXPECT_GE(score.mean, kSlimSsimMin - 0.002);
  EXPECT_GE(score.lowest_tile, kSlimTileSsimMin - 0.005);
  EXPECT_EQ(slimmed.outcome.headers.at("X-Millrace-Slim").substr(0, 5), "ssim=");
}

TEST_F(SlimTest, AJpegLosesBytesAndNoMoreThanTheBound) {
  for (const char* suffix :
       {".jpg[Q=95]", ".jpg[Q=85]", ".jpg[Q=100,subsample_mode=off]", ".jpg[Q=90,interlace]"}) {
    SCOPED_TRACE(suffix);
    const std::string file = make_file(make_photo(640, 427), suffix);
    const Variant slimmed = slim(file);
    EXPECT_EQ(slimmed.outcome.media_type, "image/jpeg");
    expect_same_picture_in_less(file, slimmed);
  }
}

TEST_F(SlimTest, TheHeaderTellsTheLikenessThatADecoderFinds) {
  const std::string file = make_file(make_photo(320, 240), ".jpg[Q=95]");
  const Variant slimmed = slim(file);
  const double told = std::stod(slimmed.outcome.headers.at("X-Millrace-Slim").substr(5));
  EXPECT_NEAR(told, likeness(file, slimmed.file).mean, 0.002);
  EXPECT_GE(told, kSlimSsimMin);
}

TEST_F(SlimTest, GreyAndCmykKeepTheirColourSpace) {
  const VImage photo = make_photo(200, 150);
  const std::string grey = make_file(photo.colourspace(VIPS_INTERPRETATION_B_W), ".jpg[Q=95]");
  const Variant slim_grey = slim(grey);
  expect_same_picture_in_less(grey, slim_grey);
  EXPECT_EQ(load(slim_grey.file).bands(), 1);
  const std::string cmyk = make_file(photo.colourspace(VIPS_INTERPRETATION_CMYK), ".jpg[Q=95]");
  const Variant slim_cmyk = slim(cmyk);
  EXPECT_LT(slim_cmyk.file.size(), cmyk.size());
  const VImage after = load(slim_cmyk.file);
  EXPECT_EQ(after.interpretation(), VIPS_INTERPRETATION_CMYK);
  EXPECT_LT((after - load(cmyk)).abs().avg(), 8);
}

TEST_F(SlimTest, OddSizesKeepEveryPixel) {
  for (const auto& [width, height] : {std::pair{1, 1}, {7, 9}, {17, 250}, {333, 15}}) {
    const std::string file = make_file(make_photo(width, height), ".jpg[Q=97]");
    const Variant slimmed = slim(file);
    EXPECT_LE(slimmed.file.size(), file.size());
    EXPECT_EQ(load(slimmed.file).width(), width);
    EXPECT_EQ(load(slimmed.file).height(), height);
  }
}

TEST_F(SlimTest, WhatIsSlimAlreadyDoesNotGrow) {
  std::string file = make_file(make_photo(400, 300), ".jpg[Q=95]");
  for (int round = 0; round < 4; ++round) {
    const Variant slimmed = slim(file);
    EXPECT_LE(slimmed.file.size(), file.size()) << round;
    if (slimmed.outcome.headers.at("X-Millrace-Slim") == "original") {
      EXPECT_EQ(slimmed.file, file);
    }
    file = slimmed.file;
  }
  const std::string rough =
      make_file(make_photo(400, 300), ".jpg[Q=30,interlace,optimize_coding,strip]");
  EXPECT_LE(slim(rough).file.size(), rough.size());
}

TEST_F(SlimTest, OrientationCopyrightAndProfileStayAndNothingElse) {
  VImage photo = make_photo(320, 200).copy();
  photo.set("exif-ifd0-Copyright", "(c) 2024 Lin Wei");
  photo.set("exif-ifd0-Make", "SECRETCAM");
  photo.set("orientation", 6);
  photo = photo.icc_transform("p3", VImage::option()->set("input_profile", "srgb"));
  const std::string file = make_file(photo, ".jpg[Q=95]");
  const Variant slimmed = slim(file);
  EXPECT_LT(slimmed.file.size(), file.size());
  EXPECT_EQ(slimmed.file.find("SECRETCAM"), std::string::npos);
  const VImage before = load(file);
  const VImage after = load(slimmed.file);
  EXPECT_EQ(after.get_int("orientation"), 6);
  EXPECT_FALSE(bytes_of_field(before, VIPS_META_ICC_NAME).empty());
  EXPECT_EQ(bytes_of_field(after, VIPS_META_ICC_NAME), bytes_of_field(before, VIPS_META_ICC_NAME));
  const std::string block = bytes_of_field(after, VIPS_META_EXIF_NAME);
  EXPECT_EQ(
      read_exif({reinterpret_cast<const std::uint8_t*>(block.data()), block.size()}).copyright,
      "(c) 2024 Lin Wei");
  EXPECT_EQ(slimmed.outcome.width, 320) << "as stored, like what it was made of";
}

TEST_F(SlimTest, AProfileThatSaysSrgbGoes) {
  const VImage photo =
      make_photo(320, 200).icc_transform("srgb", VImage::option()->set("input_profile", "srgb"));
  const Variant slimmed = slim(make_file(photo, ".jpg[Q=95]"));
  EXPECT_EQ(load(slimmed.file).get_typeof(VIPS_META_ICC_NAME), 0U);
}

TEST_F(SlimTest, ADamagedFileIsAnsweredAsItIs) {
  const std::string jpeg = make_jpeg(320, 240, 95);
  const std::string png = make_file(make_photo(320, 240), ".png");
  for (const std::string& file : {jpeg.substr(0, jpeg.size() / 2), png.substr(0, png.size() / 2)}) {
    const Variant slimmed = slim(file);
    EXPECT_EQ(slimmed.file, file);
    EXPECT_EQ(slimmed.outcome.headers.at("X-Millrace-Slim"), "original");
  }
}

TEST_F(SlimTest, OtherFormatsAreAnsweredAsTheyAre) {
  for (const char* suffix : {".webp", ".gif", ".tif"}) {
    const std::string file = make_file(make_photo(64, 48), suffix);
    const Variant slimmed = slim(file);
    EXPECT_EQ(slimmed.file, file) << suffix;
    EXPECT_EQ(slimmed.outcome.headers.at("X-Millrace-Slim"), "original");
  }
}

TEST_F(SlimTest, AGraphicInFewColoursGetsAPalette) {
  VImage graphic = make_photo(300, 200);
  graphic = ((graphic / 64).cast(VIPS_FORMAT_UCHAR) * 64)
                .cast(VIPS_FORMAT_UCHAR)
                .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
  const std::string file = make_file(graphic, ".png[compression=6]");
  const Variant slimmed = slim(file);
  EXPECT_EQ(slimmed.outcome.media_type, "image/png");
  expect_same_picture_in_less(file, slimmed);
  EXPECT_EQ(slimmed.file[25], 3) << "the colour type of IHDR";
}

TEST_F(SlimTest, AGraphicWithAlphaKeepsItsShape) {
  VImage graphic = make_photo_with_alpha(300, 200);
  graphic = ((graphic / 64).cast(VIPS_FORMAT_UCHAR) * 64)
                .cast(VIPS_FORMAT_UCHAR)
                .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
  const std::string file = make_file(graphic, ".png[compression=6]");
  const Variant slimmed = slim(file);
  expect_same_picture_in_less(file, slimmed);
  const auto alpha = [](const std::string& bytes) {
    return luma_of(load(bytes).extract_band(3).copy_memory());
  };
  EXPECT_GE(ssim(alpha(file), alpha(slimmed.file)).mean, kSlimSsimMin);
}

TEST_F(SlimTest, WhatAPaletteWouldSpoilIsPackedWithoutLoss) {
  // Noise in all of the colours, which 256 of them cannot follow.
  const VImage noise =
      VImage::gaussnoise(256, 256, VImage::option()->set("mean", 128)->set("sigma", 60));
  const VImage other = VImage::gaussnoise(
      256, 256, VImage::option()->set("mean", 128)->set("sigma", 60)->set("seed", 5));
  const VImage third = VImage::gaussnoise(
      256, 256, VImage::option()->set("mean", 128)->set("sigma", 60)->set("seed", 9));
  const VImage picture =
      noise.bandjoin(other)
          .bandjoin(third)
          .cast(VIPS_FORMAT_UCHAR)
          .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
  const std::string file = make_file(picture, ".png[compression=0]");
  const Variant slimmed = slim(file);
  EXPECT_LT(slimmed.file.size(), file.size());
  EXPECT_EQ((load(slimmed.file) - load(file)).abs().max(), 0);
}

TEST_F(SlimTest, SixteenBitsStay) {
  const std::string file = make_file(make_deep_photo(120, 80), ".png[compression=1]");
  const Variant slimmed = slim(file, "imageslim/zlevel/9");
  EXPECT_LT(slimmed.file.size(), file.size());
  EXPECT_EQ(slimmed.file[24], 16) << "the depth of IHDR";
  EXPECT_EQ((load(slimmed.file) - load(file)).abs().max(), 0);
}

// Inserted behind IHDR; a check sum is not looked at by those who skip, but is by libpng.
std::string with_chunk(std::string file, const std::string& name, const std::string& body) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char c : name + body) {
    crc ^= static_cast<std::uint8_t>(c);
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ (0xEDB88320U & (0U - (crc & 1)));
  }
  const auto number = [](std::uint32_t value) {
    std::string text;
    for (const int shift : {24, 16, 8, 0}) text += static_cast<char>(value >> shift);
    return text;
  };
  file.insert(33, number(static_cast<std::uint32_t>(body.size())) + name + body + number(~crc));
  return file;
}

TEST_F(SlimTest, ThePngsOwnWordsOnColourStayAndTextGoes) {
  using namespace std::string_literals;
  const std::string plain = make_file(make_photo(200, 100), ".png[compression=0,strip]");
  const std::string gamma = "\0\0\xb1\x8f"s;
  std::string file = with_chunk(plain, "gAMA", gamma);
  file = with_chunk(file, "tEXt", "Comment\0SECRETCOMMENT"s);
  // libvips writes a density of its own; only one may stand there.
  ASSERT_NE(plain.find("pHYs"), std::string::npos);
  const Variant slimmed = slim(file);
  EXPECT_LT(slimmed.file.size(), file.size());
  EXPECT_NE(slimmed.file.find("gAMA" + gamma), std::string::npos);
  EXPECT_EQ(slimmed.file.find("SECRETCOMMENT"), std::string::npos);
  const std::size_t first = slimmed.file.find("pHYs");
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(slimmed.file.find("pHYs", first + 1), std::string::npos);
}

TEST_F(SlimTest, AnAnimatedPngIsAnsweredAsItIs) {
  using namespace std::string_literals;
  const std::string file =
      with_chunk(make_file(make_photo(64, 48), ".png[compression=0]"), "acTL", "\0\0\0\1\0\0\0\0"s);
  EXPECT_EQ(slim(file).file, file);
}

TEST_F(SlimTest, AHigherLevelPacksHarder) {
  const std::string file = make_file(make_deep_photo(200, 150), ".png[compression=0]");
  const std::size_t fast = slim(file, "imageslim/zlevel/1").file.size();
  const std::size_t hard = slim(file, "imageslim/zlevel/9").file.size();
  const std::size_t most = slim(file, "imageslim/zlevel/10").file.size();
  EXPECT_LE(hard, fast);
  EXPECT_LE(most, hard);
  EXPECT_LT(most, file.size());
  EXPECT_EQ(slim(file, "imageslim/zlevel/3").file, slim(file).file) << "the default";
  EXPECT_LE(slim(file, "imageslim/zlevel/0").file.size(), file.size());
  for (const char* beyond : {"-1", "11", "high"}) {
    EXPECT_EQ(reason_of(file, std::string("imageslim/zlevel/") + beyond), "bad_parameter");
  }
}

TEST_F(SlimTest, PicturesUpToTwentyFiveMegapixelsAreSlimmed) {
  const auto as_bytes = [](const VImage& image) { return image.cast(VIPS_FORMAT_UCHAR); };
  const std::string allowed =
      make_file(as_bytes(VImage::black(5'000, 5'000) + 99), ".png[compression=1]");
  const std::string beyond =
      make_file(as_bytes(VImage::black(5'001, 5'000) + 99), ".png[compression=1]");
  const auto done = run_pipeline(allowed, "imageslim/zlevel/9");
  ASSERT_TRUE(done);
  EXPECT_LT(done->file.size(), allowed.size());
  const auto left = run_pipeline(beyond, "imageslim/zlevel/9");
  ASSERT_TRUE(left);
  EXPECT_EQ(left->file, beyond);
}

TEST_F(SlimTest, AfterACommandItSlimsItsResult) {
  const std::string file = make_jpeg(640, 427, 95);
  const std::string thumbnail = "imageView2/2/w/300/q/95!";
  const Variant plain = slim(file, thumbnail);
  const Variant slimmed = slim(file, thumbnail + "|imageslim");
  EXPECT_LT(slimmed.file.size(), plain.file.size());
  EXPECT_EQ(load(slimmed.file).width(), 300);
  EXPECT_GE(likeness(plain.file, slimmed.file).mean, kSlimSsimMin - 0.002);
  const Variant webp = slim(file, "imageView2/2/w/300/format/webp|imageslim");
  EXPECT_EQ(webp.file, slim(file, "imageView2/2/w/300/format/webp").file);
  EXPECT_EQ(webp.outcome.media_type, "image/webp");
}

TEST_F(SlimTest, CommandsBehindItWorkOnThePicture) {
  const std::string file = make_jpeg(640, 427, 95);
  const Variant thumbnail = slim(file, "imageslim|imageView2/2/w/100");
  EXPECT_EQ(load(thumbnail.file).width(), 100);
  const Variant hashed = slim(file, "imageView2/2/w/300|imageslim|blurhash/as/header");
  EXPECT_EQ(hashed.file, slim(file, "imageView2/2/w/300|imageslim").file);
  EXPECT_EQ(hashed.outcome.headers.count("X-Millrace-Blurhash"), 1U);
  const Variant told = slim(file, "imageslim|imageInfo");
  EXPECT_NE(told.file.find("\"size\":" + std::to_string(slim(file).file.size())), std::string::npos)
      << told.file;
}

TEST_F(SlimTest, TheSameBytesGiveTheSameBytes) {
  const std::string file = make_jpeg(640, 427, 92);
  EXPECT_EQ(slim(file).file, slim(file).file);
}

}  // namespace
}  // namespace millrace::workers::image
