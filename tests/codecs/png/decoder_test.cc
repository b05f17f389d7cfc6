// SPDX-License-Identifier: Apache-2.0
#include "codecs/png/decoder.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/codecs/png/comparison.h"
#include "tests/codecs/png/made_png.h"

namespace millrace::codecs {
namespace {

using test::Bytes;
using test::PngRecipe;
using test::Samples;

bool is_for_us(const PngRecipe& recipe) { return recipe.depth_bits <= 8 && recipe.interlace == 0; }

void expect_right(const PngRecipe& recipe) {
  bool given = false;
  EXPECT_EQ(test::difference(test::make_png(recipe), given), "") << test::name_of(recipe);
  EXPECT_EQ(given, is_for_us(recipe)) << test::name_of(recipe);
}

TEST(PngDecoderTest, EveryKindIsWhatLibpngGives) {
  for (PngRecipe recipe : test::png_kinds()) {
    for (recipe.filter = -1; recipe.filter <= 4; ++recipe.filter) {
      for (const int width : {1, 2, 3, 8, 9, 31, 64, 100}) {
        for (const int height : {1, 2, 13}) {
          recipe.width = width;
          recipe.height = height;
          expect_right(recipe);
        }
      }
    }
  }
}

TEST(PngDecoderTest, APaletteMayBeShorterThanItsIndices) {
  for (const int depth : {1, 2, 4, 8}) {
    PngRecipe recipe;
    recipe.color_type = 3;
    recipe.depth_bits = depth;
    recipe.width = 77;
    recipe.palette_entries = std::max(1, (1 << depth) - 1);
    expect_right(recipe);
    recipe.transparent = true;
    expect_right(recipe);
  }
}

TEST(PngDecoderTest, AnIndexBeyondThePaletteIsLeftToOthers) {
  PngRecipe recipe;
  recipe.color_type = 3;
  recipe.depth_bits = 8;
  auto chunks = test::chunks_of(test::make_png(recipe));
  chunks[1].body.resize(30);
  EXPECT_FALSE(test::read_here(test::file_of(chunks)));
}

TEST(PngDecoderTest, ChunksOfPixelsMayBeOfAnySize) {
  PngRecipe recipe;
  recipe.width = 50;
  recipe.height = 40;
  for (const std::size_t bytes : {1U, 2U, 7U, 100U, 100'000U}) {
    recipe.idat_bytes = bytes;
    expect_right(recipe);
  }
}

TEST(PngDecoderTest, EveryLevelOfZlibIsRead) {
  PngRecipe recipe;
  recipe.width = 300;
  recipe.height = 120;
  recipe.color_type = 6;
  for (recipe.level = 0; recipe.level <= 9; ++recipe.level) expect_right(recipe);
}

TEST(PngDecoderTest, PartsMayBeReadInAnyOrder) {
  for (PngRecipe recipe : test::png_kinds()) {
    if (!is_for_us(recipe)) continue;
    recipe.width = 37;
    recipe.height = 20;
    const Bytes file = test::make_png(recipe);
    const auto whole = test::read_here(file);
    ASSERT_TRUE(whole);
    auto decoder = PngDecoder::open(file, *read_png_header(file));
    ASSERT_TRUE(decoder);
    const auto bands = static_cast<std::size_t>(whole->bands);
    for (const PngDecoder::Row row :
         {PngDecoder::Row{12, 5, 20}, {3, 0, 37}, {19, 36, 1}, {0, 7, 9}}) {
      const auto samples = static_cast<std::size_t>(row.columns) * bands;
      Samples part(samples + 8, 99);
      decoder->read(row, part.data());
      const std::size_t first =
          (static_cast<std::size_t>(row.y) * 37 + static_cast<std::size_t>(row.first_column)) *
          bands;
      EXPECT_TRUE(std::equal(part.begin(), part.end() - 8,
                             whole->samples.begin() + static_cast<std::ptrdiff_t>(first)))
          << test::name_of(recipe) << " row " << row.y;
      EXPECT_TRUE(std::all_of(part.end() - 8, part.end(), [](int byte) { return byte == 99; }));
    }
  }
}

TEST(PngDecoderTest, LeavesOthersWhatIsNotOnThisRoad) {
  PngRecipe recipe;
  recipe.depth_bits = 16;
  EXPECT_FALSE(PngDecoder::bands_of(*read_png_header(test::make_png(recipe))));
  recipe.depth_bits = 8;
  recipe.interlace = 1;
  EXPECT_FALSE(PngDecoder::bands_of(*read_png_header(test::make_png(recipe))));
  recipe.interlace = 0;
  auto header = *read_png_header(test::make_png(recipe));
  EXPECT_EQ(PngDecoder::bands_of(header), 3);
  header.width_px = 8'000;
  header.height_px = 2'796;
  EXPECT_EQ(PngDecoder::bands_of(header), 3);
  header.height_px = 2'797;
  EXPECT_FALSE(PngDecoder::bands_of(header)) << "more than 64 MiB";
  header.width_px = 0x7fffffff;
  header.height_px = 0x7fffffff;
  EXPECT_FALSE(PngDecoder::bands_of(header));
}

}  // namespace
}  // namespace millrace::codecs
