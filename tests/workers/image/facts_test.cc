// SPDX-License-Identifier: Apache-2.0
//
// The commands that tell about a picture: exif, imageAve, blurhash, thumbhash, palette, phash.
#include <cstdint>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/temp_dir.h"
#include "tests/workers/image/magick.h"
#include "tests/workers/image/pictures.h"
#include "tests/workers/image/programs.h"
#include "tests/workers/image/running.h"
#include "workers/image/encoding.h"
#include "workers/image/perceptual_hash.h"
#include "workers/image/ssim.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

class FactsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
  // What a command that gives a document says.
  static nlohmann::json ask(const std::string& file, const std::string& pipeline) {
    const auto variant = run_pipeline(file, pipeline);
    EXPECT_TRUE(variant) << pipeline << ": " << variant.error().public_message;
    if (!variant) return {};
    EXPECT_EQ(variant->outcome.media_type, "application/json");
    EXPECT_FALSE(variant->outcome.cacheable_by_clients);
    return nlohmann::json::parse(variant->file);
  }
};

int channel(const std::string& rgb, int index) {
  EXPECT_EQ(rgb.size(), 8U) << rgb;
  EXPECT_EQ(rgb.substr(0, 2), "0x");
  return std::stoi(rgb.substr(static_cast<std::size_t>(2 + 2 * index), 2), nullptr, 16);
}

VImage even(int width, int height, const std::vector<double>& color) {
  return (VImage::black(width, height,
                        VImage::option()->set("bands", static_cast<int>(color.size()))) +
          color)
      .cast(VIPS_FORMAT_UCHAR)
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
}

// --- imageAve ---------------------------------------------------------------------------------

TEST_F(FactsTest, TheAverageIsThatOfImageMagicksOnePixel) {
  struct Case {
    int width;
    int height;
    const char* suffix;
  };
  for (const Case& c : {Case{640, 427, ".jpg[Q=80]"}, Case{97, 301, ".png"},
                        Case{3000, 40, ".jpg[Q=90]"}, Case{1, 1, ".png"}}) {
    const std::string file = make_file(make_photo(c.width, c.height), c.suffix);
    const VImage one = by_magick(decode(file), {"-scale", "1x1!"});
    const std::string found = ask(file, "imageAve")["RGB"];
    for (int i = 0; i < 3; ++i) {
      EXPECT_NEAR(channel(found, i), one.getpoint(0, 0)[static_cast<std::size_t>(i)], 1) << c.width;
    }
  }
}

TEST_F(FactsTest, TheAverageIsOfWhatIsSeenOnWhite) {
  const VImage half =
      even(10, 20, {200, 0, 0, 255}).join(even(10, 20, {0, 0, 0, 0}), VIPS_DIRECTION_HORIZONTAL);
  const std::string found = ask(make_file(half, ".png"), "imageAve")["RGB"];
  EXPECT_NEAR(channel(found, 0), 228, 2);
  EXPECT_NEAR(channel(found, 1), 128, 2);
  EXPECT_EQ(ask(make_file(even(8, 8, {0x85, 0x69, 0x4d}), ".png"), "imageAve")["RGB"], "0x85694d");
}

TEST_F(FactsTest, TheAverageOfAGreyPictureHasThreeChannels) {
  EXPECT_EQ(
      ask(make_file(even(8, 8, {77})
                        .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_B_W)),
                    ".png"),
          "imageAve")["RGB"],
      "0x4d4d4d");
}

TEST_F(FactsTest, TheAverageAfterACommandIsOfItsResult) {
  const VImage halves =
      even(100, 100, {255, 0, 0}).join(even(100, 100, {0, 0, 255}), VIPS_DIRECTION_HORIZONTAL);
  const std::string file = make_file(halves, ".png");
  EXPECT_EQ(
      ask(file, "imageView2/1/w/1/h/100/format/png|imageAve")["RGB"].get<std::string>().substr(4,
                                                                                               2),
      "00");
}

// --- blurhash, thumbhash ----------------------------------------------------------------------

TEST_F(FactsTest, TheBlurhashHasAsManyTermsAsAskedFor) {
  const std::string file = make_jpeg(640, 427);
  const nlohmann::json standard = ask(file, "blurhash");
  EXPECT_EQ(standard["blurhash"].get<std::string>().size(), 4U + 2 * 4 * 3);
  EXPECT_EQ(standard["width"], 640);
  EXPECT_EQ(standard["height"], 427);
  EXPECT_EQ(ask(file, "blurhash/x/4/y/3"), standard);
  EXPECT_EQ(ask(file, "blurhash/x/1/y/1")["blurhash"].get<std::string>().size(), 6U);
  EXPECT_EQ(ask(file, "blurhash/x/9/y/9")["blurhash"].get<std::string>().size(), 4U + 2 * 81);
  for (const char* beyond : {"x/0", "x/10", "y/0", "y/10", "as/text", "x/-1"}) {
    EXPECT_EQ(reason_of(file, std::string("blurhash/") + beyond), "bad_parameter") << beyond;
  }
}

