// SPDX-License-Identifier: Apache-2.0
#include "workers/image/exif.h"

#include <gtest/gtest.h>

namespace millrace::workers::image {
namespace {

std::vector<std::uint8_t> bytes(const std::string& text) { return {text.begin(), text.end()}; }

TEST(ExifTest, ReadsWhatItWrites) {
  for (const std::string text : {"A", "(c)", "(c) 2024 Lin Wei", "é"}) {
    const auto block = exif_with_copyright(text);
    EXPECT_EQ(read_exif(block).copyright, text);
    EXPECT_EQ(read_exif(block).orientation, 1);
    EXPECT_FALSE(read_exif(block).says_orientation);
  }
}

TEST(ExifTest, CutsACopyrightThatNoSegmentHolds) {
  EXPECT_LE(exif_with_copyright(std::string(100'000, 'x')).size(), 65'533U);
}

TEST(ExifTest, ReadsBigEndianOrientation) {
  using namespace std::string_literals;
  const std::string block =
      "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"s;
  EXPECT_EQ(read_exif(bytes(block)).orientation, 6);
  EXPECT_TRUE(read_exif(bytes(block)).says_orientation);
}

TEST(ExifTest, TakesAnOrientationOutsideOneToEightForNone) {
  using namespace std::string_literals;
  const std::string block = "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x09\0\0\0\0\0\0"s;
  EXPECT_EQ(read_exif(bytes(block)).orientation, 1);
  EXPECT_FALSE(read_exif(bytes(block)).says_orientation);
}

TEST(ExifTest, ReadsEveryBrokenBlockAsEmpty) {
  const auto whole = exif_with_copyright("(c) somebody");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const ExifFacts facts = read_exif({whole.data(), size});
    EXPECT_EQ(facts.copyright, "") << size;
  }
}

TEST(ExifTest, DoesNotFollowAnOffsetOutOfTheBlock) {
  auto block = exif_with_copyright("(c) somebody");
  for (std::size_t i = 24; i < 28; ++i) block[i] = 0xFF;
  EXPECT_EQ(read_exif(block).copyright, "");
}

TEST(IptcTest, FindsTheNoticeBareAndInPhotoshopsResources) {
  using namespace std::string_literals;
  const std::string records = "\x1c\x02\x05\0\x02no\x1c\x02\x74\0\x05(c) x"s;
  EXPECT_EQ(read_iptc_copyright(bytes(records)), "(c) x");
  const std::string resources = "Photoshop 3.0\0"s + "8BIM\x03\xED\0\0\0\0\0\x02"s + "ab"s +
                                "8BIM\x04\x04\0\0\0\0\0"s + static_cast<char>(records.size()) +
                                records;
  EXPECT_EQ(read_iptc_copyright(bytes(resources)), "(c) x");
}

TEST(IptcTest, ReadsBrokenRecordsAsNone) {
  using namespace std::string_literals;
  EXPECT_EQ(read_iptc_copyright(bytes("\x1c\x02\x74\0\x50(c) x"s)), "");
  EXPECT_EQ(read_iptc_copyright(bytes("Photoshop 3.0\0"s + "8BIM\x04\x04\0\0\xFF\xFF\xFF\xFF"s)),
            "");
  EXPECT_EQ(read_iptc_copyright({}), "");
}

}  // namespace
}  // namespace millrace::workers::image
