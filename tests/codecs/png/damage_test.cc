// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "codecs/png/decoder.h"
#include "tests/codecs/png/comparison.h"
#include "tests/codecs/png/made_png.h"
#include "tests/codecs/png/mutation.h"

namespace millrace::codecs {
namespace {

using test::Bytes;
using test::PngRecipe;
using test::Samples;

// The file in memory of its own, so that whoever reads beyond it is seen.
bool is_given(const Bytes& file) { return test::read_here(Bytes(file)).has_value(); }

TEST(PngDamageTest, NoBeginningOfAFileIsGiven) {
  for (const PngRecipe& recipe : test::png_kinds()) {
    const Bytes file = test::make_png(recipe);
    for (std::size_t bytes = 0; bytes < file.size(); ++bytes) {
      const Bytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(bytes));
      EXPECT_FALSE(is_given(cut)) << test::name_of(recipe) << " at " << bytes;
    }
  }
}

TEST(PngDamageTest, NoFlippedBitIsMissed) {
  for (const PngRecipe& recipe : test::png_kinds()) {
    Bytes file = test::make_png(recipe);
    for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
      file[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
      EXPECT_FALSE(is_given(file)) << test::name_of(recipe) << " bit " << bit;
      file[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    }
  }
}

TEST(PngDamageTest, WhatFollowsTheEndDoesNotMatter) {
  Bytes file = test::make_png({});
  file.resize(file.size() + 100);
  bool given = false;
  EXPECT_EQ(test::difference(file, given), "");
  EXPECT_TRUE(given);
}

Bytes with_stream(const Bytes& file, const Samples& stream) {
  return test::file_of(test::with_pixels(test::chunks_of(file), stream, 1000));
}

TEST(PngDamageTest, TheStreamIsAsLongAsThePicture) {
  const Bytes file = test::make_png({});
  const Samples stream = test::pixels_of(test::chunks_of(file));
  ASSERT_TRUE(is_given(with_stream(file, stream)));
  Samples rows = *test::inflated(stream);
  rows.pop_back();
  EXPECT_FALSE(is_given(with_stream(file, test::deflated(rows, 6)))) << "a byte too short";
  rows.resize(rows.size() + 2);
  EXPECT_FALSE(is_given(with_stream(file, test::deflated(rows, 6)))) << "a byte too long";
  Samples longer = stream;
  longer.push_back(0);
  EXPECT_FALSE(is_given(with_stream(file, longer))) << "a byte behind the stream";
  Samples wrong = stream;
  wrong.back() ^= 1;
  EXPECT_FALSE(is_given(with_stream(file, wrong))) << "its check sum";
}

TEST(PngDamageTest, AFilterThatThereIsNotIsRefused) {
  const Bytes file = test::make_png({});
  Samples rows = *test::inflated(test::pixels_of(test::chunks_of(file)));
  constexpr std::size_t kRowBytes = 1 + 3 * 9;
  rows[4 * kRowBytes] = 5;
  EXPECT_FALSE(is_given(with_stream(file, test::deflated(rows, 6))));
}

TEST(PngDamageTest, AWindowThatIsTooSmallIsRefused) {
  PngRecipe recipe;
  recipe.width = 200;
  recipe.height = 10;
  const Bytes file = test::make_png(recipe);
  Samples stream = test::pixels_of(test::chunks_of(file));
  for (unsigned bits = 0; bits < 8; ++bits) {
    stream[0] = static_cast<std::uint8_t>(bits << 4 | 8);
    stream[1] = static_cast<std::uint8_t>(31 - (stream[0] * 256) % 31);
    const bool holds_all = (256U << bits) >= 6010;
    EXPECT_EQ(is_given(with_stream(file, stream)), holds_all) << bits;
  }
}

TEST(PngDamageTest, PixelsStandTogetherAndTheFileHasAnEnd) {
  PngRecipe recipe;
  recipe.idat_bytes = 50;
  const auto chunks = test::chunks_of(test::make_png(recipe));
  ASSERT_GE(chunks.size(), 4U);
  auto parted = chunks;
  parted.insert(parted.begin() + 2, {"tEXt", {'a', 0, 'b'}});
  EXPECT_FALSE(is_given(test::file_of(parted)));
  auto endless = chunks;
  endless.pop_back();
  EXPECT_FALSE(is_given(test::file_of(endless)));
  auto noted = chunks;
  noted.insert(noted.end() - 1, {"tEXt", {'a', 0, 'b'}});
  EXPECT_TRUE(is_given(test::file_of(noted)));
  auto unknown = chunks;
  unknown.insert(unknown.end() - 1, {"ABCD", {}});
  EXPECT_FALSE(is_given(test::file_of(unknown)));
}

TEST(PngDamageTest, WhatIsGivenOfMutationsIsWhatLibpngGives) {
  constexpr std::uint32_t kMutations = 200;
  std::uint32_t seed = 1;
  std::size_t read = 0;
  for (const PngRecipe& recipe : test::png_kinds()) {
    const Bytes file = test::make_png(recipe);
    for (std::uint32_t i = 0; i < kMutations; ++i, ++seed) {
      bool given = false;
      const std::string wrong = test::difference(test::mutated_png(file, seed), given);
      EXPECT_EQ(wrong, "") << test::name_of(recipe) << " seed " << seed;
      if (given) ++read;
    }
  }
  EXPECT_GT(read, seed / 10) << "most mutations are refused: they prove little";
}

}  // namespace
}  // namespace millrace::codecs