TEST_F(FactsTest, HashesAreOfTheUprightPicture) {
  const std::string upright = make_oriented_jpeg(120, 80, 1);
  const std::string turned = make_oriented_jpeg(120, 80, 6);
  for (const char* command : {"blurhash", "thumbhash", "phash"}) {
    const nlohmann::json a = ask(upright, command);
    const nlohmann::json b = ask(turned, command);
    EXPECT_EQ(a[command].get<std::string>().substr(0, 4),
              b[command].get<std::string>().substr(0, 4))
        << command;
  }
  EXPECT_EQ(ask(turned, "blurhash")["width"], 120);
  EXPECT_EQ(ask(turned, "thumbhash")["height"], 80);
}

TEST_F(FactsTest, HashesRideOnThePictureAsHeaderFields) {
  const std::string file = make_jpeg(320, 200);
  const std::string thumbnail = "imageView2/2/w/100/format/png";
  const auto plain = run_pipeline(file, thumbnail);
  const auto both = run_pipeline(file, thumbnail + "|blurhash/as/header|thumbhash/as/header");
  ASSERT_TRUE(plain);
  ASSERT_TRUE(both) << both.error().public_message;
  EXPECT_EQ(both->file, plain->file);
  EXPECT_EQ(both->outcome.media_type, "image/png");
  EXPECT_EQ(both->outcome.width, 100);
  EXPECT_EQ(both->outcome.headers.at("X-Millrace-Blurhash"),
            ask(file, thumbnail + "|blurhash")["blurhash"].get<std::string>());
  EXPECT_EQ(both->outcome.headers.at("X-Millrace-Thumbhash"),
            ask(file, thumbnail + "|thumbhash")["thumbhash"].get<std::string>());
}

TEST_F(FactsTest, AHashOnTopOfTheOriginalLeavesItsBytes) {
  const std::string file = make_oriented_jpeg(320, 200, 8);
  const auto variant = run_pipeline(file, "blurhash/as/header");
  ASSERT_TRUE(variant);
  EXPECT_EQ(variant->file, file);
  EXPECT_EQ(variant->outcome.media_type, "image/jpeg");
  EXPECT_EQ(variant->outcome.headers.at("X-Millrace-Blurhash"),
            ask(file, "blurhash")["blurhash"].get<std::string>());
}

TEST_F(FactsTest, AfterAHashAsHeaderThePipelineGoesOn) {
  const auto variant = run_pipeline(make_jpeg(320, 200), "blurhash/as/header|imageView2/2/w/50");
  ASSERT_TRUE(variant);
  EXPECT_EQ(variant->outcome.width, 50);
  EXPECT_EQ(variant->outcome.headers.count("X-Millrace-Blurhash"), 1U);
  EXPECT_EQ(reason_of(make_jpeg(320, 200), "blurhash|imageView2/2/w/50"), "bad_parameter");
}

// Bit 23 of the header.
TEST_F(FactsTest, TheThumbhashKnowsOfTransparency) {
  const auto third_byte = [](const std::string& hash) {
    const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return (digits.find(hash[2]) << 6 | digits.find(hash[3])) & 255;
  };
  const std::string opaque = ask(make_file(make_photo(90, 60), ".png"), "thumbhash")["thumbhash"];
  const std::string alpha =
      ask(make_file(make_photo_with_alpha(90, 60), ".png"), "thumbhash")["thumbhash"];
  EXPECT_EQ(third_byte(opaque) >> 7, 0U);
  EXPECT_EQ(third_byte(alpha) >> 7, 1U);
}

// --- palette ----------------------------------------------------------------------------------

TEST_F(FactsTest, ThePaletteIsTheColoursByShare) {
  const VImage picture =
      even(300, 100, {200, 16, 46}).join(even(100, 100, {0, 0, 128}), VIPS_DIRECTION_HORIZONTAL);
  const nlohmann::json colors = ask(make_file(picture, ".png"), "palette")["colors"];
  ASSERT_GE(colors.size(), 2U);
  double sum = 0;
  for (const auto& color : colors) sum += color["share"].get<double>();
  EXPECT_NEAR(sum, 1, 0.001);
  const std::string first = colors[0]["RGB"];
  EXPECT_NEAR(channel(first, 0), 200, 3);
  EXPECT_NEAR(channel(first, 2), 46, 3);
  EXPECT_NEAR(colors[0]["share"].get<double>(), 0.75, 0.02);
  EXPECT_NEAR(colors[1]["share"].get<double>(), 0.25, 0.02);
  const std::string file = make_jpeg(200, 150);
  EXPECT_EQ(ask(file, "palette/count/1")["colors"].size(), 1U);
  EXPECT_LE(ask(file, "palette/count/32")["colors"].size(), 32U);
  EXPECT_EQ(ask(file, "palette/count/8"), ask(file, "palette"));
  for (const char* beyond : {"0", "33", "many"}) {
    EXPECT_EQ(reason_of(file, std::string("palette/count/") + beyond), "bad_parameter");
  }
}

