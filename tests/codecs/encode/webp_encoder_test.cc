// SPDX-License-Identifier: Apache-2.0
#include "codecs/encode/webp_encoder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>
#include <vips/vips8>

#include "tests/codecs/planes_of_tests.h"

namespace millrace::codecs {
namespace {

using base::Reason;

class WebpEncoderTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_EQ(VIPS_INIT("codecs_encode_test"), 0); }
};

Planes flat_picture(std::int32_t width, std::int32_t height, int y, int cb, int cr) {
  Planes planes;
  planes.chroma_across = planes.chroma_down = 2;
  planes.components.push_back(constant_plane(width, height, y));
  planes.components.push_back(constant_plane((width + 1) / 2, (height + 1) / 2, cb));
  planes.components.push_back(constant_plane((width + 1) / 2, (height + 1) / 2, cr));
  return planes;
}

std::vector<std::byte> encoded(const Planes& planes, const WebpSettings& settings = {}) {
  auto file = encode_webp(planes, settings);
  EXPECT_TRUE(file) << file.error().detail;
  return file.value_or(std::vector<std::byte>{});
}

vips::VImage opened(const std::vector<std::byte>& file) {
  // In memory, for libvips reads the file only when somebody asks for pixels.
  return vips::VImage::new_from_buffer(file.data(), file.size(), "").copy_memory();
}

// JFIF's colours come out as themselves: the range is changed, not the colour.
TEST_F(WebpEncoderTest, ColorsStayWhatTheyAre) {
  const int colors[][3] = {{0, 0, 0},     {255, 255, 255}, {255, 0, 0},    {0, 255, 0},
                           {0, 0, 255},   {255, 255, 0},   {128, 64, 32},  {200, 180, 220},
                           {20, 40, 200}, {16, 16, 16},    {235, 235, 235}};
  for (const auto& [r, g, b] : colors) {
    const auto tone = [](double value) {
      return static_cast<int>(std::lround(std::clamp(value, 0.0, 255.0)));
    };
    const Planes planes = flat_picture(32, 32, tone(0.299 * r + 0.587 * g + 0.114 * b),
                                       tone(128 - 0.168736 * r - 0.331264 * g + 0.5 * b),
                                       tone(128 + 0.5 * r - 0.418688 * g - 0.081312 * b));
    const std::vector<double> back = opened(encoded(planes, {.quality_pct = 95})).getpoint(16, 16);
    EXPECT_NEAR(back[0], r, 4);
    EXPECT_NEAR(back[1], g, 4);
    EXPECT_NEAR(back[2], b, 4);
  }
}

TEST_F(WebpEncoderTest, EverySizeComesBack) {
  for (const auto& [width, height] : {std::pair(1, 1), std::pair(1, 30), std::pair(31, 1),
                                      std::pair(17, 33), std::pair(16, 16), std::pair(301, 200)}) {
    for (const bool grey : {false, true}) {
      Planes planes = flat_picture(width, height, 0, 100, 150);
      if (grey) planes.components.resize(1);
      planes.components[0] = wave_plane(width, height);
      const vips::VImage image = opened(encoded(planes, {.quality_pct = 90}));
      ASSERT_EQ(image.width(), width);
      ASSERT_EQ(image.height(), height);
      const vips::VImage luma = image.colourspace(VIPS_INTERPRETATION_sRGB)
                                    .linear({0.299, 0.587, 0.114}, {0, 0, 0})
                                    .bandmean() *
                                3;
      const double mean = [&] {
        double sum = 0;
        for (int y = 0; y < height; ++y) {
          for (int x = 0; x < width; ++x) sum += planes.components[0].row(y)[x];
        }
        return sum / (width * height);
      }();
      EXPECT_NEAR(luma.avg(), mean, 3) << width << "x" << height;
      if (grey) {
        const std::vector<double> point = image.getpoint(width / 2, height / 2);
        EXPECT_NEAR(point[0], point[1], 1);
        EXPECT_NEAR(point[1], point[2], 1);
      }
    }
  }
}

TEST_F(WebpEncoderTest, PixelsAreNear) {
  Planes planes = flat_picture(320, 240, 0, 128, 128);
  planes.components[0] = wave_plane(320, 240);
  const vips::VImage image = opened(encoded(planes, {.quality_pct = 95})).extract_band(1);
  std::size_t size_bytes = 0;
  auto* samples = static_cast<std::uint8_t*>(image.write_to_memory(&size_bytes));
  const Plane back = plane_of(320, 240, [&](int x, int y) { return samples[y * 320 + x]; });
  g_free(samples);
  EXPECT_LE(distance_mean(back, planes.components[0]), 1.5);
}

TEST_F(WebpEncoderTest, QualityAndEffortCount) {
  Planes planes = flat_picture(400, 300, 0, 90, 160);
  planes.components[0] = noise_plane(400, 300, 4);
  const auto good = encoded(planes, {.quality_pct = 90});
  EXPECT_LT(encoded(planes, {.quality_pct = 40}).size(), good.size());
  EXPECT_NE(encoded(planes, {.quality_pct = 90, .effort = 0}).size(), good.size());
}

TEST_F(WebpEncoderTest, MetadataStandInTheFile) {
  const Planes planes = flat_picture(40, 30, 100, 120, 130);
  const std::vector<std::uint8_t> profile(5'001, 7);
  constexpr std::string_view kExif("MM\0*\0\0\0\b\0\0\0\0\0\0", 14);
  const std::vector<std::uint8_t> exif(kExif.begin(), kExif.end());
  const auto file = encoded(planes, {.profile = profile, .exif = exif});
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  EXPECT_EQ(text.substr(12, 4), "VP8X");
  EXPECT_NE(text.find(kExif), std::string_view::npos);
  const vips::VImage image = opened(file);
  std::size_t size_bytes = 0;
  const void* back = image.get_blob(VIPS_META_ICC_NAME, &size_bytes);
  ASSERT_EQ(size_bytes, profile.size());
  EXPECT_EQ(std::memcmp(back, profile.data(), size_bytes), 0);
  // Without any, the plain form.
  const auto plain = encoded(planes);
  EXPECT_EQ(std::memcmp(plain.data() + 12, "VP8 ", 4), 0);
}

TEST_F(WebpEncoderTest, RefusesWhatTheFormatCannotHold) {
  Planes wide;
  wide.components.emplace_back(kWebpSidePxMax + 1, 1);
  EXPECT_EQ(encode_webp(wide, {}).error().reason, Reason::ResultTooLarge);
  Planes planes = flat_picture(40, 30, 100, 120, 130);
  planes.chroma_across = 1;
  EXPECT_EQ(encode_webp(planes, {}).error().reason, Reason::Internal);
  planes.chroma_across = 2;
  const auto strange = encode_webp(planes, {.effort = 9});
  EXPECT_EQ(strange.error().reason, Reason::Internal);
  EXPECT_EQ(strange.error().detail, "libwebp: INVALID_CONFIGURATION");
}

TEST_F(WebpEncoderTest, StopsWhenTheCheckSaysSo) {
  Planes planes = flat_picture(400, 300, 0, 90, 160);
  planes.components[0] = noise_plane(400, 300, 4);
  int asked = 0;
  const auto file = encode_webp(planes, {.check = [&]() -> base::Result<void> {
                                  if (++asked < 3) return {};
                                  return base::fail(Reason::Deadline, "Too late.");
                                }});
  EXPECT_EQ(file.error().reason, Reason::Deadline);
  EXPECT_EQ(asked, 3);
}

}  // namespace
}  // namespace millrace::codecs
