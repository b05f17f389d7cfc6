// SPDX-License-Identifier: Apache-2.0
#include "workers/image/quality_search.h"

#include <cmath>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace millrace::workers::image {
namespace {

// An encoder that loses e^(a - b q), as encoders do.
struct Curve {
  double a = -2;
  double b = 0.025;
  std::vector<int> asked{};
  [[nodiscard]] double at(int quality_pct) const { return 1 - std::exp(a - b * quality_pct); }
  base::Result<double> operator()(int quality_pct) {
    asked.push_back(quality_pct);
    return at(quality_pct);
  }
};

LikedQuality found(double ssim_min, const QualityRange& range, Curve& curve) {
  const auto result = quality_for_likeness(ssim_min, range, std::ref(curve));
  EXPECT_TRUE(result);
  EXPECT_LE(curve.asked.size(), static_cast<std::size_t>(kQualityTrialsMax));
  EXPECT_EQ(std::set<int>(curve.asked.begin(), curve.asked.end()).size(), curve.asked.size())
      << "nothing is tried twice";
  for (const int quality : curve.asked) {
    EXPECT_GE(quality, range.low_pct);
    EXPECT_LE(quality, range.high_pct);
  }
  return result.value_or(LikedQuality{});
}

constexpr QualityRange kRange{40, 95, 75};

TEST(QualitySearchTest, FindsALowQualityThatIsAlikeEnough) {
  for (const double b : {0.012, 0.025, 0.05}) {
    for (double a = -3.2; a < 0; a += 0.1) {
      Curve curve{a, b};
      const LikedQuality liked = found(kSsimAuto, kRange, curve);
      EXPECT_EQ(liked.ssim, curve.at(liked.quality_pct));
      if (curve.at(kRange.high_pct) < kSsimAuto) {
        EXPECT_EQ(liked.quality_pct, kRange.high_pct) << a << " " << b;
        continue;
      }
      EXPECT_GE(liked.ssim, kSsimAuto) << a << " " << b;
      // Not needlessly good: a few steps down it would not be alike enough, or is not allowed.
      const bool is_near =
          liked.quality_pct - 8 < kRange.low_pct || curve.at(liked.quality_pct - 8) < kSsimAuto;
      EXPECT_TRUE(is_near) << a << " " << b << " " << liked.quality_pct;
    }
  }
}

TEST(QualitySearchTest, StopsAtTheFirstThatIsNearEnough) {
  // Exactly at the start: 1 - e^(a - b 75) is a little above the minimum.
  Curve curve{std::log(1 - kSsimAuto - 0.001) + 0.025 * 75, 0.025};
  EXPECT_EQ(found(kSsimAuto, kRange, curve).quality_pct, 75);
  EXPECT_EQ(curve.asked.size(), 1U);
}

TEST(QualitySearchTest, ThreeTrialsAreMostlyEnough) {
  std::size_t trials = 0;
  std::size_t searches = 0;
  for (double a = -2.6; a < -0.6; a += 0.1, ++searches) {
    Curve curve{a, 0.03};
    found(kSsimAuto, kRange, curve);
    trials += curve.asked.size();
  }
  EXPECT_LE(trials, 3 * searches);
}

TEST(QualitySearchTest, ARangeOfOneIsTriedOnce) {
  for (const double a : {-9.0, 0.0}) {
    Curve curve{a, 0.01};
    EXPECT_EQ(found(kSsimAuto, {33, 33, 33}, curve).quality_pct, 33);
    EXPECT_EQ(curve.asked.size(), 1U);
  }
}

TEST(QualitySearchTest, EndsAtTheBoundsOfTheRange) {
  Curve alike{-20, 0.01};
  EXPECT_EQ(found(kSsimAuto, kRange, alike).quality_pct, kRange.low_pct);
  Curve never{0, 0.001};
  EXPECT_EQ(found(kSsimAuto, kRange, never).quality_pct, kRange.high_pct);
}

TEST(QualitySearchTest, EndsWhenATrialFails) {
  int asked = 0;
  const auto result = quality_for_likeness(0.97, kRange, [&](int) -> base::Result<double> {
    if (++asked == 2) return base::fail(base::Reason::Deadline, "Too late.");
    return 0.9;
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, base::Reason::Deadline);
}

TEST(QualitySearchTest, EveryFormatsRangeHasRoomForItsStart) {
  for (const OutputFormat format : kOutputFormats) {
    const QualityRange range = quality_range(format);
    EXPECT_LE(1, range.low_pct);
    EXPECT_LE(range.low_pct, range.start_pct);
    EXPECT_LE(range.start_pct, range.high_pct);
    EXPECT_LE(range.high_pct, 100);
  }
}

}  // namespace
}  // namespace millrace::workers::image
