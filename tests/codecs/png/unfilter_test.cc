// SPDX-License-Identifier: Apache-2.0
#include "codecs/png/unfilter.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

#include "tests/codecs/png/made_png.h"
#include "tests/codecs/simd_targets.h"

namespace millrace::codecs {
namespace {

using test::Samples;

Samples noise(std::size_t bytes, std::uint32_t seed) {
  std::mt19937 random(seed);
  Samples samples(bytes);
  for (std::uint8_t& sample : samples) sample = static_cast<std::uint8_t>(random());
  return samples;
}

class PngUnfilterTest : public testing::TestWithParam<std::string> {};

TEST_P(PngUnfilterTest, GivesWhatTheDefinitionGives) {
  const OnlyTarget only(GetParam());
  constexpr std::size_t kGuardBytes = 80;
  for (int filter = 0; filter <= kPngFilterMax; ++filter) {
    for (std::size_t pixel_bytes = 1; pixel_bytes <= 4; ++pixel_bytes) {
      for (const std::size_t pixels : {1U, 2U, 3U, 7U, 31U, 32U, 33U, 200U}) {
        const std::size_t bytes = pixels * pixel_bytes;
        const Samples above = noise(bytes, 1);
        const Samples row = noise(bytes, 2);
        const Samples wanted = test::unfiltered(filter, pixel_bytes, above, row);
        Samples memory = row;
        memory.insert(memory.end(), kGuardBytes, 77);
        unfilter_row(static_cast<PngFilter>(filter), static_cast<int>(pixel_bytes), above.data(),
                     memory.data(), bytes);
        EXPECT_TRUE(std::equal(wanted.begin(), wanted.end(), memory.begin()))
            << filter << ", " << pixel_bytes << " x " << pixels;
        for (std::size_t i = bytes; i < memory.size(); ++i) ASSERT_EQ(memory[i], 77) << i;
      }
    }
  }
}

// Every way that the three neighbours can lie to each other.
TEST_P(PngUnfilterTest, PaethIsRightForAllNeighbours) {
  const OnlyTarget only(GetParam());
  for (const int pixel_bytes : {1, 3}) {
    const auto bytes = static_cast<std::size_t>(pixel_bytes);
    for (int a = 0; a < 256; a += 3) {
      for (int b = 0; b < 256; b += 3) {
        for (int c = 0; c < 256; c += 3) {
          // The first pixel becomes c above, a itself; the second is told by both and b.
          Samples above(2 * bytes, static_cast<std::uint8_t>(c));
          std::fill_n(above.begin() + pixel_bytes, pixel_bytes, static_cast<std::uint8_t>(b));
          Samples row(2 * bytes, static_cast<std::uint8_t>(a - c));
          std::fill_n(row.begin() + pixel_bytes, pixel_bytes, std::uint8_t{9});
          const Samples wanted = test::unfiltered(4, bytes, above, row);
          unfilter_row(PngFilter::Paeth, pixel_bytes, above.data(), row.data(), row.size());
          ASSERT_EQ(row, wanted) << a << " " << b << " " << c;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, PngUnfilterTest, testing::ValuesIn(simd_targets()),
                         [](const auto& target) { return target.param; });

}  // namespace
}  // namespace millrace::codecs
