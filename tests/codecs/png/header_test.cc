// SPDX-License-Identifier: Apache-2.0
#include "codecs/png/header.h"

#include <gtest/gtest.h>

#include "tests/codecs/png/made_png.h"

namespace millrace::codecs {
namespace {

using test::Bytes;
using test::Chunk;
using test::PngRecipe;

PngHeader header_of(const Bytes& file) {
  const auto header = read_png_header(file);
  if (!header) {
    ADD_FAILURE() << header.error().public_message;
    return {};
  }
  return *header;
}

// Of a file with one more chunk before its pixels.
PngHeader header_with(const PngRecipe& recipe, const Chunk& chunk, std::size_t place = 1) {
  auto chunks = test::chunks_of(test::make_png(recipe));
  chunks.insert(chunks.begin() + static_cast<std::ptrdiff_t>(place), chunk);
  return header_of(test::file_of(chunks));
}

TEST(PngHeaderTest, TellsWhatTheFileSays) {
  PngRecipe recipe;
  recipe.width = 300;
  recipe.height = 2;
  recipe.color_type = 3;
  recipe.depth_bits = 4;
  recipe.palette_entries = 11;
  recipe.transparent = true;
  const PngHeader header = header_of(test::make_png(recipe));
  EXPECT_EQ(header.width_px, 300);
  EXPECT_EQ(header.height_px, 2);
  EXPECT_EQ(header.depth_bits, 4);
  EXPECT_EQ(header.color, PngColor::Palette);
  EXPECT_EQ(header.samples(), 1);
  EXPECT_EQ(header.palette_entries, 11);
  EXPECT_TRUE(header.palette_has_alpha);
  EXPECT_FALSE(header.interlaced);
  EXPECT_TRUE(header.regular);
}

TEST(PngHeaderTest, EveryKindIsRegular) {
  for (const PngRecipe& recipe : test::png_kinds()) {
    EXPECT_TRUE(header_of(test::make_png(recipe)).regular) << test::name_of(recipe);
  }
}

TEST(PngHeaderTest, NotesDoNotMatter) {
  EXPECT_TRUE(header_with({}, {"tEXt", {'a', 0, 'b'}}).regular);
  EXPECT_TRUE(header_with({}, {"zzZz", {}}).regular);
  // A palette that is a suggestion.
  EXPECT_TRUE(header_with({}, {"PLTE", {1, 2, 3}}).regular);
}

TEST(PngHeaderTest, WhatLibpngWouldMendIsNotRegular) {
  PngRecipe grey;
  grey.color_type = 0;
  PngRecipe palette;
  palette.color_type = 3;
  palette.depth_bits = 2;
  EXPECT_FALSE(header_with({}, {"ABCD", {}}).regular) << "a critical chunk that nobody knows";
  EXPECT_FALSE(header_with({}, {"IHDR", test::chunks_of(test::make_png({}))[0].body}).regular);
  EXPECT_FALSE(header_with({}, {"te+t", {}}).regular) << "a name that is none";
  EXPECT_FALSE(header_with({}, {"tRNS", {0, 1}}).regular) << "too short";
  EXPECT_FALSE(header_with({}, {"tRNS", {1, 1, 0, 1, 0, 1}}).regular) << "more than eight bits";
  EXPECT_FALSE(header_with(grey, {"PLTE", {1, 2, 3}}).regular) << "grey has no palette";
  EXPECT_FALSE(header_with(palette, {"PLTE", {1, 2, 3}}).regular) << "two palettes";
  EXPECT_FALSE(header_with(palette, {"tRNS", {1}}).regular) << "before the palette";
  EXPECT_FALSE(header_with(palette, {"tRNS", {1, 2, 3, 4, 5}}, 2).regular) << "more than entries";
  palette.palette_entries = 5;
  EXPECT_FALSE(header_of(test::make_png(palette)).regular) << "more than two bits can say";
}

TEST(PngHeaderTest, AWrongSumIsNotRegular) {
  for (const std::size_t at : {30U, 45U}) {  // of the header and of the palette
    PngRecipe recipe;
    recipe.color_type = 3;
    Bytes file = test::make_png(recipe);
    file[at] ^= std::byte{1};
    EXPECT_FALSE(header_of(file).regular) << at;
  }
}

TEST(PngHeaderTest, RefusesWhatIsNoPng) {
  const Bytes file = test::make_png({});
  EXPECT_FALSE(read_png_header({}));
  EXPECT_FALSE(read_png_header(std::span(file).subspan(1)));
  auto chunks = test::chunks_of(file);
  EXPECT_FALSE(read_png_header(test::file_of({chunks.front(), chunks.back()}))) << "no pixels";
  chunks.front().body[8] = 3;
  EXPECT_FALSE(read_png_header(test::file_of(chunks))) << "three bits";
  chunks.front().body[8] = 8;
  chunks.front().body[3] = 0;
  EXPECT_FALSE(read_png_header(test::file_of(chunks))) << "no width";
  // Every beginning of it is refused or read, and nothing beyond its end.
  for (std::size_t bytes = 0; bytes < file.size(); ++bytes) {
    const Bytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(bytes));
    const auto header = read_png_header(cut);
    if (header) EXPECT_EQ(header->width_px, 9) << bytes;
  }
}

}  // namespace
}  // namespace millrace::codecs
