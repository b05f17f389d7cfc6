// SPDX-License-Identifier: Apache-2.0
#include "workers/image/round_corners.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace millrace::workers::image {
namespace {

using vips::VImage;

constexpr int kLinesOfARow = 16;

// How much of each of the first pixels of a row, `down_px` below the upper edge, is inside.
std::vector<double> shares_of_row(double down_px, CornerRadii radii) {
  std::vector<double> shares(static_cast<std::size_t>(std::ceil(radii.across)), 0);
  for (int line = 0; line < kLinesOfARow; ++line) {
    const double y = down_px + (line + 0.5) / kLinesOfARow;
    // From here on the line is inside the ellipse.
    double begins = 0;
    if (y < radii.down) {
      const double away = (radii.down - y) / radii.down;
      begins = radii.across * (1 - std::sqrt(1 - away * away));
    }
    for (std::size_t x = 0; x < shares.size(); ++x) {
      shares[x] += std::clamp(static_cast<double>(x) + 1 - begins, 0.0, 1.0) / kLinesOfARow;
    }
  }
  return shares;
}

}  // namespace

VImage corner_mask(Size size, CornerRadii radii) {
  const auto width = static_cast<std::size_t>(size.width);
  const auto height = static_cast<std::size_t>(size.height);
  std::vector<std::uint8_t> mask(width * height, 255);
  const auto rows = static_cast<std::size_t>(std::ceil(radii.down));
  for (std::size_t row = 0; row < std::min(rows, height); ++row) {
    const std::vector<double> shares = shares_of_row(static_cast<double>(row), radii);
    std::uint8_t* const upper = &mask[row * width];
    std::uint8_t* const lower = &mask[(height - 1 - row) * width];
    for (std::size_t x = 0; x < std::min(shares.size(), width); ++x) {
      // The pixel in the middle of an odd side loses to both of its corners.
      const auto cut = static_cast<int>(std::lround((1 - shares[x]) * 255));
      for (std::uint8_t* const line : {upper, lower}) {
        for (std::uint8_t* const pixel : {&line[x], &line[width - 1 - x]}) {
          *pixel = static_cast<std::uint8_t>(std::max(0, *pixel - cut));
        }
      }
    }
  }
  VipsImage* const image =
      vips_image_new_from_memory_copy(mask.data(), mask.size(), static_cast<int>(size.width),
                                      static_cast<int>(size.height), 1, VIPS_FORMAT_UCHAR);
  if (image == nullptr) throw vips::VError();
  return VImage(image);
}

VImage with_mask(const VImage& frame, const VImage& mask) {
  if (!frame.has_alpha()) return frame.bandjoin(mask);
  const int colors = frame.bands() - 1;
  const VImage alpha = (frame.extract_band(colors) * mask / 255.0).rint().cast(VIPS_FORMAT_UCHAR);
  return frame.extract_band(0, VImage::option()->set("n", colors)).bandjoin(alpha);
}

}  // namespace millrace::workers::image
