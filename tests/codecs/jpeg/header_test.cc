// SPDX-License-Identifier: Apache-2.0
#include "codecs/jpeg/header.h"

#include <gtest/gtest.h>

#include "tests/codecs/jpeg/made_jpeg.h"

namespace millrace::codecs {
namespace {

using test::Bytes;
using test::Recipe;

JpegHeader header_of(const Bytes& file) {
  auto header = read_jpeg_header(file);
  EXPECT_TRUE(header.has_value());
  return header ? *header : JpegHeader{};
}

void set(Bytes& file, std::size_t at, int value) { file[at] = static_cast<std::byte>(value); }

TEST(JpegHeaderTest, TellsWhatABaselineFileIs) {
  Recipe recipe;
  recipe.restart_interval_mcus = 3;
  const JpegHeader header = header_of(test::make_jpeg(recipe));
  EXPECT_EQ(header.width_px, 67);
  EXPECT_EQ(header.height_px, 45);
  EXPECT_EQ(header.precision_bits, 8);
  EXPECT_EQ(header.process, JpegProcess::Baseline);
  EXPECT_FALSE(header.arithmetic);
  EXPECT_EQ(header.color, JpegColor::YCbCr);
  EXPECT_EQ(header.restart_interval_mcus, 3);
  ASSERT_EQ(header.components.size(), 3U);
  EXPECT_EQ(header.components[0].across, 2);
  EXPECT_EQ(header.components[0].down, 2);
  EXPECT_EQ(header.components[1].across, 1);
  EXPECT_EQ(header.across_max(), 2);
  EXPECT_EQ(header.down_max(), 2);
  ASSERT_EQ(header.scan.size(), 3U);
  EXPECT_EQ(header.scan[1].dc_table, 1);
  ASSERT_TRUE(header.steps[0] && header.dc_codes[0] && header.ac_codes[1]);
  EXPECT_EQ((*header.steps[0])[0], 5);  // 16 at quality 85
  EXPECT_EQ(header.dc_codes[0]->symbol_count, 12);
  EXPECT_TRUE(header.regular);
}

TEST(JpegHeaderTest, TellsTheOtherProcesses) {
  Recipe progressive;
  progressive.progressive = true;
  EXPECT_EQ(header_of(test::make_jpeg(progressive)).process, JpegProcess::Progressive);
  Recipe arithmetic;
  arithmetic.arithmetic = true;
  EXPECT_TRUE(header_of(test::make_jpeg(arithmetic)).arithmetic);
}

TEST(JpegHeaderTest, TellsTheColorsAsLibjpegDoes) {
  Recipe grey;
  grey.components = 1;
  EXPECT_EQ(header_of(test::make_jpeg(grey)).color, JpegColor::Grey);
  Recipe rgb;
  rgb.rgb = true;
  const JpegHeader header = header_of(test::make_jpeg(rgb));
  EXPECT_EQ(header.color, JpegColor::Other);
  EXPECT_EQ(header.adobe_transform, 0);
  Recipe cmyk;
  cmyk.components = 4;
  EXPECT_EQ(header_of(test::make_jpeg(cmyk)).color, JpegColor::Other);
}

TEST(JpegHeaderTest, ReadsNothingBehindTheEnd) {
  const Bytes file = test::make_jpeg({});
  const std::size_t scan = header_of(file).scan_offset_bytes;
  for (std::size_t size = 0; size < scan; ++size) {
    const Bytes prefix(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
    const auto header = read_jpeg_header(prefix);
    ASSERT_FALSE(header.has_value()) << size;
    EXPECT_EQ(header.error().reason, base::Reason::CorruptMedia);
  }
}

TEST(JpegHeaderTest, StepsOverFillBytesAndGarbageBetweenSegments) {
  Bytes file = test::make_jpeg({});
  const std::size_t frame = test::segments(file, 0xC0).at(0);
  const Bytes garbage = {std::byte{0x12}, std::byte{0xFF}, std::byte{0xFF}};
  file.insert(file.begin() + static_cast<std::ptrdiff_t>(frame), garbage.begin(), garbage.end());
  EXPECT_EQ(header_of(file).width_px, 67);
}

TEST(JpegHeaderTest, RefusesWhatHasNoPixels) {
  Bytes file = test::make_jpeg({});
  const std::size_t frame = test::segments(file, 0xC0).at(0);
  set(file, frame + 5, 0);
  set(file, frame + 6, 0);
  EXPECT_FALSE(read_jpeg_header(file).has_value());
}

TEST(JpegHeaderTest, CallsOddWhatLibjpegMustJudge) {
  const Bytes file = test::make_jpeg({});
  const auto is_regular = [&file](int marker, std::size_t offset, int value) {
    Bytes changed = file;
    set(changed, test::segments(file, marker).at(0) + offset, value);
    const auto header = read_jpeg_header(changed);
    return header && header->regular;
  };
  EXPECT_TRUE(is_regular(0xC0, 10, 1));
  EXPECT_FALSE(is_regular(0xC0, 13, 1)) << "two components of one name";
  EXPECT_FALSE(is_regular(0xC0, 11, 0x52)) << "a sampling factor of 5";
  EXPECT_FALSE(is_regular(0xC0, 11, 0x02)) << "a sampling factor of 0";
  EXPECT_FALSE(is_regular(0xC0, 12, 4)) << "a fifth table of steps";
  EXPECT_FALSE(is_regular(0xC4, 4, 4)) << "a fifth code";
  EXPECT_FALSE(is_regular(0xC4, 20, 200)) << "more symbols than the segment has";
  EXPECT_FALSE(is_regular(0xDB, 4, 4)) << "a fifth table of steps";
  EXPECT_FALSE(is_regular(0xDA, 5, 9)) << "a scan of an unknown component";
  EXPECT_FALSE(is_regular(0xDA, 6, 0x40)) << "a scan by a fifth code";
  EXPECT_FALSE(is_regular(0xDA, 4, 2)) << "a scan whose length is not that of two components";
}

}  // namespace
}  // namespace millrace::codecs