TEST_F(FactsTest, ThePaletteDoesNotSeeWhatIsTransparent) {
  const VImage logo =
      even(10, 100, {0, 160, 80, 255}).join(even(90, 100, {0, 0, 0, 0}), VIPS_DIRECTION_HORIZONTAL);
  const nlohmann::json colors = ask(make_file(logo, ".png"), "palette/count/1")["colors"];
  ASSERT_EQ(colors.size(), 1U);
  EXPECT_NEAR(channel(colors[0]["RGB"], 1), 160, 4);
  EXPECT_TRUE(ask(make_file(even(9, 9, {1, 2, 3, 0}), ".png"), "palette")["colors"].empty());
}

// --- phash ------------------------------------------------------------------------------------

std::uint64_t phash_of(const std::string& file, const std::string& before = "") {
  const auto variant = run_pipeline(file, before + "phash");
  EXPECT_TRUE(variant);
  const std::string digits = nlohmann::json::parse(variant->file)["phash"];
  EXPECT_EQ(digits.size(), 16U);
  return std::stoull(digits, nullptr, 16);
}

TEST_F(FactsTest, ThePerceptualHashFindsAPictureAgain) {
  const VImage photo = make_photo(640, 427);
  const std::uint64_t original = phash_of(make_file(photo, ".png"));
  EXPECT_LE(hash_distance(original, phash_of(make_file(photo, ".jpg[Q=20]"))), 10);
  EXPECT_LE(hash_distance(original, phash_of(make_file(photo.resize(0.2), ".png"))), 10);
  EXPECT_LE(hash_distance(original, phash_of(make_file(photo.resize(1.7), ".webp"))), 10);
  EXPECT_LE(hash_distance(original,
                          phash_of(make_file(photo.colourspace(VIPS_INTERPRETATION_B_W), ".jpg"))),
            10);
  EXPECT_LE(hash_distance(original,
                          phash_of(make_file((photo * 0.85 + 20).cast(VIPS_FORMAT_UCHAR), ".png"))),
            10);
  EXPECT_LE(hash_distance(original, phash_of(make_file(photo, ".png"), "imageView2/2/w/100|")), 10);
  EXPECT_GT(hash_distance(original, phash_of(make_file(photo.fliphor(), ".png"))), 16);
  EXPECT_GT(hash_distance(original, phash_of(make_file(photo.rot180(), ".png"))), 16);
  EXPECT_GT(hash_distance(original, phash_of(make_file(photo.invert(), ".png"))), 16);
}

// --- compare ----------------------------------------------------------------------------------

TEST_F(FactsTest, CompareTellsWhatEncodingHasLost) {
  const std::string file = make_file(make_photo(320, 240), ".png");
  const std::string scaled = "imageView2/2/w/200/format/";
  const nlohmann::json lossless = ask(file, scaled + "png|compare");
  EXPECT_EQ(lossless["ssim"], 1.0);
  EXPECT_EQ(lossless["dssim"], 0.0);
  EXPECT_EQ(lossless["ssimLowest"], 1.0);
  const auto png = run_pipeline(file, scaled + "png");
  ASSERT_TRUE(png);
  const Plane wanted = luma_of(decode(png->file));
  double before = 1;
  for (const int quality : {95, 75, 40, 10}) {
    const std::string jpeg = scaled + "jpg/q/" + std::to_string(quality);
    const nlohmann::json told = ask(file, jpeg + "|compare");
    const auto variant = run_pipeline(file, jpeg);
    ASSERT_TRUE(variant);
    const SsimScore seen = ssim(wanted, luma_of(decode(variant->file)));
    EXPECT_NEAR(told["ssim"].get<double>(), seen.mean, 1e-5);
    EXPECT_NEAR(told["ssimLowest"].get<double>(), seen.lowest_tile, 1e-5);
    EXPECT_NEAR(told["dssim"].get<double>(), (1 - seen.mean) / 2, 1e-5);
    EXPECT_EQ(told["size"], variant->file.size());
    EXPECT_LT(told["ssim"].get<double>(), before);
    before = told["ssim"];
  }
}

