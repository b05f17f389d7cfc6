// SPDX-License-Identifier: Apache-2.0
// Files that are cut off or changed by hand. Whatever stands in them, the answer is an error or
// what libjpeg-turbo makes of them.
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "codecs/jpeg/decoder.h"
#include "tests/codecs/jpeg/made_jpeg.h"
#include "tests/codecs/jpeg/reference.h"

namespace millrace::codecs {
namespace {

using test::Bytes;
using test::Recipe;

std::optional<Planes> decoded(std::span<const std::byte> file, const JpegCut& cut = {}) {
  const auto header = read_jpeg_header(file);
  if (!header) return std::nullopt;
  auto planes = decode_jpeg_planes(file, *header, cut);
  if (!planes) {
    EXPECT_EQ(planes.error().reason, base::Reason::CorruptMedia);
    return std::nullopt;
  }
  return *std::move(planes);
}

bool is_of_another_road(std::span<const std::byte> file) {
  const auto header = read_jpeg_header(file);
  return header && !layout_of(*header, {});
}

// An error where libjpeg has one, or the end is missing; otherwise the same picture.
void expect_like_libjpeg(std::span<const std::byte> file, const std::string& what) {
  for (const int eighths : {1, 2, 4}) decoded(file, {.eighths = eighths, .region = {}});
  if (is_of_another_road(file)) return;
  const auto planes = decoded(file);
  const auto reading = test::read_by_libjpeg(file);
  if (!reading) {
    EXPECT_FALSE(planes) << what << ": libjpeg refuses it";
    return;
  }
  if (!planes) {
    EXPECT_TRUE(reading->truncated || reading->warnings > 0) << what << ": libjpeg reads it";
    return;
  }
  if (test::has_wild_coefficients(file)) return;
  EXPECT_EQ(test::greatest_difference(*planes, reading->planes), 0) << what;
}

std::vector<Recipe> ten_small() {
  std::vector<Recipe> recipes;
  for (const test::Sampling& sampling : test::samplings()) {
    Recipe recipe = test::recipe_of(sampling);
    recipe.width = 35;
    recipe.height = 21;
    recipe.restart_interval_mcus = static_cast<int>(recipes.size() % 3);
    recipe.progressive = recipes.size() == 3;
    recipe.arithmetic = recipes.size() == 6;
    recipe.one_scan_each = recipes.size() == 8;
    if (recipes.size() < 10) recipes.push_back(recipe);
  }
  return recipes;
}

// Each prefix in memory of its own, so that the address sanitizer sees what is read behind it.
TEST(JpegDamageTest, EveryPrefixIsAnError) {
  for (const Recipe& recipe : ten_small()) {
    const Bytes file = test::make_jpeg(recipe);
    for (std::size_t size = 0; size < file.size(); ++size) {
      const auto prefix = std::make_unique<std::byte[]>(size);
      std::copy_n(file.begin(), size, prefix.get());
      for (const int eighths : {1, 2, 4, 8}) {
        EXPECT_FALSE(decoded({prefix.get(), size}, {eighths, {}})) << size << " of " << file.size();
      }
    }
    EXPECT_TRUE(decoded(file));
  }
}

TEST(JpegDamageTest, APrefixIsEnoughForARegionAboveItsEnd) {
  Recipe recipe;
  recipe.width = 64;
  recipe.height = 640;
  const Bytes file = test::make_jpeg(recipe);
  const JpegCut top{8, JpegRegion{0, 0, 64, 16}};
  EXPECT_TRUE(decoded(file, top));
  EXPECT_FALSE(decoded(std::span(file).first(file.size() / 2)));
}

class JpegTableTest : public testing::Test {
 protected:
  // The file with bytes of the n-th segment of a marker replaced.
  [[nodiscard]] Bytes with(int marker, std::size_t n, std::size_t offset,
                           std::vector<int> values) const {
    Bytes changed = file_;
    const std::size_t at = test::segments(file_, marker).at(n) + offset;
    for (std::size_t i = 0; i < values.size(); ++i) {
      changed.at(at + i) = static_cast<std::byte>(values[i]);
    }
    return changed;
  }
  [[nodiscard]] Bytes without(int marker, std::size_t n) const {
    Bytes changed = file_;
    const std::size_t at = test::segments(file_, marker).at(n);
    const auto length = std::to_integer<std::size_t>(file_[at + 2]) << 8 |
                        std::to_integer<std::size_t>(file_[at + 3]);
    const auto first = changed.begin() + static_cast<std::ptrdiff_t>(at);
    changed.erase(first, first + static_cast<std::ptrdiff_t>(2 + length));
    return changed;
  }
  const Bytes file_ = test::make_jpeg({});
};

TEST_F(JpegTableTest, ACodeWithTooManyWordsIsRefused) {
  const Bytes changed = with(0xC4, 0, 5, {3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9});
  EXPECT_FALSE(decoded(changed));
  expect_like_libjpeg(changed, "over-subscribed");
}

// The last word of an optimal code would be all ones, were it not reserved.
TEST_F(JpegTableTest, ACodeWithAWordOfAllOnesIsRefused) {
  const Bytes changed = with(0xC4, 0, 5, {0, 1, 5, 1, 1, 1, 1, 1, 2, 0, 0, 0, 0, 0, 0, 0});
  EXPECT_FALSE(decoded(with(0xC4, 0, 5, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 0, 0, 0, 0, 0})));
  expect_like_libjpeg(changed, "one word less of nine bits than there can be");
}

TEST_F(JpegTableTest, MissingStepsAreRefused) {
  for (std::size_t n = 0; n < 2; ++n) EXPECT_FALSE(decoded(without(0xDB, n)));
}

// libjpeg-turbo takes the usual code for one that is missing, as in frames of motion JPEG.
TEST_F(JpegTableTest, MissingCodesAreAsLibjpegReadsThem) {
  for (std::size_t n = 0; n < 4; ++n) {
    const Bytes file = without(0xC4, n);
    EXPECT_TRUE(decoded(file));
    expect_like_libjpeg(file, "code " + std::to_string(n));
  }
}

TEST_F(JpegTableTest, DcDifferencesBeyondElevenBitsAreAsLibjpegReadsThem) {
  for (int symbol = 12; symbol < 32; ++symbol) {
    expect_like_libjpeg(with(0xC4, 0, 23, {symbol}), "category " + std::to_string(symbol));
  }
}

TEST_F(JpegTableTest, LargeCoefficientsAreAsLibjpegReadsThem) {
  for (int symbol = 0; symbol < 256; ++symbol) {
    expect_like_libjpeg(with(0xC4, 1, 23, {symbol}), "symbol " + std::to_string(symbol));
  }
}

TEST_F(JpegTableTest, StepsOfZeroAreAsLibjpegReadsThem) {
  expect_like_libjpeg(with(0xDB, 0, 5, {0}), "DC");
  expect_like_libjpeg(with(0xDB, 1, 6, {0, 0, 0, 0}), "AC");
}

TEST_F(JpegTableTest, OddHeadersAreAsLibjpegReadsThem) {
  for (int value = 0; value < 256; ++value) {
    const std::string of = " " + std::to_string(value);
    for (std::size_t offset = 2; offset < 19; ++offset) {
      if (offset == 5 || offset == 7) continue;  // pictures of many megapixels
      expect_like_libjpeg(with(0xC0, 0, offset, {value}), "frame " + std::to_string(offset) + of);
    }
    for (std::size_t offset = 2; offset < 14; ++offset) {
      expect_like_libjpeg(with(0xDA, 0, offset, {value}), "scan " + std::to_string(offset) + of);
    }
    for (std::size_t offset = 2; offset < 22; ++offset) {
      expect_like_libjpeg(with(0xC4, 0, offset, {value}), "code " + std::to_string(offset) + of);
    }
    for (std::size_t offset = 1; offset < 6; ++offset) {
      expect_like_libjpeg(with(0xDB, 0, offset, {value}), "steps " + std::to_string(offset) + of);
    }
  }
}

TEST(JpegDamageTest, WrongRestartMarkersAreAsLibjpegReadsThem) {
  Recipe recipe;
  recipe.restart_interval_mcus = 2;
  const Bytes file = test::make_jpeg(recipe);
  const std::size_t scan = read_jpeg_header(file)->scan_offset_bytes;
  for (std::size_t at = scan; at + 1 < file.size(); ++at) {
    const int low = std::to_integer<int>(file[at + 1]);
    if (file[at] != std::byte{0xFF} || low < 0xD0 || low > 0xD7) continue;
    for (const int marker : {0xD0, 0xD3, 0xD7, 0xD9, 0xC0, 0xFF, 0x00, 0x01, 0x30, 0xFE}) {
      Bytes changed = file;
      changed[at + 1] = static_cast<std::byte>(marker);
      expect_like_libjpeg(changed, std::to_string(at) + " " + std::to_string(marker));
    }
    Bytes lost = file;
    lost.erase(lost.begin() + static_cast<std::ptrdiff_t>(at),
               lost.begin() + static_cast<std::ptrdiff_t>(at) + 2);
    expect_like_libjpeg(lost, std::to_string(at) + " lost");
    Bytes doubled = file;
    doubled.insert(doubled.begin() + static_cast<std::ptrdiff_t>(at), {file[at], file[at + 1]});
    expect_like_libjpeg(doubled, std::to_string(at) + " doubled");
  }
}

TEST(JpegDamageTest, ConditionsOfArithmeticCodingAreAsLibjpegReadsThem) {
  Bytes file = test::make_jpeg({});
  const Bytes segment = {std::byte{0xFF}, std::byte{0xCC}, std::byte{0},
                         std::byte{4},    std::byte{0x74}, std::byte{1}};
  file.insert(file.begin() + 2, segment.begin(), segment.end());
  EXPECT_FALSE(decoded(file));
  expect_like_libjpeg(file, "a 117th table");
}

// libjpeg-turbo may read a block with FF FF 00 in it twice, and leaves what it read first.
TEST(JpegDamageTest, FillBytesInTheDataAreAsLibjpegReadsThem) {
  Recipe recipe;
  recipe.components = 1;
  recipe.luma_across = recipe.luma_down = 1;
  recipe.quality_pct = 98;
  recipe.seed = 3U;
  const Bytes file = test::make_jpeg(recipe);
  for (std::size_t at = read_jpeg_header(file)->scan_offset_bytes; at + 2 < file.size(); ++at) {
    if (file[at] != std::byte{0xFF} || file[at + 1] != std::byte{0}) continue;
    Bytes changed = file;
    changed.insert(changed.begin() + static_cast<std::ptrdiff_t>(at), std::byte{0xFF});
    expect_like_libjpeg(changed, std::to_string(at));
  }
}

TEST(JpegDamageTest, ChangedScansAreAsLibjpegReadsThem) {
  std::minstd_rand random(11);
  for (const Recipe& recipe : ten_small()) {
    if (recipe.progressive || recipe.arithmetic) continue;
    const Bytes file = test::make_jpeg(recipe);
    const std::size_t scan = read_jpeg_header(file)->scan_offset_bytes;
    for (int round = 0; round < 100; ++round) {
      Bytes changed = file;
      const std::size_t at = scan + random() % (file.size() - scan - 2);
      changed[at] = static_cast<std::byte>(random());
      expect_like_libjpeg(changed, "round " + std::to_string(round));
    }
  }
}

}  // namespace
}  // namespace millrace::codecs
