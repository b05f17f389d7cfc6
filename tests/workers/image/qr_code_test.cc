// SPDX-License-Identifier: Apache-2.0
//
// qrcode, read again by a program that has nothing to do with its maker: zbarimg.
#include "workers/image/qr_code.h"

#include <string>

#include <gtest/gtest.h>

#include "base/crypto.h"
#include "tests/support/temp_dir.h"
#include "tests/workers/image/pictures.h"
#include "tests/workers/image/programs.h"
#include "tests/workers/image/running.h"

namespace millrace::workers::image {
namespace {

class QrCodeTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
};

// What a reader sees in a picture.
std::string read_code(const std::string& png) {
  const test::TempDir folder;
  return output_of("zbarimg --raw -q -Sbinary " + folder.write("code.png", png).string());
}

std::string code_of(const std::string& file, const std::string& pipeline) {
  const auto variant = run_pipeline(file, pipeline);
  EXPECT_TRUE(variant) << variant.error().public_message;
  if (!variant) return "";
  EXPECT_EQ(variant->outcome.media_type, "image/png");
  EXPECT_EQ(variant->outcome.width, variant->outcome.height);
  return variant->file;
}

// As a gateway writes it into the pipeline.
std::string with_url(const std::string& pipeline, const std::string& url) {
  return pipeline + "/url/" + base::base64url_encode(url);
}

constexpr const char* kUrl = "https://media.example:8443/photos/%E7%85%A7%E7%89%87%201.jpg";
constexpr const char* kCard =
    "BEGIN:VCARD\nVERSION:3.0\nN:Wei;Lin\nFN:Lin Wei 林微\nTEL:+43 1 234567\nEND:VCARD\n";

TEST_F(QrCodeTest, FormZeroIsTheUrlOfTheRequest) {
  for (const char* pipeline : {"qrcode", "qrcode/0", "qrcode/0/level/L", "qrcode/level/H"}) {
    EXPECT_EQ(read_code(code_of("not a picture", with_url(pipeline, kUrl))), kUrl) << pipeline;
  }
  EXPECT_EQ(read_code(code_of(make_jpeg(64, 48), with_url("qrcode", kUrl))), kUrl)
      << "of a picture as well";
}

TEST_F(QrCodeTest, FormZeroNeedsSomebodyWhoTellsTheUrl) {
  EXPECT_EQ(reason_of("text", "qrcode"), "bad_parameter");
}

TEST_F(QrCodeTest, FormOneIsTheContentWhateverItIs) {
  EXPECT_EQ(read_code(code_of(kCard, "qrcode/1")), kCard);
  EXPECT_EQ(read_code(code_of(kCard, "qrcode/1/level/M")), kCard);
  EXPECT_EQ(read_code(code_of(kCard, with_url("qrcode/1", kUrl))), kCard);
  EXPECT_EQ(read_code(code_of("x", "qrcode/1")), "x");
}

TEST_F(QrCodeTest, MoreRedundancyMakesALargerCode) {
  // Versions 5, 6, 8 and 10 of ISO/IEC 18004 are the first to hold it.
  const std::string content(100, 'x');
  int before = 0;
  for (const char* level : {"L", "M", "Q", "H"}) {
    const auto variant = run_pipeline(content, std::string("qrcode/1/level/") + level);
    ASSERT_TRUE(variant);
    EXPECT_GT(variant->outcome.width, before) << level;
    before = static_cast<int>(variant->outcome.width);
  }
}

TEST_F(QrCodeTest, EveryLevelHoldsWhatTheStandardSaysAndNoMore) {
  const std::pair<const char*, std::size_t> levels[] = {
      {"L", 2'953}, {"M", 2'331}, {"Q", 1'663}, {"H", 1'273}};
  for (const auto& [level, bytes_max] : levels) {
    // Letters: bytes all the same.
    std::string text;
    for (std::size_t i = 0; i < bytes_max; ++i) text += static_cast<char>('a' + i * 7 % 26);
    const std::string pipeline = std::string("qrcode/1/level/") + level;
    EXPECT_EQ(read_code(code_of(text, pipeline)), text) << level;
    EXPECT_EQ(reason_of(text + "z", pipeline), "bad_parameter") << level;
  }
  EXPECT_EQ(reason_of("", "qrcode/1"), "bad_parameter");
}

TEST_F(QrCodeTest, CommandsBehindItWorkOnTheCode) {
  const auto variant = run_pipeline(kCard, "qrcode/1|imageView2/2/w/300/format/jpg/q/90");
  ASSERT_TRUE(variant);
  EXPECT_EQ(variant->outcome.media_type, "image/jpeg");
  EXPECT_EQ(variant->outcome.width, 300);
  EXPECT_EQ(read_code(variant->file), kCard);
}

TEST_F(QrCodeTest, BehindACommandItsContentIsThatCommandsFile) {
  const std::string tiny = "imageView2/1/w/2/h/2/format/png";
  const auto file = run_pipeline(make_jpeg(64, 48), tiny);
  ASSERT_TRUE(file);
  EXPECT_EQ(code_of(make_jpeg(64, 48), tiny + "|qrcode/1"), code_of(file->file, "qrcode/1"));
}

TEST_F(QrCodeTest, IsEightPxAModuleWithFourModulesOfQuiet) {
  const auto variant = run_pipeline("x", "qrcode/1");
  ASSERT_TRUE(variant);
  EXPECT_EQ(variant->outcome.width, (21 + 2 * 4) * 8) << "version 1";
  const vips::VImage code = decode(variant->file);
  EXPECT_EQ(code.extract_area(0, 0, 232, 32).min(), 255);
  EXPECT_EQ(code.extract_area(32, 32, 56, 8).max(), 0) << "the upper edge of a finder pattern";
}

TEST_F(QrCodeTest, OtherFormsAndLevelsAreRefused) {
  for (const char* pipeline : {"qrcode/2", "qrcode/-1", "qrcode/1/level/X", "qrcode/1/level/l",
                               "qrcode/0/url/!!", "qrcode/1/size/3"}) {
    EXPECT_EQ(reason_of("x", pipeline), "bad_parameter") << pipeline;
  }
}

}  // namespace
}  // namespace millrace::workers::image
