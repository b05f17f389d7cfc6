// SPDX-License-Identifier: Apache-2.0
#include "workers/image/readers/psd_reader.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/workers/image/readers/byte_maker.h"

namespace millrace::workers::image {
namespace {

using namespace std::string_literals;
using Pixels = std::vector<std::uint8_t>;

struct Recipe {
  std::uint32_t version = 1;
  std::uint32_t channels = 3;
  std::uint32_t height = 1;
  std::uint32_t width = 2;
  std::uint32_t depth = 8;
  std::uint32_t mode = 3;  // RGB
  std::string color_mode{};
  std::string resources{};
  std::string layers{};
  std::uint32_t compression = 0;
  std::string pixels = "\x01\x02\x03\x04\x05\x06";
};

std::string make_psd(const Recipe& recipe) {
  ByteMaker file;
  file.text("8BPS").big(recipe.version, 2).zeros(6).big(recipe.channels, 2);
  file.big(recipe.height, 4).big(recipe.width, 4).big(recipe.depth, 2).big(recipe.mode, 2);
  file.section(recipe.color_mode).section(recipe.resources).section(recipe.layers);
  return file.big(recipe.compression, 2).text(recipe.pixels).str();
}

std::string resource(std::uint32_t id, const std::string& body) {
  ByteMaker made;
  made.text("8BIM").big(id, 2).zeros(2).section(body);
  return made.size() % 2 == 0 ? made.str() : made.zeros(1).str();
}

// A negative count of layers.
const std::string kTransparent = ByteMaker().section(ByteMaker().big(0xFFFF, 2).str()).str();

Pixels decoded(const std::string& file) {
  const auto psd = read_psd(span_of(file));
  if (!psd) return {};
  Pixels pixels(psd->layout.bytes());
  return decode_psd(*psd, pixels) ? pixels : Pixels{};
}

std::string reason_of(const std::string& file) {
  const auto psd = read_psd(span_of(file));
  if (!psd) return std::string(base::word_of(psd.error().reason));
  Pixels pixels(psd->layout.bytes());
  const auto done = decode_psd(*psd, pixels);
  return done ? "" : std::string(base::word_of(done.error().reason));
}

TEST(PsdReaderTest, PutsThePlanesSideBySide) {
  EXPECT_EQ(decoded(make_psd({})), (Pixels{1, 3, 5, 2, 4, 6}));
}

TEST(PsdReaderTest, UnpacksRuns) {
  // Lengths of the three lines, then a run, a literal stretch, and both with a mark that means
  // nothing.
  const std::string packed = ByteMaker()
                                 .big(2, 2)
                                 .big(3, 2)
                                 .big(5, 2)
                                 .text("\xFF\x07"s)
                                 .text("\x01\x08\x09"s)
                                 .text("\x80\x00\x0A\x00\x0B"s)
                                 .str();
  EXPECT_EQ(decoded(make_psd({.compression = 1, .pixels = packed})), (Pixels{7, 8, 10, 7, 9, 11}));
}

TEST(PsdReaderTest, ALineThatDoesNotComeOutIsDamage) {
  const auto with_red = [](const std::string& red) {
    return make_psd({.compression = 1,
                     .pixels = ByteMaker()
                                   .big(red.size(), 2)
                                   .big(2, 2)
                                   .big(2, 2)
                                   .text(red)
                                   .text("\xFF\x01\xFF\x01")
                                   .str()});
  };
  EXPECT_EQ(reason_of(with_red("\xFF\x07"s)), "");
  EXPECT_EQ(reason_of(with_red("\xFE\x07"s)), "corrupt_media");      // three pixels
  EXPECT_EQ(reason_of(with_red("\x00\x07"s)), "corrupt_media");      // one
  EXPECT_EQ(reason_of(with_red("\x02\x07\x07"s)), "corrupt_media");  // more than there is
  EXPECT_EQ(reason_of(with_red("\xFF"s)), "corrupt_media");
  EXPECT_EQ(reason_of(with_red(""s)), "corrupt_media");
}

TEST(PsdReaderTest, ReadsTheModes) {
  EXPECT_EQ(decoded(make_psd({.channels = 1, .mode = 1, .pixels = "\x05\x06"})), (Pixels{5, 6}));
  EXPECT_EQ(decoded(make_psd({.channels = 1, .depth = 1, .mode = 0, .pixels = "\x40"})),
            (Pixels{255, 0}));
  std::string palette(768, '\0');
  palette[1] = '\x09';
  palette[256 + 1] = '\x08';
  palette[512 + 1] = '\x07';
  EXPECT_EQ(
      decoded(make_psd({.channels = 1, .mode = 2, .color_mode = palette, .pixels = "\x01\x00"s})),
      (Pixels{9, 8, 7, 0, 0, 0}));
  // Ink the other way round: 255 is none.
  EXPECT_EQ(
      decoded(make_psd({.channels = 4, .width = 1, .mode = 4, .pixels = "\xFF\x00\xFE\x01"s})),
      (Pixels{0, 255, 1, 254}));
  const auto lab = read_psd(span_of(make_psd({.mode = 9})));
  ASSERT_TRUE(lab);
  EXPECT_EQ(lab->layout.color, RasterColor::Lab);
}

TEST(PsdReaderTest, ReadsSixteenBits) {
  const auto pixels =
      decoded(make_psd({.channels = 1, .width = 1, .depth = 16, .mode = 1, .pixels = "\x12\x34"s}));
  ASSERT_EQ(pixels.size(), 2U);
  EXPECT_EQ(pixels[0] | (pixels[1] << 8), 0x1234);
}

TEST(PsdReaderTest, AFourthPlaneIsAlphaOnlyWhereTheLayersSaySo) {
  const std::string planes = "\x80\xFF\x80\xFF\x80\xFF\x80\x00"s;
  EXPECT_EQ(decoded(make_psd({.channels = 4, .pixels = planes})),
            (Pixels{128, 128, 128, 255, 255, 255}));
  // Half transparent black on white is 127: the white is taken out again.
  EXPECT_EQ(decoded(make_psd({.channels = 4, .layers = kTransparent, .pixels = planes})),
            (Pixels{1, 1, 1, 128, 255, 255, 255, 0}));
}

TEST(PsdReaderTest, FindsTheProfileAndTheNotice) {
  const std::string resources = resource(0x03ED, "abc") + resource(0x040F, "profile") +
                                resource(0x0404, "iptc") + resource(0x0422, "exif!");
  const std::string file = make_psd({.resources = resources});
  const auto psd = read_psd(span_of(file));
  ASSERT_TRUE(psd);
  EXPECT_EQ(std::string(psd->icc.begin(), psd->icc.end()), "profile");
  EXPECT_EQ(std::string(psd->iptc.begin(), psd->iptc.end()), "iptc");
  EXPECT_EQ(std::string(psd->exif.begin(), psd->exif.end()), "exif!");
}

TEST(PsdReaderTest, RefusesWhatHasNoFlatPicture) {
  EXPECT_EQ(reason_of(make_psd({.resources = resource(0x0421, "\0\0\0\1\0"s)})),
            "unsupported_media");
  EXPECT_EQ(reason_of(make_psd({.resources = resource(0x0421, "\0\0\0\1\1"s)})), "");
}

TEST(PsdReaderTest, RefusesWhatItCannotRead) {
  EXPECT_EQ(reason_of(make_psd({.version = 2})), "unsupported_media");
  EXPECT_EQ(reason_of(make_psd({.depth = 32})), "unsupported_media");
  EXPECT_EQ(reason_of(make_psd({.mode = 7})), "unsupported_media");
  EXPECT_EQ(reason_of(make_psd({.compression = 2})), "unsupported_media");
  for (const Recipe& bad : {Recipe{.channels = 0}, Recipe{.channels = 57}, Recipe{.channels = 2},
                            Recipe{.height = 0}, Recipe{.width = 30'001}, Recipe{.depth = 7},
                            Recipe{.depth = 1}, Recipe{.channels = 1, .mode = 2}}) {
    EXPECT_EQ(reason_of(make_psd(bad)), "corrupt_media");
  }
}

TEST(PsdReaderTest, AFileThatEndsEarlyIsDamageWhereverItEnds) {
  const std::string whole = make_psd({.resources = resource(0x040F, "profile")});
  ASSERT_EQ(reason_of(whole), "");
  for (std::size_t size = 4; size < whole.size(); ++size) {
    EXPECT_EQ(reason_of(whole.substr(0, size)), "corrupt_media") << size;
  }
}

TEST(PsdReaderTest, ATableOfLinesBeyondTheFileIsDamage) {
  EXPECT_EQ(
      reason_of(make_psd({.height = 30'000, .width = 10, .compression = 1, .pixels = "\0\0"s})),
      "corrupt_media");
}

}  // namespace
}  // namespace millrace::workers::image
