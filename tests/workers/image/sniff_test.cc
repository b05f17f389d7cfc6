// SPDX-License-Identifier: Apache-2.0
#include "workers/image/sniff.h"

#include <string>

#include <gtest/gtest.h>

namespace millrace::workers::image {
namespace {

using namespace std::string_literals;

Sniffed sniffed(const std::string& bytes) {
  return sniff({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

TEST(SniffTest, KnowsTheAllowedFormatsByTheirFirstBytes) {
  EXPECT_EQ(sniffed("\xFF\xD8\xFF\xE0").format, SourceFormat::Jpeg);
  EXPECT_EQ(sniffed("\x89PNG\r\n\x1A\n").format, SourceFormat::Png);
  EXPECT_EQ(sniffed("RIFF\0\0\0\0WEBPVP8 "s).format, SourceFormat::Webp);
  EXPECT_EQ(sniffed("GIF89a").format, SourceFormat::Gif);
  EXPECT_EQ(sniffed("GIF87a").format, SourceFormat::Gif);
  EXPECT_EQ(sniffed("II*\0"s).format, SourceFormat::Tiff);
  EXPECT_EQ(sniffed("MM\0*"s).format, SourceFormat::Tiff);
  EXPECT_EQ(sniffed("MM\0+"s).format, SourceFormat::Tiff);
}

TEST(SniffTest, TellsAvifFromHeicByBrand) {
  EXPECT_EQ(sniffed("\0\0\0\x18"s + "ftypavif\0\0\0\0mif1miaf"s).format, SourceFormat::Avif);
  EXPECT_EQ(sniffed("\0\0\0\x18"s + "ftypmif1\0\0\0\0avifmiaf"s).format, SourceFormat::Avif);
  EXPECT_EQ(sniffed("\0\0\0\x18"s + "ftypheic\0\0\0\0mif1heic"s).format, SourceFormat::Heic);
  EXPECT_EQ(sniffed("\0\0\0\x18"s + "ftypmif1\0\0\0\0mif1heic"s).format, SourceFormat::Heic);
  // The brand lies behind the box.
  EXPECT_EQ(sniffed("\0\0\0\x14"s + "ftypisom\0\0\0\0mp42avif"s).format, std::nullopt);
}

TEST(SniffTest, NamesWhatItDoesNotTake) {
  EXPECT_EQ(sniffed("%PDF-1.7").seen, "a PDF document");
  EXPECT_EQ(sniffed("BM....").seen, "a BMP picture");
  EXPECT_EQ(sniffed("<svg xmlns=").seen, "an SVG picture");
  EXPECT_EQ(sniffed("\0\0\0\x14"s + "ftypisom\0\0\0\0mp42"s).seen,
            "an audio or video file of the MP4 family");
  EXPECT_EQ(sniffed("").seen, "an empty file");
  EXPECT_EQ(sniffed("x").seen, "bytes of no known kind");
  for (const char* bytes : {"%PDF-1.7", "BM", "<svg", "", "x", "\xFF\xD8", "GIF8"}) {
    EXPECT_EQ(sniffed(bytes).format, std::nullopt) << bytes;
  }
}

}  // namespace
}  // namespace millrace::workers::image
