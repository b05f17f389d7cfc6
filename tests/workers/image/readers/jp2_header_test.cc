// SPDX-License-Identifier: Apache-2.0
#include "workers/image/readers/jp2_header.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/workers/image/readers/byte_maker.h"

namespace millrace::workers::image {
namespace {

using namespace std::string_literals;

struct Recipe {
  std::uint32_t width = 300;
  std::uint32_t height = 200;
  std::uint32_t left = 0;
  std::uint32_t tile = 256;
  std::uint32_t components = 3;
  std::uint32_t depth = 7;  // bits - 1, and 0x80 for signed
  std::uint32_t last_depth = 7;
  std::uint32_t last_step = 1;
};

std::string make_stream(const Recipe& recipe) {
  ByteMaker stream;
  stream.text("\xFF\x4F\xFF\x51"s).big(38 + 3 * recipe.components, 2).big(0, 2);
  stream.big(recipe.width, 4).big(recipe.height, 4).big(recipe.left, 4).big(0, 4);
  stream.big(recipe.tile, 4).big(recipe.tile, 4).big(0, 4).big(0, 4).big(recipe.components, 2);
  for (std::uint32_t i = 0; i < recipe.components && i < 8; ++i) {
    const bool last = i + 1 == recipe.components;
    stream.big(last ? recipe.last_depth : recipe.depth, 1);
    stream.big(last ? recipe.last_step : 1, 1).big(1, 1);
  }
  return stream.str();
}

std::string box(const std::string& type, const std::string& body) {
  return ByteMaker().big(8 + body.size(), 4).text(type).text(body).str();
}

const std::string kSignature = "\0\0\0\x0CjP  \r\n\x87\n"s;
const std::string kType = box("ftyp", "jp2 \0\0\0\0jp2 "s);

std::string make_file(const std::string& header_boxes, const std::string& behind = "",
                      const Recipe& recipe = {}) {
  return kSignature + kType + box("jp2h", header_boxes) + behind + box("jp2c", make_stream(recipe));
}

const std::string kImageHeader = box("ihdr", std::string(14, '\0'));

std::string reason_of(const std::string& file) {
  const auto read = read_jp2_header(span_of(file));
  return read ? "" : std::string(base::word_of(read.error().reason));
}

TEST(Jp2HeaderTest, ReadsTheSizeOfFileAndBareCodestream) {
  for (const std::string& file : {make_stream({}), make_file(kImageHeader)}) {
    const auto header = read_jp2_header(span_of(file));
    ASSERT_TRUE(header);
    EXPECT_EQ(header->size, (Size{300, 200}));
    EXPECT_EQ(header->components, 3);
    EXPECT_EQ(header->bits, 8);
  }
  EXPECT_EQ(reason_of(make_stream({.components = 1})), "");
  EXPECT_EQ(reason_of(make_stream({.components = 4, .depth = 15, .last_depth = 15})), "");
}

TEST(Jp2HeaderTest, RefusesAPaletteWhereverItStands) {
  EXPECT_EQ(reason_of(make_file(kImageHeader + box("pclr", "xxxx"))), "unsupported_media");
  EXPECT_EQ(reason_of(make_file(kImageHeader + box("cmap", "xxxx"))), "unsupported_media");
  // OpenJPEG also reads it where it does not belong.
  EXPECT_EQ(reason_of(make_file(kImageHeader, box("pclr", "xxxx"))), "unsupported_media");
  // What cannot be walked may hide one.
  EXPECT_EQ(reason_of(make_file(kImageHeader + "\0\0\0\0"s + "pclrxxxx")), "unsupported_media");
  EXPECT_EQ(reason_of(make_file(kImageHeader + "\0\0\0\x01"s + "abcdxxxxxxxx")),
            "unsupported_media");
}

TEST(Jp2HeaderTest, TheCodestreamIsWhereTheBoxesLead) {
  // A codestream inside another box is not one.
  const std::string hidden = box("uuid", box("jp2c", make_stream({.width = 7})));
  const auto header = read_jp2_header(span_of(make_file(kImageHeader, hidden)));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->size.width, 300);
}

TEST(Jp2HeaderTest, RefusesPlanesThatDiffer) {
  EXPECT_EQ(reason_of(make_stream({.last_step = 2})), "unsupported_media");
  EXPECT_EQ(reason_of(make_stream({.last_depth = 8})), "unsupported_media");
  EXPECT_EQ(reason_of(make_stream({.depth = 0x87, .last_depth = 0x87})), "unsupported_media");
  EXPECT_EQ(reason_of(make_stream({.depth = 16, .last_depth = 16})), "unsupported_media");
  EXPECT_EQ(reason_of(make_stream({.components = 5})), "unsupported_media");
  EXPECT_EQ(reason_of(make_stream({.left = 1})), "unsupported_media");
}

TEST(Jp2HeaderTest, RefusesADamagedHeader) {
  EXPECT_EQ(reason_of(make_stream({.components = 0})), "corrupt_media");
  EXPECT_EQ(reason_of(make_stream({.width = 0})), "corrupt_media");
  EXPECT_EQ(reason_of(make_stream({.tile = 0})), "corrupt_media");
  const std::string stream = make_stream({});
  for (std::size_t size = 4; size < stream.size(); ++size) {
    EXPECT_EQ(reason_of(stream.substr(0, size)), "corrupt_media") << size;
  }
  EXPECT_EQ(reason_of(kSignature + kType), "corrupt_media");
  EXPECT_EQ(reason_of(kSignature + kType + "\0\0\0\x07jp2h"s), "corrupt_media");
}

}  // namespace
}  // namespace millrace::workers::image
