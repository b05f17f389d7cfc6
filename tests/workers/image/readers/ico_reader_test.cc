// SPDX-License-Identifier: Apache-2.0
#include "workers/image/readers/ico_reader.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/workers/image/readers/byte_maker.h"

namespace millrace::workers::image {
namespace {

using Pixels = std::vector<std::uint8_t>;

struct Part {
  std::uint32_t side = 0;
  std::uint32_t bits = 32;
  std::string bytes{};
};

std::string make_icon(const std::vector<Part>& parts) {
  ByteMaker file;
  file.little(0, 2).little(1, 2).little(parts.size(), 2);
  std::size_t at = 6 + 16 * parts.size();
  for (const Part& part : parts) {
    file.little(part.side, 1).little(part.side, 1).zeros(2).little(1, 2).little(part.bits, 2);
    file.little(part.bytes.size(), 4).little(at, 4);
    at += part.bytes.size();
  }
  for (const Part& part : parts) file.text(part.bytes);
  return file.str();
}

// 2x1 px; the height counts the mask as well.
std::string bitmap(std::uint32_t bits, const std::string& pixels, std::uint32_t height = 2) {
  return ByteMaker()
      .little(40, 4)
      .little(2, 4)
      .little(height, 4)
      .little(1, 2)
      .little(bits, 2)
      .zeros(24)
      .text(pixels)
      .str();
}

const std::string kRedAndGreen = ByteMaker().little(0xFFFF0000, 4).little(0x8000FF00, 4).str();
const std::string kSecondHidden = ByteMaker().big(0x40000000, 4).str();

Pixels decoded(const std::string& file, std::optional<std::int64_t> page = std::nullopt) {
  const auto icon = read_icon(span_of(file), page);
  if (!icon || !icon->png.empty()) return {};
  Pixels pixels(icon->bitmap.layout.bytes());
  return decode_icon(*icon, pixels) ? pixels : Pixels{};
}

TEST(IcoReaderTest, TakesTheAlphaOfThirtyTwoBits) {
  EXPECT_EQ(decoded(make_icon({{2, 32, bitmap(32, kRedAndGreen + kSecondHidden)}})),
            (Pixels{255, 0, 0, 255, 0, 255, 0, 128}));
}

TEST(IcoReaderTest, TakesTheMaskWhereThereIsNoAlpha) {
  const std::string zero_alpha = ByteMaker().little(0xFF0000, 4).little(0xFF00, 4).str();
  EXPECT_EQ(decoded(make_icon({{2, 32, bitmap(32, zero_alpha + kSecondHidden)}})),
            (Pixels{255, 0, 0, 255, 0, 255, 0, 0}));
  const std::string rgb = ByteMaker().text("\x01\x02\x03\x04\x05\x06").zeros(2).str();
  EXPECT_EQ(decoded(make_icon({{2, 24, bitmap(24, rgb + kSecondHidden)}})),
            (Pixels{3, 2, 1, 255, 6, 5, 4, 0}));
  // Without a mask it is opaque.
  EXPECT_EQ(decoded(make_icon({{2, 24, bitmap(24, rgb)}})), (Pixels{3, 2, 1, 255, 6, 5, 4, 255}));
}

TEST(IcoReaderTest, ChoosesTheLargestThenTheOneWithMostColours) {
  const std::string png = "\x89PNG\r\n\x1A\n" + std::string(20, 'x');
  const std::string icon = make_icon({{16, 32, bitmap(32, kRedAndGreen)},
                                      {0, 8, png},  // 0 is 256
                                      {32, 32, bitmap(32, kRedAndGreen)}});
  const auto best = read_icon(span_of(icon), std::nullopt);
  ASSERT_TRUE(best);
  EXPECT_EQ(best->pages, 3);
  EXPECT_EQ(std::string(best->png.begin(), best->png.end()), png);
  const std::string blue = ByteMaker().little(0xFF0000FF, 4).little(0xFF0000FF, 4).str();
  EXPECT_EQ(decoded(make_icon({{16, 8, bitmap(32, kRedAndGreen)}, {16, 32, bitmap(32, blue)}})),
            (Pixels{0, 0, 255, 255, 0, 0, 255, 255}));
}

TEST(IcoReaderTest, GivesThePageThatIsAskedFor) {
  const std::string icon =
      make_icon({{2, 32, bitmap(32, kRedAndGreen)}, {0, 32, "\x89PNG\r\n\x1A\n"}});
  EXPECT_EQ(decoded(icon, 0), (Pixels{255, 0, 0, 255, 0, 255, 0, 128}));
  const auto beyond = read_icon(span_of(icon), 2);
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().reason, base::Reason::BadParameter);
}

TEST(IcoReaderTest, RefusesADamagedDirectory) {
  const std::string icon = make_icon({{2, 32, bitmap(32, kRedAndGreen)}});
  for (const std::string& bad :
       {icon.substr(0, 5), icon.substr(0, 21), icon.substr(0, icon.size() - 1), make_icon({}),
        make_icon({{2, 32, ""}}), make_icon({{2, 32, "short"}}),
        make_icon({{2, 32, bitmap(32, kRedAndGreen, 3)}}),
        make_icon(std::vector<Part>(257, {2, 32, "x"}))}) {
    const auto read = read_icon(span_of(bad), std::nullopt);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().reason, base::Reason::CorruptMedia);
  }
}

TEST(IcoReaderTest, PixelsThatEndEarlyAreDamage) {
  EXPECT_EQ(decoded(make_icon({{2, 32, bitmap(32, kRedAndGreen.substr(0, 7))}})), Pixels{});
}

}  // namespace
}  // namespace millrace::workers::image
