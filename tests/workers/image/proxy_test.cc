// SPDX-License-Identifier: Apache-2.0
#include "workers/image/proxy.h"

#include <chrono>
#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"

namespace millrace::workers::image {
namespace {

const TaskWatch& unlimited() {
  static const TaskWatch watch(base::Deadline::never(), std::chrono::hours(1),
                               TaskWatch::clocks_of_process());
  return watch;
}

std::int64_t pixels_of(const std::vector<Area>& areas) {
  std::int64_t sum = 0;
  for (const Area& area : areas) sum += area.width * area.height;
  return sum;
}

TEST(ProxyAreasTest, ASmallPictureIsItsOwn) {
  for (const Size size : {Size{1, 1}, {256, 256}, {65'536, 1}, {1, 20'000}}) {
    EXPECT_EQ(proxy_areas(size), (std::vector<Area>{{0, 0, size.width, size.height}}));
  }
}

TEST(ProxyAreasTest, LieInsideAndApart) {
  for (const Size size : {Size{257, 256},
                          {800, 533},
                          {533, 800},
                          {4'000, 3'000},
                          {30'000, 60},
                          {60, 30'000},
                          {30'000, 3},
                          {300, 300},
                          {129, 4'000}}) {
    const std::vector<Area> areas = proxy_areas(size);
    ASSERT_GT(areas.size(), 1U);
    for (std::size_t i = 0; i < areas.size(); ++i) {
      const Area& a = areas[i];
      EXPECT_GE(a.left, 0);
      EXPECT_GE(a.top, 0);
      EXPECT_LE(a.left + a.width, size.width);
      EXPECT_LE(a.top + a.height, size.height);
      EXPECT_EQ(a.width, areas[0].width);
      EXPECT_EQ(a.height, areas[0].height);
      for (std::size_t k = 0; k < i; ++k) {
        const Area& b = areas[k];
        const bool apart = b.left + b.width <= a.left || a.left + a.width <= b.left ||
                           b.top + b.height <= a.top || a.top + a.height <= b.top;
        EXPECT_TRUE(apart) << size.width << "x" << size.height << " " << i << " " << k;
      }
    }
  }
}

TEST(ProxyAreasTest, CostABoundedShare) {
  constexpr std::int64_t kMost = 49L * 64 * 64;
  constexpr std::int64_t kLeast = 16L * 64 * 64;
  for (std::int64_t side = 257; side < 6'000; side += 61) {
    for (const Size size : {Size{side, side}, {side, 2 * side / 3}, {side / 2, side}}) {
      const std::int64_t all = size.width * size.height;
      EXPECT_LE(pixels_of(proxy_areas(size)), std::max(kLeast, std::min(kMost, all / 6)));
    }
  }
  EXPECT_GE(pixels_of(proxy_areas({4'000, 3'000})), kMost * 3 / 4);
}

class ProxyTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
  static Proxy proxy_of(const vips::VImage& picture) {
    auto proxy = Proxy::of(picture, unlimited());
    EXPECT_TRUE(proxy);
    return *std::move(proxy);
  }
  static Proxy::Trial trial(const Proxy& proxy, OutputFormat format, int quality_pct) {
    Encoding encoding;
    encoding.format = format;
    encoding.quality_pct = quality_pct;
    const auto tried = proxy.tried(encoding, unlimited());
    EXPECT_TRUE(tried) << tried.error().public_message << tried.error().detail;
    return tried.value_or(Proxy::Trial{});
  }
};

TEST_F(ProxyTest, OfASmallPictureIsExact) {
  const vips::VImage picture = make_photo(200, 150);
  const Proxy proxy = proxy_of(picture);
  EXPECT_EQ(proxy.size(), (Size{200, 150}));
  const Proxy::Trial tried = trial(proxy, OutputFormat::Jpeg, 60);
  const auto file = run_pipeline(make_file(picture, ".png"), "imageView2/0/format/jpg/q/60");
  ASSERT_TRUE(file);
  EXPECT_EQ(tried.bytes, file->file.size());
  EXPECT_NEAR(tried.ssim, ssim(luma_of(picture), luma_of(decode(file->file).copy_memory())).mean,
              1e-3);
}

TEST_F(ProxyTest, EveryFormatLosesMoreAtALowerQuality) {
  for (const vips::VImage& picture : {make_photo(900, 700), make_photo_with_alpha(640, 480)}) {
    const Proxy proxy = proxy_of(picture);
    for (const OutputFormat format : kOutputFormats) {
      const Proxy::Trial low = trial(proxy, format, 30);
      const Proxy::Trial high = trial(proxy, format, 90);
      EXPECT_LE(low.ssim, 1) << word_of(format);
      if (!has_quality(format)) {
        EXPECT_EQ(low.bytes, high.bytes) << word_of(format);
        if (format != OutputFormat::Gif) EXPECT_EQ(low.ssim, 1) << word_of(format);
        continue;
      }
      EXPECT_LT(low.ssim, high.ssim) << word_of(format);
      EXPECT_LT(low.bytes, high.bytes) << word_of(format);
      EXPECT_GT(high.ssim, 0.9) << word_of(format);
    }
  }
}

TEST_F(ProxyTest, AnEvenPictureLosesNothing) {
  const vips::VImage grey = (vips::VImage::black(700, 500) + 128).cast(VIPS_FORMAT_UCHAR);
  const Proxy proxy = proxy_of(grey.copy_memory());
  EXPECT_NEAR(trial(proxy, OutputFormat::Jpeg, 40).ssim, 1, 1e-6);
}

}  // namespace
}  // namespace millrace::workers::image
