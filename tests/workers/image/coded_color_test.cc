// SPDX-License-Identifier: Apache-2.0
#include "workers/image/coded_color.h"

#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "tests/workers/image/readers/byte_maker.h"
#include "workers/image/icc_profile.h"

namespace millrace::workers::image {
namespace {

using namespace std::string_literals;

std::string chunk(const std::string& type, const std::string& body) {
  return ByteMaker().big(body.size(), 4).text(type).text(body).zeros(4).str();
}
std::optional<CodedColor> of_png(const std::string& chunks) {
  const std::string file =
      "\x89PNG\r\n\x1A\n" + chunk("IHDR", std::string(13, '\0')) + chunks + chunk("IDAT", "");
  return png_color(span_of(file));
}
std::string gama(std::uint64_t value) { return chunk("gAMA", ByteMaker().big(value, 4).str()); }
std::string chrm(std::initializer_list<std::uint64_t> values) {
  ByteMaker body;
  for (const std::uint64_t value : values) body.big(value, 4);
  return chunk("cHRM", body.str());
}

TEST(PngColorTest, SrgbAndWhatIsNearItIsNothingToSay) {
  EXPECT_EQ(of_png(""), std::nullopt);
  EXPECT_EQ(of_png(gama(45'455)), std::nullopt);
  EXPECT_EQ(of_png(gama(45'000)), std::nullopt);
  EXPECT_EQ(of_png(chrm({31'270, 32'900, 64'000, 33'000, 30'000, 60'000, 15'000, 6'000})),
            std::nullopt);
  EXPECT_EQ(of_png(chunk("sRGB", "\0"s) + gama(100'000)), std::nullopt);
  EXPECT_EQ(of_png(chunk("iCCP", "x") + gama(100'000)), std::nullopt);
  EXPECT_EQ(of_png(chunk("cICP", "\x01\x0D\x00\x01"s)), std::nullopt);
}

TEST(PngColorTest, ReadsGammaAndChromaticities) {
  const auto linear = of_png(gama(100'000));
  ASSERT_TRUE(linear);
  EXPECT_EQ(linear->transfer, Transfer::Gamma);
  EXPECT_DOUBLE_EQ(linear->gamma, 1.0);
  const auto adobe = of_png(chrm({31'270, 32'900, 64'000, 33'000, 21'000, 71'000, 15'000, 6'000}));
  ASSERT_TRUE(adobe);
  EXPECT_DOUBLE_EQ(adobe->primaries[1].x, 0.21);
  EXPECT_EQ(adobe->transfer, Transfer::Srgb);
  const auto p3 = of_png(chunk("cICP", "\x0C\x0D\x00\x01"s));
  ASSERT_TRUE(p3);
  EXPECT_DOUBLE_EQ(p3->primaries[0].x, 0.68);
}

TEST(PngColorTest, NonsenseIsNothingToSay) {
  EXPECT_EQ(of_png(gama(0)), std::nullopt);
  EXPECT_EQ(of_png(gama(1)), std::nullopt);
  EXPECT_EQ(of_png(gama(0xFFFFFFFF)), std::nullopt);
  EXPECT_EQ(of_png(chrm({0, 0, 0, 0, 0, 0, 0, 0})), std::nullopt);
  EXPECT_EQ(of_png(chrm({31'270, 32'900, 50'000, 20'000, 50'000, 20'000, 50'000, 20'000})),
            std::nullopt);
  EXPECT_EQ(of_png(chrm({31'270, 32'900, 90'000, 90'000, 30'000, 60'000, 15'000, 6'000})),
            std::nullopt);
  EXPECT_EQ(of_png(chunk("gAMA", "abc")), std::nullopt);
  EXPECT_EQ(of_png(chunk("cICP", "\x63\x0D\x00\x01"s)), std::nullopt);
  const std::string cut = "\x89PNG\r\n\x1A\n\xFF\xFF\xFF\xFFgAMA";
  EXPECT_EQ(png_color(span_of(cut)), std::nullopt);
}

std::string box(const std::string& type, const std::string& body) {
  return ByteMaker().big(8 + body.size(), 4).text(type).text(body).str();
}
std::string nclx(std::uint64_t primaries, std::uint64_t transfer) {
  return box("colr",
             ByteMaker().text("nclx").big(primaries, 2).big(transfer, 2).big(6, 2).zeros(1).str());
}
std::optional<CodedColor> of_heif(const std::string& properties) {
  const std::string file =
      box("ftyp", "avif") +
      box("meta", "\0\0\0\0"s + box("hdlr", "x") + box("iprp", box("ipco", properties)));
  return heif_color(span_of(file));
}

TEST(HeifColorTest, ReadsTheNumbersOfTheColourBox) {
  const auto p3 = of_heif(box("ispe", "x") + nclx(12, 13));
  ASSERT_TRUE(p3);
  EXPECT_DOUBLE_EQ(p3->primaries[1].y, 0.69);
  EXPECT_EQ(p3->transfer, Transfer::Srgb);
  const auto hdr = of_heif(nclx(9, 16));
  ASSERT_TRUE(hdr);
  EXPECT_EQ(hdr->transfer, Transfer::Pq);
}

TEST(HeifColorTest, SaysNothingWhereTheFileDoesNot) {
  EXPECT_EQ(of_heif(""), std::nullopt);
  EXPECT_EQ(of_heif(nclx(1, 13)), std::nullopt);
  EXPECT_EQ(of_heif(nclx(1, 1)), std::nullopt);
  EXPECT_EQ(of_heif(nclx(2, 2)), std::nullopt);
  EXPECT_EQ(of_heif(nclx(12, 13) + nclx(9, 16)), std::nullopt);
  EXPECT_EQ(of_heif(box("colr", "nclx")), std::nullopt);
  EXPECT_EQ(of_heif(box("colr", "prof....")), std::nullopt);
  EXPECT_TRUE(of_heif(nclx(12, 13) + nclx(2, 2) + nclx(12, 13)));
}

TEST(IccOfTest, TheProfileOfSrgbIsSrgb) {
  const IccFacts facts = read_icc(icc_of(CodedColor{}, false));
  EXPECT_TRUE(facts.readable);
  EXPECT_EQ(facts.space, IccSpace::Rgb);
  EXPECT_TRUE(facts.is_srgb);
}

TEST(IccOfTest, OthersAreNot) {
  for (const auto& [primaries, transfer] :
       {std::pair{12U, 13U}, {9U, 13U}, {1U, 8U}, {1U, 4U}, {9U, 16U}, {9U, 18U}}) {
    const auto color = color_of_numbers(primaries, transfer);
    ASSERT_TRUE(color) << primaries << " " << transfer;
    const IccFacts facts = read_icc(icc_of(*color, false));
    EXPECT_TRUE(facts.readable);
    EXPECT_FALSE(facts.is_srgb);
    const IccFacts grey = read_icc(icc_of(*color, true));
    EXPECT_TRUE(grey.readable);
    EXPECT_EQ(grey.space, IccSpace::Gray);
  }
}

}  // namespace
}  // namespace millrace::workers::image
