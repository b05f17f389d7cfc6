// SPDX-License-Identifier: Apache-2.0
#include "workers/image/quality_search.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace millrace::workers::image {
namespace {

// How fast the logarithm of what is lost falls with each step of quality, where one point alone is
// known; and at least, where two on the same side are.
constexpr double kFallEachStep = 0.025;
constexpr double kFallMin = 0.005;
constexpr double kNearEnough = 0.1;
constexpr double kLossMin = 1e-6;  // of a picture that loses nothing

struct Point {
  int quality_pct = 0;
  double log_loss = 0;
};

Point point_of(int quality_pct, double ssim) {
  return {quality_pct, std::log(std::max(kLossMin, 1 - ssim))};
}

// The quality at which the line through two points meets `log_loss`.
double meeting(const Point& a, const Point& b, double log_loss) {
  const double fall = (a.log_loss - b.log_loss) / (b.quality_pct - a.quality_pct);
  return b.quality_pct + (b.log_loss - log_loss) / std::max(kFallMin, fall);
}

// What has been learnt of the curve.
struct Known {
  std::optional<Point> below;   // the highest quality that is not alike enough
  std::optional<Point> above;   // the lowest that is
  std::optional<Point> before;  // the last one but one, wherever it was
  Point last;

  void add(const Point& point, bool is_enough) {
    if (below || above) before = last;
    last = point;
    (is_enough ? above : below) = point;
  }
  [[nodiscard]] double guess(double log_loss) const {
    if (below && above) return meeting(*below, *above, log_loss);
    if (before) return meeting(*before, last, log_loss);
    return last.quality_pct + (last.log_loss - log_loss) / kFallEachStep;
  }
};

}  // namespace

QualityRange quality_range(OutputFormat format) {
  switch (format) {
    case OutputFormat::Avif:
      return {25, 90, 50};
    case OutputFormat::Heic:
      return {20, 90, 40};
    default:
      return {40, 95, 75};
  }
}

base::Result<LikedQuality> quality_for_likeness(
    double ssim_min, const QualityRange& range,
    const std::function<base::Result<double>(int quality_pct)>& ssim_of) {
  const double wanted = point_of(0, ssim_min).log_loss;
  Known known;
  std::optional<LikedQuality> found;
  LikedQuality last;
  int low = range.low_pct;    // what is below is not alike enough, or not allowed
  int high = range.high_pct;  // what is above is not needed, or not allowed
  int guess = std::clamp(range.start_pct, low, high);
  for (int trial = 1; trial <= kQualityTrialsMax && low <= high; ++trial) {
    // What no trial reaches, the highest comes nearest to.
    if (trial == kQualityTrialsMax && !found) guess = high;
    const auto ssim = ssim_of(guess);
    if (!ssim) return base::fail(ssim.error());
    last = {guess, *ssim};
    const bool is_enough = *ssim >= ssim_min;
    known.add(point_of(guess, *ssim), is_enough);
    if (is_enough) {
      found = last;
      high = guess - 1;
      if (*ssim - ssim_min <= kNearEnough * (1 - ssim_min)) break;
    } else {
      low = guess + 1;
    }
    if (low > high) break;
    guess = static_cast<int>(
        std::lround(std::clamp<double>(std::ceil(known.guess(wanted)), low, high)));
  }
  return found.value_or(last);
}

}  // namespace millrace::workers::image
