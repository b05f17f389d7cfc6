// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "base/result.h"
#include "workers/image/encoding.h"

namespace millrace::workers::image {

// What likeness q/auto asks for: the mean SSIM (ssim.h) of the luma of the result against what it
// was encoded from. The same of every format, so that files of two formats can be compared by their
// bytes. docs/decisions/0078 says where the three come from.
inline constexpr double kSsimHigh = 0.985;
inline constexpr double kSsimAuto = 0.970;
inline constexpr double kSsimLow = 0.950;

// Where to look for a quality.
struct QualityRange {
  int low_pct = 1;
  int high_pct = 100;
  int start_pct = 75;  // the first guess, inside
};
// The range of a format with quality: not so low that even backgrounds, to which SSIM is blind,
// fall to pieces, and not so high that bytes buy nothing.
QualityRange quality_range(OutputFormat format);

struct LikedQuality {
  int quality_pct = 0;
  double ssim = 0;
};

// The most trials of one search.
inline constexpr int kQualityTrialsMax = 5;

// A low quality of the range whose likeness is at least `ssim_min`; where the trials find none, the
// highest of the range. `ssim_of` is asked at most kQualityTrialsMax times: what is lost falls
// evenly with the quality when its logarithm is taken, so that two or three guesses meet it. The
// search ends as soon as a likeness is above the minimum by no more than a tenth of what may be
// lost. Pure but for `ssim_of`, whose error ends it.
base::Result<LikedQuality> quality_for_likeness(
    double ssim_min, const QualityRange& range,
    const std::function<base::Result<double>(int quality_pct)>& ssim_of);

}  // namespace millrace::workers::image
