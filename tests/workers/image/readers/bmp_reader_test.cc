// SPDX-License-Identifier: Apache-2.0
#include "workers/image/readers/bmp_reader.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/workers/image/readers/byte_maker.h"

namespace millrace::workers::image {
namespace {

using Pixels = std::vector<std::uint8_t>;

struct Recipe {
  std::uint32_t header_bytes = 40;
  std::int32_t width = 3;
  std::int32_t height = 2;
  std::uint32_t bits = 24;
  std::uint32_t compression = 0;
  std::string behind_header{};  // masks, palette
  std::uint32_t colors_used = 0;
  std::string pixels{};
};

std::string make_bmp(const Recipe& recipe) {
  ByteMaker header;
  if (recipe.header_bytes == 12) {
    header.little(12, 4);
    header.little(static_cast<std::uint32_t>(recipe.width), 2);
    header.little(static_cast<std::uint32_t>(recipe.height), 2);
    header.little(1, 2).little(recipe.bits, 2);
  } else {
    header.little(recipe.header_bytes, 4);
    header.little(static_cast<std::uint32_t>(recipe.width), 4);
    header.little(static_cast<std::uint32_t>(recipe.height), 4);
    header.little(1, 2).little(recipe.bits, 2).little(recipe.compression, 4);
    header.zeros(12).little(recipe.colors_used, 4).zeros(4);
  }
  header.text(recipe.behind_header);
  const std::size_t pixels_at = 14 + header.size();
  ByteMaker file;
  file.text("BM").little(pixels_at + recipe.pixels.size(), 4).zeros(4).little(pixels_at, 4);
  return file.text(header.str()).text(recipe.pixels).str();
}

// Empty: refused.
Pixels decoded(const std::string& file) {
  const auto bmp = read_bmp(span_of(file));
  if (!bmp) return {};
  Pixels pixels(bmp->layout.bytes());
  return decode_bmp(*bmp, pixels) ? pixels : Pixels{};
}

std::string reason_of(const std::string& file) {
  const auto bmp = read_bmp(span_of(file));
  if (!bmp) return std::string(base::word_of(bmp.error().reason));
  Pixels pixels(bmp->layout.bytes());
  const auto done = decode_bmp(*bmp, pixels);
  return done ? "" : std::string(base::word_of(done.error().reason));
}

// Two lines of three pixels, padded to twelve bytes, from the bottom up.
const std::string kSixPixels = ByteMaker()
                                   .text("\x0A\x0B\x0C\x0D\x0E\x0F\x10\x11\x12")
                                   .zeros(3)
                                   .text("\x01\x02\x03\x04\x05\x06\x07\x08\x09")
                                   .zeros(3)
                                   .str();
const Pixels kSixDecoded = {3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10, 15, 14, 13, 18, 17, 16};

TEST(BmpReaderTest, Reads24BitsFromTheBottomUp) {
  EXPECT_EQ(decoded(make_bmp({.pixels = kSixPixels})), kSixDecoded);
  EXPECT_EQ(decoded(make_bmp({.header_bytes = 12, .pixels = kSixPixels})), kSixDecoded);
}

TEST(BmpReaderTest, ANegativeHeightIsFromTheTopDown) {
  Pixels expected(kSixDecoded.begin() + 9, kSixDecoded.end());
  expected.insert(expected.end(), kSixDecoded.begin(), kSixDecoded.begin() + 9);
  EXPECT_EQ(decoded(make_bmp({.height = -2, .pixels = kSixPixels})), expected);
}

TEST(BmpReaderTest, TheLastLineMayLackItsPaddingAndNothingElse) {
  EXPECT_EQ(decoded(make_bmp({.pixels = kSixPixels.substr(0, 21)})), kSixDecoded);
  EXPECT_EQ(reason_of(make_bmp({.pixels = kSixPixels.substr(0, 20)})), "corrupt_media");
}

TEST(BmpReaderTest, ReadsPalettesOfEveryDepth) {
  const std::string palette =
      ByteMaker().text("\x01\x02\x03").zeros(1).text("\x04\x05\x06").zeros(1).str();
  const Pixels expected = {6, 5, 4, 3, 2, 1, 6, 5, 4};
  const auto one_line = [&](std::uint32_t bits, const std::string& pixels) {
    return decoded(make_bmp(
        {.height = 1, .bits = bits, .behind_header = palette, .colors_used = 2, .pixels = pixels}));
  };
  EXPECT_EQ(one_line(1, ByteMaker().big(0xA0, 1).zeros(3).str()), expected);
  EXPECT_EQ(one_line(2, ByteMaker().big(0x44, 1).zeros(3).str()), expected);
  EXPECT_EQ(one_line(4, ByteMaker().big(0x1010, 2).zeros(2).str()), expected);
  EXPECT_EQ(one_line(8, ByteMaker().big(0x01000100, 4).str()), expected);
}

TEST(BmpReaderTest, AnIndexWithoutAnEntryIsBlack) {
  EXPECT_EQ(decoded(make_bmp({.width = 1,
                              .height = 1,
                              .bits = 8,
                              .behind_header = "\xFF\xFF\xFF\xFF",
                              .colors_used = 1,
                              .pixels = ByteMaker().big(0xC8000000, 4).str()})),
            (Pixels{0, 0, 0}));
}

TEST(BmpReaderTest, Reads16BitsByTheirMasks) {
  // 5-5-5 when nothing else is said; then 5-6-5.
  EXPECT_EQ(decoded(make_bmp({.width = 2,
                              .height = 1,
                              .bits = 16,
                              .pixels = ByteMaker().little(0x7C00, 2).little(0x001F, 2).str()})),
            (Pixels{255, 0, 0, 0, 0, 255}));
  const std::string masks = ByteMaker().little(0xF800, 4).little(0x7E0, 4).little(0x1F, 4).str();
  EXPECT_EQ(decoded(make_bmp({.width = 2,
                              .height = 1,
                              .bits = 16,
                              .compression = 3,
                              .behind_header = masks,
                              .pixels = ByteMaker().little(0x07E0, 2).little(0x8410, 2).str()})),
            (Pixels{0, 255, 0, 132, 130, 132}));
}

std::string v4(std::uint32_t alpha_mask, std::uint32_t first_mask = 0xFF0000) {
  return ByteMaker()
      .little(first_mask, 4)
      .little(0xFF00, 4)
      .little(0xFF, 4)
      .little(alpha_mask, 4)
      .zeros(52)
      .str();
}

TEST(BmpReaderTest, Has32BitsAlphaOnlyWhereAMaskSaysSo) {
  const std::string pixels = ByteMaker().little(0x80FF0000, 4).little(0xFF00FF00, 4).str();
  EXPECT_EQ(decoded(make_bmp({.width = 2, .height = 1, .bits = 32, .pixels = pixels})),
            (Pixels{255, 0, 0, 0, 255, 0}));
  EXPECT_EQ(decoded(make_bmp({.header_bytes = 108,
                              .width = 2,
                              .height = 1,
                              .bits = 32,
                              .compression = 3,
                              .behind_header = v4(0xFF000000),
                              .pixels = pixels})),
            (Pixels{255, 0, 0, 128, 0, 255, 0, 255}));
}

TEST(BmpReaderTest, AnAlphaChannelThatIs0EverywhereWasForgotten) {
  EXPECT_EQ(decoded(make_bmp({.header_bytes = 108,
                              .width = 1,
                              .height = 1,
                              .bits = 32,
                              .compression = 3,
                              .behind_header = v4(0xFF000000),
                              .pixels = ByteMaker().little(0x00FF0000, 4).str()})),
            (Pixels{255, 0, 0, 255}));
}

TEST(BmpReaderTest, MasksMayBeAnyAdjacentBits) {
  // Ten bits of red; a mask with a hole is refused.
  const auto with_mask = [](std::uint32_t mask) {
    return make_bmp({.header_bytes = 108,
                     .width = 1,
                     .height = 1,
                     .bits = 32,
                     .compression = 3,
                     .behind_header = v4(0, mask),
                     .pixels = ByteMaker().little(0xFFC00000, 4).str()});
  };
  EXPECT_EQ(decoded(with_mask(0xFFC00000)), (Pixels{255, 0, 0}));
  EXPECT_EQ(reason_of(with_mask(0x50000000)), "corrupt_media");
}

const std::string kFourGreys = [] {
  ByteMaker palette;
  for (std::uint64_t i = 0; i < 4; ++i) palette.little(i * 0x101010, 4);
  return palette.str();
}();

Recipe rle(std::uint32_t bits, const std::string& code, std::int32_t width = 4,
           std::int32_t height = 2) {
  return {.width = width,
          .height = height,
          .bits = bits,
          .compression = bits == 8 ? 1U : 2U,
          .behind_header = kFourGreys,
          .colors_used = 4,
          .pixels = code};
}

Pixels greys(const std::string& indexes) {
  Pixels pixels;
  for (const char c : indexes)
    pixels.insert(pixels.end(), 3, static_cast<std::uint8_t>((c - '0') * 16));
  return pixels;
}

TEST(BmpReaderTest, ReadsRunsAndLiteralsAndJumps) {
  using namespace std::string_literals;
  // A run of three, one literal stretch of three (padded), end of line; a jump by one to the right.
  const std::string code =
      "\x03\x01\x01\x02\x00\x00"s + "\x00\x02\x01\x00"s + "\x00\x03\x01\x02\x03\x00\x00\x01"s;
  EXPECT_EQ(decoded(make_bmp(rle(8, code))), greys("0123"
                                                   "1112"));
  const std::string nibbles = "\x03\x12\x01\x20\x00\x00"s + "\x00\x04\x12\x31\x00\x01"s;
  EXPECT_EQ(decoded(make_bmp(rle(4, nibbles))), greys("1231"
                                                      "1212"));
}

TEST(BmpReaderTest, ARunBeyondItsLineIsCut) {
  using namespace std::string_literals;
  EXPECT_EQ(decoded(make_bmp(rle(8, "\xFF\x01\x00\x00\x00\x01"s))), greys("0000"
                                                                          "1111"));
  EXPECT_EQ(decoded(make_bmp(rle(8, "\x00\x02\xFF\x01\x02\x03\x00\x01"s))), greys("0000"
                                                                                  "0000"));
  EXPECT_EQ(decoded(make_bmp(rle(8, "\x00\x02\x00\xFF\x02\x03\x00\x01"s))), greys("0000"
                                                                                  "0000"));
}

TEST(BmpReaderTest, RunsThatEndBeforeThePictureDoesAreDamage) {
  using namespace std::string_literals;
  EXPECT_EQ(reason_of(make_bmp(rle(8, "\x04\x01\x00\x00"s))), "corrupt_media");
  EXPECT_EQ(reason_of(make_bmp(rle(8, "\x04\x01\x00\x00\x00\x09\x01"s))), "corrupt_media");
  // The marks behind the last line are not needed.
  EXPECT_EQ(reason_of(make_bmp(rle(8, "\x04\x01\x00\x00\x04\x01"s))), "");
}

TEST(BmpReaderTest, SaysWhatASizeClaimsWithoutAllocatingIt) {
  const auto bmp =
      read_bmp(span_of(make_bmp({.width = 40'000, .height = 40'000, .pixels = "xxxx"})));
  ASSERT_TRUE(bmp);
  EXPECT_EQ(bmp->layout.size, (Size{40'000, 40'000}));
  const auto deep = read_bmp(span_of(make_bmp({.height = INT32_MIN, .pixels = "xxxx"})));
  ASSERT_TRUE(deep);
  EXPECT_EQ(deep->layout.size.height, std::int64_t{INT32_MAX} + 1);
}

TEST(BmpReaderTest, RefusesWhatItCannotRead) {
  EXPECT_EQ(reason_of(make_bmp({.compression = 4, .pixels = kSixPixels})), "unsupported_media");
  EXPECT_EQ(reason_of(make_bmp({.compression = 5, .pixels = kSixPixels})), "unsupported_media");
  EXPECT_EQ(reason_of(make_bmp({.bits = 64, .pixels = kSixPixels})), "unsupported_media");
  EXPECT_EQ(reason_of(make_bmp({.bits = 0, .pixels = kSixPixels})), "unsupported_media");
  EXPECT_EQ(reason_of(make_bmp({.width = 0, .pixels = kSixPixels})), "corrupt_media");
  EXPECT_EQ(reason_of(make_bmp({.width = -1, .pixels = kSixPixels})), "corrupt_media");
  EXPECT_EQ(reason_of(make_bmp({.height = 0, .pixels = kSixPixels})), "corrupt_media");
  EXPECT_EQ(reason_of(make_bmp({.height = -2, .bits = 8, .compression = 1, .pixels = "xx"})),
            "corrupt_media");
  EXPECT_EQ(reason_of(make_bmp({.header_bytes = 41, .pixels = kSixPixels})), "corrupt_media");
  EXPECT_EQ(reason_of("BM"), "corrupt_media");
}

TEST(BmpReaderTest, FindsTheProfileOfAV5Header) {
  ByteMaker behind;
  behind.little(0, 16)
      .little(0x4D424544, 4)
      .zeros(36 + 12 + 4)
      .little(124 + 4, 4)
      .little(7, 4)
      .zeros(4);
  const std::string file = make_bmp({.header_bytes = 124,
                                     .width = 1,
                                     .height = 1,
                                     .behind_header = behind.str(),
                                     .pixels = "abc" + std::string(1, '\0') + "profile"});
  const auto bmp = read_bmp(span_of(file));
  ASSERT_TRUE(bmp);
  EXPECT_EQ(std::string(bmp->icc.begin(), bmp->icc.end()), "profile");
  const auto cut = read_bmp(span_of(file.substr(0, file.size() - 1)));
  ASSERT_TRUE(cut);
  EXPECT_TRUE(cut->icc.empty());
}

}  // namespace
}  // namespace millrace::workers::image
