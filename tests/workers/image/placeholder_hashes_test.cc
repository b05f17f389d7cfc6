// SPDX-License-Identifier: Apache-2.0
//
// The expected hashes were made by the formats' own encoders, of pixels that a formula gives: the
// one in C of woltapp/blurhash (the one in TypeScript overlooks negative terms when it looks for
// the largest) and npm's thumbhash 0.1.1.
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "workers/image/blurhash.h"
#include "workers/image/thumbhash.h"

namespace millrace::workers::image {
namespace {

std::vector<std::uint8_t> pixels(int width, int height, bool with_alpha, int bands) {
  std::vector<std::uint8_t> values;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      values.push_back(static_cast<std::uint8_t>(x * 5 + y));
      values.push_back(static_cast<std::uint8_t>(y * 7 + (x >> 3) * 16));
      values.push_back(static_cast<std::uint8_t>(x * y));
      if (bands == 4) values.push_back(static_cast<std::uint8_t>(with_alpha ? x * 3 + y * 2 : 255));
    }
  }
  return values;
}

struct BlurVector {
  int width;
  int height;
  int across;
  int down;
  std::string hash;
};

TEST(BlurhashTest, IsWhatTheReferenceEncoderGives) {
  for (const BlurVector& v :
       {BlurVector{32, 32, 4, 3, "LoCH[qEKr;bWQCjXf+e?bog2e@fl"},
        BlurVector{
            48, 20, 9, 9,
            "|wH1V|0}w@S0jXj?ayogWXZjbXjvfSfmf9fkf5fhbVj]fTfSfOfNfOfSfSoIWYjva^fOfSfTfOfOadj^"
            "fOfOfTfSfNfPfSs-WYjqa~fSfMfSfSfPaej[fOfTfNfSfSfOfRs;WUjva{fOfSfOfSfOafj=fSfOfSfP"
            "fRfOfR"},
        BlurVector{20, 48, 1, 1, "0099ot"}, BlurVector{33, 17, 5, 2, "DOBy%V0^w=W-a%ZMbtj{fBff"},
        BlurVector{17, 33, 1, 9, "=p7E8}UfgFjFa$kCaekBaf"}}) {
    EXPECT_EQ(blurhash_of(pixels(v.width, v.height, false, 3), v.width, v.height, v.across, v.down),
              v.hash);
  }
}

int digit_of(char c) {
  const std::string digits =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";
  return static_cast<int>(digits.find(c));
}

// What a hash of these terms shows at that place (0..1 each way), linear light of one band: the
// specification's decoder.
double shown(const std::string& hash, int across, int down, double u, double v, int band) {
  const double scale = (digit_of(hash[1]) + 1) / 166.0;
  double sum = 0;
  for (int j = 0; j < down; ++j) {
    for (int i = 0; i < across; ++i) {
      double term = 0;
      if (i == 0 && j == 0) {
        int value = 0;
        for (std::size_t k = 2; k < 6; ++k) value = value * 83 + digit_of(hash[k]);
        const double srgb = ((value >> (16 - 8 * band)) & 255) / 255.0;
        term = srgb <= 0.04045 ? srgb / 12.92 : std::pow((srgb + 0.055) / 1.055, 2.4);
      } else {
        const auto at = static_cast<std::size_t>(4 + 2 * (j * across + i));
        const int value = digit_of(hash[at]) * 83 + digit_of(hash[at + 1]);
        const int steps[] = {value / 361, value / 19 % 19, value % 19};
        const double root = (steps[band] - 9) / 9.0;
        term = std::copysign(root * root, root) * scale;
      }
      sum += term * std::cos(M_PI * i * u) * std::cos(M_PI * j * v);
    }
  }
  return sum;
}

TEST(BlurhashTest, ShowsThePictureAgainWhenItIsDecoded) {
  // Bright on the left, dark on the right, and reddish below.
  std::vector<std::uint8_t> picture;
  for (int y = 0; y < 32; ++y) {
    for (int x = 0; x < 32; ++x) {
      picture.push_back(static_cast<std::uint8_t>(x < 16 ? 230 : 60));
      picture.push_back(static_cast<std::uint8_t>(x < 16 && y < 16 ? 230 : 40));
      picture.push_back(40);
    }
  }
  const std::string hash = blurhash_of(picture, 32, 32, 4, 4);
  EXPECT_EQ(hash.size(), 4U + 2 * 16);
  EXPECT_GT(shown(hash, 4, 4, 0.2, 0.2, 0), shown(hash, 4, 4, 0.8, 0.2, 0) + 0.3);
  EXPECT_GT(shown(hash, 4, 4, 0.2, 0.2, 1), shown(hash, 4, 4, 0.2, 0.8, 1) + 0.3);
  EXPECT_NEAR(shown(hash, 4, 4, 0.5, 0.5, 2), 0.0212, 0.02);
}

