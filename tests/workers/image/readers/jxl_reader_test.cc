// SPDX-License-Identifier: Apache-2.0
#include "workers/image/readers/jxl_reader.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/workers/image/jxl_maker.h"
#include "tests/workers/image/readers/byte_maker.h"

namespace millrace::workers::image {
namespace {

using Pixels = std::vector<std::uint8_t>;

Pixels gradient(std::size_t count, std::uint32_t seed) {
  Pixels pixels;
  for (std::size_t i = 0; i < count; ++i) {
    pixels.push_back(static_cast<std::uint8_t>(i * 7 + seed * 31));
  }
  return pixels;
}

Pixels decoded(const std::string& file, std::size_t first, std::size_t count) {
  const auto jxl = read_jxl(span_of(file), 100);
  if (!jxl) return {};
  const std::size_t frame_bytes = jxl->layout.bytes();
  Pixels pixels(count * frame_bytes);
  JxlDecoding decoding(span_of(file), *jxl, first);
  for (std::size_t i = 0; i < count; ++i) {
    if (!decoding.next(PixelSpan(pixels).subspan(i * frame_bytes, frame_bytes))) return {};
  }
  return pixels;
}

TEST(JxlReaderTest, ReadsPicturesToTheBit) {
  for (const std::uint32_t bands : {1U, 3U, 4U}) {
    const Pixels pixels = gradient(std::size_t{20} * 10 * bands, bands);
    const std::string file = make_jxl({20, 10, bands, {pixels}, {}, 0});
    const auto jxl = read_jxl(span_of(file), 1);
    ASSERT_TRUE(jxl) << bands;
    EXPECT_EQ(jxl->layout.size, (Size{20, 10}));
    EXPECT_EQ(jxl->layout.bands(), bands);
    EXPECT_FALSE(jxl->layout.deep);
    EXPECT_TRUE(jxl->delays_ms.empty());
    EXPECT_FALSE(jxl->icc.empty());
    EXPECT_EQ(decoded(file, 0, 1), pixels);
  }
}

TEST(JxlReaderTest, ReadsEachFrameOfAnAnimation) {
  const std::size_t bytes = std::size_t{8} * 6 * 3;
  const std::vector<Pixels> frames = {gradient(bytes, 1), gradient(bytes, 2), gradient(bytes, 3)};
  const std::string file = make_jxl({8, 6, 3, frames, {40, 120, 70}, 5});
  const auto jxl = read_jxl(span_of(file), 100);
  ASSERT_TRUE(jxl);
  EXPECT_EQ(jxl->delays_ms, (std::vector<int>{40, 120, 70}));
  EXPECT_EQ(jxl->loops, 5);
  EXPECT_EQ(decoded(file, 0, 1), frames[0]);
  EXPECT_EQ(decoded(file, 2, 1), frames[2]);
  Pixels two = frames[1];
  two.insert(two.end(), frames[2].begin(), frames[2].end());
  EXPECT_EQ(decoded(file, 1, 2), two);
  EXPECT_EQ(decoded(file, 2, 2), Pixels{});
}

TEST(JxlReaderTest, CountsNoMoreFramesThanItIsToldTo) {
  const Pixels frame = gradient(12, 1);
  const std::string file =
      make_jxl({2, 2, 3, std::vector<Pixels>(6, frame), std::vector<std::uint32_t>(6, 10), 0});
  const auto jxl = read_jxl(span_of(file), 3);
  ASSERT_TRUE(jxl);
  EXPECT_EQ(jxl->delays_ms.size(), 4U);
}

TEST(JxlReaderTest, AFileThatEndsEarlyIsDamage) {
  const std::string file = make_jxl({64, 64, 3, {gradient(std::size_t{64} * 64 * 3, 1)}, {}, 0});
  EXPECT_EQ(decoded(file.substr(0, file.size() - 1), 0, 1), Pixels{});
  EXPECT_EQ(decoded(file.substr(0, file.size() / 2), 0, 1), Pixels{});
  for (const std::size_t size : {2U, 3U}) {
    const std::string cut = file.substr(0, size);
    const auto read = read_jxl(span_of(cut), 1);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().reason, base::Reason::CorruptMedia);
  }
}

}  // namespace
}  // namespace millrace::workers::image
