// SPDX-License-Identifier: Apache-2.0
#include "workers/image/content_area.h"

#include <cmath>
#include <cstdint>
#include <vector>

namespace millrace::workers::image {
namespace {

using pipeline::Color;
using vips::VImage;

Color corner_of(const VImage& frame) {
  const std::vector<double> point = frame.getpoint(0, 0);
  const auto band = [&point](std::size_t i) {
    return static_cast<std::uint8_t>(std::lround(point.at(i)));
  };
  const bool grey = frame.bands() < 3;
  Color color{band(0), band(grey ? 0 : 1), band(grey ? 0 : 2), 255};
  if (frame.has_alpha()) color.alpha = band(point.size() - 1);
  return color;
}

// Three bands, without alpha.
VImage opaque_on(const VImage& frame, const std::vector<double>& rgb) {
  const VImage color = frame.bands() < 3 ? frame.colourspace(VIPS_INTERPRETATION_sRGB) : frame;
  return color.has_alpha() ? color.flatten(VImage::option()->set("background", rgb)) : color;
}

}  // namespace

std::optional<Area> content_area(const VImage& frame, const std::optional<Color>& border,
                                 int threshold) {
  constexpr int kMedianPx = 3;
  if (frame.width() < kMedianPx || frame.height() < kMedianPx) {
    return Area{0, 0, frame.width(), frame.height()};
  }
  const Color color = border ? *border : corner_of(frame);
  const bool by_alpha = color.alpha == 0 && frame.has_alpha();
  const std::vector<double> rgb = {static_cast<double>(color.red), static_cast<double>(color.green),
                                   static_cast<double>(color.blue)};
  const VImage looked_at = by_alpha ? frame.extract_band(frame.bands() - 1) : opaque_on(frame, rgb);
  int top = 0;
  int width = 0;
  int height = 0;
  const int left =
      looked_at.find_trim(&top, &width, &height,
                          VImage::option()
                              ->set("threshold", static_cast<double>(threshold))
                              ->set("background", by_alpha ? std::vector<double>{0} : rgb));
  if (width < 1 || height < 1) return std::nullopt;
  return Area{left, top, width, height};
}

}  // namespace millrace::workers::image
