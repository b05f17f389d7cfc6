// SPDX-License-Identifier: Apache-2.0
#include "codecs/encode/jpeg_encoder.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include <gtest/gtest.h>
#include <vips/vips8>

#include "tests/codecs/encode/raw_jpeg.h"
#include "tests/codecs/planes_of_tests.h"

namespace millrace::codecs {
namespace {

using base::Reason;

struct Shape {
  std::int32_t width;
  std::int32_t height;
  std::int32_t across;
  std::int32_t down;
};

// Zero factors: grey.
Planes picture(const Shape& shape) {
  Planes planes;
  planes.components.push_back(wave_plane(shape.width, shape.height));
  if (shape.across == 0) return planes;
  planes.chroma_across = shape.across;
  planes.chroma_down = shape.down;
  const std::int32_t width = (shape.width + shape.across - 1) / shape.across;
  const std::int32_t height = (shape.height + shape.down - 1) / shape.down;
  planes.components.push_back(plane_of(
      width, height, [&](int x, int y) { return 60 + 100 * x / width + 40 * y / height; }));
  planes.components.push_back(plane_of(
      width, height, [&](int x, int y) { return 200 - 80 * x / width - 50 * y / height; }));
  return planes;
}

std::vector<std::byte> encoded(Planes& planes, const JpegSettings& settings = {}) {
  auto file = encode_jpeg(planes, settings);
  EXPECT_TRUE(file) << file.error().detail;
  return file.value_or(std::vector<std::byte>{});
}

vips::VImage opened(const std::vector<std::byte>& file) {
  // In memory, for libvips reads the file only when somebody asks for pixels.
  return vips::VImage::new_from_buffer(file.data(), file.size(), "").copy_memory();
}

class JpegEncoderTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_EQ(VIPS_INIT("codecs_encode_test"), 0); }
};

TEST_F(JpegEncoderTest, PlanesComeBack) {
  for (const auto& [across, down] :
       {std::pair(0, 0), std::pair(1, 1), std::pair(2, 1), std::pair(2, 2), std::pair(1, 2),
        std::pair(4, 1), std::pair(4, 2)}) {
    for (const auto& [width, height] :
         {std::pair(1, 1), std::pair(1, 40), std::pair(7, 9), std::pair(16, 16), std::pair(17, 33),
          std::pair(640, 479), std::pair(2, 3)}) {
      SCOPED_TRACE(testing::Message() << width << "x" << height << " " << across << down);
      Planes planes = picture({width, height, across, down});
      for (const bool progressive : {false, true}) {
        const auto file = encoded(planes, {.quality_pct = 100, .progressive = progressive});
        const vips::VImage image = opened(file);
        EXPECT_EQ(image.width(), width);
        EXPECT_EQ(image.height(), height);
        EXPECT_EQ(image.bands(), across == 0 ? 1 : 3);
        const Planes back = raw_planes_of_jpeg(file);
        ASSERT_EQ(back.components.size(), planes.components.size());
        if (across != 0) EXPECT_EQ(back.chroma_across, across);
        if (across != 0) EXPECT_EQ(back.chroma_down, down);
        for (std::size_t i = 0; i < back.components.size(); ++i) {
          EXPECT_LE(distance_max(back.components[i], planes.components[i]), 3);
        }
      }
    }
  }
}

TEST_F(JpegEncoderTest, QualityAndTablesMakeSmallerFiles) {
  Planes planes = picture({800, 600, 2, 2});
  const auto good = encoded(planes, {.quality_pct = 90});
  const auto small = encoded(planes, {.quality_pct = 50});
  const auto plain = encoded(planes, {.quality_pct = 90, .optimised_tables = false});
  EXPECT_LT(small.size() * 3, good.size() * 2);
  EXPECT_LT(good.size(), plain.size());
  // The same coefficients: the same samples.
  const Planes one = raw_planes_of_jpeg(good);
  const Planes other = raw_planes_of_jpeg(plain);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(same(one.components[i], other.components[i]));
}

TEST_F(JpegEncoderTest, ProgressiveAndDensityAreWritten) {
  Planes planes = picture({64, 64, 2, 2});
  const vips::VImage image = opened(encoded(planes, {.progressive = true, .density_dpi = 300}));
  EXPECT_NE(image.get_typeof("interlaced"), 0U);
  EXPECT_NEAR(image.xres(), 300 / 25.4, 0.01);
  EXPECT_EQ(opened(encoded(planes)).get_typeof("interlaced"), 0U);
}

TEST_F(JpegEncoderTest, SegmentsAndProfileStandInTheFile) {
  Planes planes = picture({64, 48, 2, 2});
  // Longer than a segment: the profile is cut in two.
  std::vector<std::uint8_t> profile(70'000);
  for (std::size_t i = 0; i < profile.size(); ++i) profile[i] = static_cast<std::uint8_t>(i * 7);
  constexpr std::string_view kXmp = "http://ns.adobe.com/xap/1.0/\0<x/>";
  const std::string_view exif_text("Exif\0\0MM\0*\0\0\0\b\0\0\0\0\0\0", 20);
  const std::vector<std::uint8_t> exif(exif_text.begin(), exif_text.end());
  const std::vector<std::uint8_t> other(kXmp.begin(), kXmp.end());
  const JpegSegment segments[] = {{1, exif}, {1, other}, {15, exif}};
  const auto file = encoded(planes, {.profile = profile, .segments = segments});
  const auto* text = reinterpret_cast<const char*>(file.data());
  const std::string_view bytes(text, file.size());
  const std::size_t jfif = bytes.find("JFIF");
  const std::size_t first = bytes.find(exif_text);
  EXPECT_EQ(bytes.substr(first - 4, 4), std::string_view("\xff\xe1\0\x16", 4));
  EXPECT_LT(jfif, first);
  EXPECT_LT(first, bytes.find(kXmp));
  EXPECT_EQ(bytes.substr(bytes.find(exif_text, first + 1) - 4, 2), "\xff\xef");
  const vips::VImage image = opened(file);
  std::size_t size_bytes = 0;
  const auto* back =
      static_cast<const std::uint8_t*>(image.get_blob(VIPS_META_ICC_NAME, &size_bytes));
  EXPECT_TRUE(std::equal(profile.begin(), profile.end(), back, back + size_bytes));
}

TEST_F(JpegEncoderTest, RefusesWhatTheFormatCannotHold) {
  Planes tall;
  tall.components.emplace_back(1, kJpegSidePxMax + 1);
  EXPECT_EQ(encode_jpeg(tall, {}).error().reason, Reason::ResultTooLarge);

  Planes planes = picture({64, 48, 2, 2});
  const std::vector<std::uint8_t> bytes(kJpegSegmentBytesMax + 1);
  const JpegSegment segments[] = {{1, bytes}};
  EXPECT_EQ(encode_jpeg(planes, {.segments = segments}).error().reason, Reason::ResultTooLarge);

  planes.chroma_down = 1;  // the planes are half as high
  EXPECT_EQ(encode_jpeg(planes, {}).error().reason, Reason::Internal);
  Planes coarse = picture({64, 48, 4, 4});
  EXPECT_EQ(encode_jpeg(coarse, {}).error().reason, Reason::Internal);
  planes.components.pop_back();
  EXPECT_EQ(encode_jpeg(planes, {}).error().reason, Reason::Internal);
}

}  // namespace
}  // namespace millrace::codecs
