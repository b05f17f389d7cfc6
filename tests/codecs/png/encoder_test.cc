// SPDX-License-Identifier: Apache-2.0
#include "codecs/png/encoder.h"

#include <algorithm>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "codecs/png/filter.h"
#include "tests/codecs/png/comparison.h"
#include "tests/codecs/png/made_png.h"
#include "tests/codecs/png/reference.h"
#include "tests/codecs/simd_targets.h"

namespace millrace::codecs {
namespace {

using test::Bytes;
using test::Chunk;
using test::Samples;

enum class Kind { Photograph, Drawing, Noise };

// Rows with some bytes between them that nobody is to look at.
struct Picture {
  Picture(int width, int height, int bands, Kind kind) {
    constexpr int kGapBytes = 5;
    const int row_bytes = width * bands;
    samples.resize(static_cast<std::size_t>(height) *
                   static_cast<std::size_t>(row_bytes + kGapBytes));
    pixels = {samples.data(), width, height, bands, row_bytes + kGapBytes};
    std::mt19937 random(static_cast<unsigned>(width + height));
    for (int y = 0; y < height; ++y) {
      for (int i = 0; i < row_bytes; ++i) {
        const int x = i / bands;
        const int slope = x * 2 + y * 3 + i % bands * 50;
        const bool in_letter = x / 9 % 3 == 1 && y / 7 % 2 == 0;
        int value = static_cast<int>(random() % 256);
        if (kind == Kind::Photograph) value = slope + value % 12;
        if (kind == Kind::Drawing) value = in_letter ? 30 + i % bands : 255;
        at(y, i) = static_cast<std::uint8_t>(value);
      }
    }
  }
  std::uint8_t& at(int y, int i) {
    return samples[static_cast<std::size_t>(y * pixels.stride_bytes + i)];
  }
  Samples packed() {
    Samples all;
    for (int y = 0; y < pixels.height_px; ++y) {
      for (int i = 0; i < pixels.width_px * pixels.bands; ++i) all.push_back(at(y, i));
    }
    return all;
  }
  Samples samples;
  PngPixels pixels;
};

Bytes encoded(const PngPixels& pixels, const PngSettings& settings = {}) {
  auto file = encode_png(pixels, settings);
  if (!file) {
    ADD_FAILURE() << file.error().public_message;
    return {};
  }
  return *std::move(file);
}

std::string names_of(const Bytes& file) {
  std::string names;
  for (const Chunk& chunk : test::chunks_of(file)) names += chunk.name + " ";
  return names;
}

TEST(PngEncoderTest, LibpngReadsWhatWasWritten) {
  for (const Kind kind : {Kind::Photograph, Kind::Drawing, Kind::Noise}) {
    for (int bands = 1; bands <= 4; ++bands) {
      for (const int width : {1, 2, 3, 10, 33, 64, 250}) {
        for (const int height : {1, 2, 60}) {
          Picture picture(width, height, bands, kind);
          const Bytes file = encoded(picture.pixels);
          const auto reading = test::read_by_libpng(file);
          ASSERT_TRUE(reading);
          EXPECT_EQ(reading->width, width);
          EXPECT_EQ(reading->height, height);
          EXPECT_EQ(reading->bands, bands);
          EXPECT_EQ(reading->samples, picture.packed()) << width << "x" << height << "x" << bands;
          EXPECT_EQ(test::read_here(file), reading);
          EXPECT_EQ(names_of(file), "IHDR IDAT IEND ");
        }
      }
    }
  }
}

TEST(PngEncoderTest, IsSmallerThanUnfilteredAndThanFiltered) {
  for (const Kind kind : {Kind::Photograph, Kind::Drawing}) {
    Picture picture(400, 300, 3, kind);
    Samples plain;
    Samples paeth;
    Samples above(1200);
    for (int y = 0; y < 300; ++y) {
      const Samples row(&picture.at(y, 0), &picture.at(y, 0) + 1200);
      plain.push_back(0);
      plain.insert(plain.end(), row.begin(), row.end());
      paeth.push_back(4);
      const Samples told = test::filtered(4, 3, above, row);
      paeth.insert(paeth.end(), told.begin(), told.end());
      above = row;
    }
    const std::size_t bytes = test::pixels_of(test::chunks_of(encoded(picture.pixels))).size();
    const std::size_t least =
        std::min(test::deflated(plain, 6).size(), test::deflated(paeth, 6).size());
    EXPECT_LT(static_cast<double>(bytes), 1.05 * static_cast<double>(least));
  }
}

TEST(PngEncoderTest, TheSamePixelsGiveTheSameBytesOnEveryProcessor) {
  const Picture picture(333, 100, 4, Kind::Photograph);
  const Bytes wanted = encoded(picture.pixels);
  for (const std::string& target : simd_targets()) {
    const OnlyTarget only(target);
    EXPECT_EQ(encoded(picture.pixels), wanted) << target;
  }
}

TEST(PngEncoderTest, WritesNotes) {
  const Picture picture(20, 10, 3, Kind::Photograph);
  const Samples profile(500, 7);
  const Samples exif = {'M', 'M', 0, 42, 0, 0, 0, 8};
  PngSettings settings;
  settings.density_dpi = 300;
  settings.profile = profile;
  settings.exif = exif;
  const Bytes file = encoded(picture.pixels, settings);
  EXPECT_EQ(names_of(file), "IHDR iCCP pHYs eXIf IDAT IEND ");
  const auto chunks = test::chunks_of(file);
  EXPECT_EQ(Samples(chunks[1].body.begin(), chunks[1].body.begin() + 5),
            (Samples{'i', 'c', 'c', 0, 0}));
  EXPECT_EQ(test::inflated(Samples(chunks[1].body.begin() + 5, chunks[1].body.end())), profile);
  // 11811 pixels a metre.
  EXPECT_EQ(chunks[2].body, (Samples{0, 0, 0x2e, 0x23, 0, 0, 0x2e, 0x23, 1}));
  EXPECT_EQ(chunks[3].body, exif);
  EXPECT_TRUE(test::read_by_libpng(file));
}

TEST(PngEncoderTest, WhoAsksMayEndIt) {
  const Picture picture(20, 1000, 3, Kind::Photograph);
  int asked = 0;
  PngSettings settings;
  settings.check = [&asked]() -> base::Result<void> {
    if (++asked < 3) return {};
    return base::fail(base::Reason::Deadline, "too late");
  };
  const auto file = encode_png(picture.pixels, settings);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().reason, base::Reason::Deadline);
  EXPECT_EQ(asked, 3);
}

class PngFilterTest : public testing::TestWithParam<std::string> {};

TEST_P(PngFilterTest, TellsWhatTheDefinitionTells) {
  const OnlyTarget only(GetParam());
  constexpr std::size_t kMarginBytes = 8;
  std::mt19937 random(3);
  for (std::size_t pixel_bytes = 1; pixel_bytes <= 4; ++pixel_bytes) {
    for (const std::size_t pixels : {1U, 7U, 32U, 45U, 200U}) {
      const std::size_t bytes = pixels * pixel_bytes;
      Samples row(bytes);
      Samples above(bytes);
      for (std::uint8_t& sample : row) sample = static_cast<std::uint8_t>(random() % 3 * 100);
      for (std::uint8_t& sample : above) sample = static_cast<std::uint8_t>(random());
      Samples padded_row(kMarginBytes);
      Samples padded_above(kMarginBytes);
      padded_row.insert(padded_row.end(), row.begin(), row.end());
      padded_above.insert(padded_above.end(), above.begin(), above.end());
      const PngRowPair rows{padded_row.data() + kMarginBytes, padded_above.data() + kMarginBytes,
                            bytes, static_cast<int>(pixel_bytes)};
      const PngFilterCosts costs = costs_of_filters(rows);
      for (int filter = 0; filter <= kPngFilterMax; ++filter) {
        const Samples wanted = test::filtered(filter, pixel_bytes, above, row);
        Samples told(bytes + 1, 99);
        filter_row(static_cast<PngFilter>(filter), rows, told.data());
        EXPECT_EQ(told.back(), 99);
        told.pop_back();
        EXPECT_EQ(told, wanted) << filter;
        std::uint64_t sum = 0;
        for (const int byte : wanted) sum += static_cast<std::uint64_t>(std::min(byte, 256 - byte));
        EXPECT_EQ(costs.at(static_cast<std::size_t>(filter)), sum) << filter;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, PngFilterTest, testing::ValuesIn(simd_targets()),
                         [](const auto& target) { return target.param; });

}  // namespace
}  // namespace millrace::codecs