TEST(BlurhashTest, OfAnEvenPictureIsItsColour) {
  const std::vector<std::uint8_t> white(static_cast<std::size_t>(8 * 8 * 3), 255);
  // 0xFFFFFF in base 83, and terms that are nothing but what cosines at these places do not cancel.
  EXPECT_EQ(blurhash_of(white, 8, 8, 1, 1), "00TSUA");
  EXPECT_EQ(blurhash_of(white, 8, 8, 4, 3).substr(2, 4), "TSUA");
}

std::string base64_of(const std::vector<std::uint8_t>& bytes) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = (group << 8) | (i + k < bytes.size() ? bytes[i + k] : 0U);
    for (std::size_t k = 0; k < 4; ++k) {
      text += i + k > bytes.size() ? '=' : digits[(group >> (18 - 6 * k)) & 63];
    }
  }
  return text;
}

struct ThumbVector {
  int width;
  int height;
  bool with_alpha;
  std::string hash;
};

TEST(ThumbhashTest, IsWhatTheReferenceEncoderGives) {
  for (const ThumbVector& v : {ThumbVector{32, 32, false, "W7gNHxJhdndwiIiGiGeHZ3iHRy/6go8I"},
                               ThumbVector{100, 66, false, "XwgGDYZjIHpGV3p3dmdydLUtD3xZ"},
                               ThumbVector{40, 100, false, "XxgKEwxQU1lndWZxkGYIZWU="},
                               ThumbVector{100, 3, false, "1jkOOYpwg3iUh4h3dU/4loc="},
                               ThumbVector{64, 48, true, "3veFFIooCJppmGU5q8B2CoUKhkaWZnl4Bw=="},
                               ThumbVector{30, 90, true, "HxiGCgYogKVomCjQtgc4ynR3cHiHd3c="}}) {
    EXPECT_EQ(
        base64_of(thumbhash_of(pixels(v.width, v.height, v.with_alpha, 4), v.width, v.height)),
        v.hash)
        << v.width << "x" << v.height;
  }
}

// The header, as the format has it: average colour, shape, and whether there is transparency.
TEST(ThumbhashTest, TellsAverageShapeAndTransparency) {
  std::vector<std::uint8_t> orange;
  for (int i = 0; i < 60 * 30; ++i) orange.insert(orange.end(), {255, 128, 0, 255});
  auto bytes = thumbhash_of(orange, 60, 30);
  const int header = bytes[0] | (bytes[1] << 8) | (bytes[2] << 16);
  const double lightness = (header & 63) / 63.0;
  const double yellow_blue = ((header >> 6) & 63) / 31.5 - 1;
  const double red_green = ((header >> 12) & 63) / 31.5 - 1;
  const double blue = lightness - 2.0 / 3.0 * yellow_blue;
  const double red = (3 * lightness - blue + red_green) / 2;
  EXPECT_NEAR(red, 1.0, 0.04);
  EXPECT_NEAR(red - red_green, 0.5, 0.04);
  EXPECT_NEAR(blue, 0.0, 0.04);
  EXPECT_EQ(header >> 23, 0);
  EXPECT_EQ(bytes[4] >> 7, 1) << "wide";
  EXPECT_EQ(bytes[3] & 7, 4) << "terms down of seven across";
  orange[3] = 0;
  bytes = thumbhash_of(orange, 60, 30);
  EXPECT_EQ(bytes[2] >> 7, 1);
}

TEST(ThumbhashTest, SurvivesThePictureThatCannotBeSeen) {
  const std::vector<std::uint8_t> nothing(static_cast<std::size_t>(4 * 4 * 4), 0);
  EXPECT_GE(thumbhash_of(nothing, 4, 4).size(), 6U);
  EXPECT_GE(thumbhash_of({nothing.data(), 4}, 1, 1).size(), 5U);
}

}  // namespace
}  // namespace millrace::workers::image
