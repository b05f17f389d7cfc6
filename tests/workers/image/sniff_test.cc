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

TEST(SniffTest, KnowsTheFormatsWithWeakMagicByMore) {
  EXPECT_EQ(sniffed("BM" + std::string(12, '\0') + "\x28\0\0\0"s).format, SourceFormat::Bmp);
  EXPECT_EQ(sniffed("BM" + std::string(12, '\0') + "\x29\0\0\0"s).format, std::nullopt);
  EXPECT_EQ(sniffed("BMW is no picture, but it begins like one").format, std::nullopt);
  const std::string icon = "\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0\x30\0\0\0\x16\0\0\0"s;
  EXPECT_EQ(sniffed(icon).format, SourceFormat::Ico);
  EXPECT_EQ(sniffed(icon.substr(0, 21)).format, std::nullopt);
  EXPECT_EQ(sniffed("\0\0\1\0"s + icon.substr(4, 5) + "\1" + icon.substr(10)).format, std::nullopt);
  EXPECT_EQ(sniffed("\0\0\2\0"s + icon.substr(4)).seen, "a cursor");
}

TEST(SniffTest, KnowsTheOtherFormats) {
  EXPECT_EQ(sniffed("8BPS\0\1"s).format, SourceFormat::Psd);
  EXPECT_EQ(sniffed("%PDF-1.7").format, SourceFormat::Pdf);
  EXPECT_EQ(sniffed(" %PDF-1.7").format, std::nullopt);
  EXPECT_EQ(sniffed("\xFF\x0A").format, SourceFormat::Jxl);
  EXPECT_EQ(sniffed("\0\0\0\x0CJXL \r\n\x87\n"s).format, SourceFormat::Jxl);
  EXPECT_EQ(sniffed("\0\0\0\x0CjP  \r\n\x87\n"s).format, SourceFormat::Jp2);
  EXPECT_EQ(sniffed("\xFF\x4F\xFF\x51").format, SourceFormat::Jp2);
  EXPECT_EQ(sniffed("<?xml version='1.0'?><svg xmlns='x'/>").format, SourceFormat::Svg);
  EXPECT_EQ(sniffed("<?xml version='1.0'?><rss/>").seen, "an XML document that is no SVG");
}

TEST(SniffTest, NamesWhatItDoesNotTake) {
  EXPECT_EQ(sniffed("\x1F\x8B\x08").seen, "a gzip archive");
  EXPECT_EQ(sniffed("P6 1 1 255").seen, "a Netpbm picture");
  EXPECT_EQ(sniffed("\0\0\0\x14"s + "ftypisom\0\0\0\0mp42"s).seen,
            "an audio or video file of the MP4 family");
  EXPECT_EQ(sniffed("").seen, "an empty file");
  EXPECT_EQ(sniffed("x").seen, "bytes of no known kind");
  for (const char* bytes : {"%PDF", "BM", "<svg", "", "x", "\xFF\xD8", "GIF8", "8BP"}) {
    EXPECT_EQ(sniffed(bytes).format, std::nullopt) << bytes;
  }
}

}  // namespace
}  // namespace millrace::workers::image