TEST_F(FactsTest, CompareReadsEveryFormatThatIsWritten) {
  const std::string file = make_jpeg(160, 120, 95);
  for (const OutputFormat format : kOutputFormats) {
    const std::string word(word_of(format));
    const std::string pipeline = "imageView2/2/w/100/format/" + word + "|compare";
    EXPECT_GT(ask(file, pipeline)["ssim"].get<double>(), 0.7) << word;
  }
}

TEST_F(FactsTest, CompareLooksAtWhatIsNotScaledToo) {
  for (const char* format : {"jpg", "webp", "png"}) {
    const nlohmann::json told =
        ask(make_jpeg(360, 240), std::string("imageView2/2/w/400/format/") + format + "|compare");
    EXPECT_GT(told.value("ssim", 0.0), 0.8) << format;
  }
}

TEST_F(FactsTest, CompareNeedsSomethingThatWasMade) {
  EXPECT_EQ(reason_of(make_jpeg(64, 48), "compare"), "bad_parameter");
  EXPECT_EQ(reason_of(make_jpeg(64, 48), "imageView2/2/w/10|compare/1"), "bad_parameter");
}

// --- exif -------------------------------------------------------------------------------------

// With another program's hand: exiftool writes, we read.
TEST_F(FactsTest, ExifSaysWhatAnotherProgramWrote) {
  for (const char* suffix : {".jpg[strip]", ".png[strip]", ".webp[strip]"}) {
    const test::TempDir folder;
    const std::string extension = std::string(suffix).substr(0, std::string(suffix).find('['));
    const auto path = folder.write("photo" + extension, make_file(make_photo(64, 48), suffix));
    output_of(
        "exiftool -overwrite_original -EXIF:Model='Canon EOS 600D' -EXIF:ExposureTime=1/50 "
        "-EXIF:ISO=3200 -EXIF:ModifyDate='2011:11:19 17:09:23' -EXIF:FNumber=5.6 "
        "-EXIF:ExposureCompensation=0.3333 -EXIF:GPSLatitude=48.2 -EXIF:GPSLatitudeRef=N " +
        path.string());
    const nlohmann::json tags = ask(test::read_file(path), "exif");
    const auto expect_tag = [&tags](const char* name, const char* value, int type) {
      ASSERT_TRUE(tags.contains(name)) << name << " in " << tags;
      EXPECT_EQ(tags[name]["val"], value);
      EXPECT_EQ(tags[name]["type"], type);
    };
    expect_tag("Model", "Canon EOS 600D", 2);
    expect_tag("ExposureTime", "1/50 sec.", 5);
    expect_tag("ISOSpeedRatings", "3200", 3);
    expect_tag("DateTime", "2011:11:19 17:09:23", 2);
    expect_tag("FNumber", "f/5.6", 5);
    expect_tag("ExposureBiasValue", "0.33 EV", 10);
    expect_tag("GPSLatitudeRef", "N", 2);
    EXPECT_EQ(tags["GPSLatitude"]["type"], 5);
  }
}

TEST_F(FactsTest, ExifThatIsNotUtf8IsStillJson) {
  VImage image = make_photo(32, 32).copy();
  std::string file = make_file(image, ".jpg[strip]");
  // IFD0 with a Model of Latin-1.
  const std::string block(
      "Exif\0\0II*\0\x08\0\0\0\x01\0\x10\x01\x02\0\x06\0\0\0\x1a\0\0\0\0\0\0\0Caf\xE9!\0", 38);
  const std::size_t length = block.size() + 2;
  file.insert(2, std::string("\xFF\xE1") + static_cast<char>(length >> 8) +
                     static_cast<char>(length & 255) + block);
  EXPECT_EQ(ask(file, "exif")["Model"]["val"], "Caf\xEF\xBF\xBD!");
}

TEST_F(FactsTest, ExifIsRefusedWhereThereIsNone) {
  EXPECT_EQ(reason_of(make_file(make_photo(32, 32), ".jpg[strip]"), "exif"), "bad_parameter");
  EXPECT_EQ(reason_of(make_file(make_photo(32, 32), ".png[strip]"), "exif"), "bad_parameter");
  const auto refused = run_pipeline(make_file(make_photo(32, 32), ".jpg[strip]"), "exif");
  EXPECT_NE(refused.error().public_message.find("EXIF"), std::string::npos);
}

TEST_F(FactsTest, ExifTellsOfOriginalsAlone) {
  EXPECT_EQ(reason_of(make_oriented_jpeg(64, 48, 6), "imageView2/2/w/20|exif"), "bad_parameter");
  EXPECT_EQ(reason_of(make_oriented_jpeg(64, 48, 6), "exif/1"), "bad_parameter");
}

}  // namespace
}  // namespace millrace::workers::image
