// SPDX-License-Identifier: Apache-2.0
#include "workers/image/text/text_drawing.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace millrace::workers::image {
namespace {

constexpr double kNearlyWhole = 1e-6;

double radians(double degrees) { return degrees * std::numbers::pi / 180; }

// Upwards, but for what is more only because sines are not exact.
std::int64_t upwards(double length) { return std::llround(std::ceil(length - kNearlyWhole)); }

// What two things cover that lie on each other anyhow.
std::uint8_t both(unsigned a, unsigned b) {
  return static_cast<std::uint8_t>(a + (b * (255 - a) + 127) / 255);
}

void put(const Coverage& coverage, TextMask& mask) {
  const int left = std::max(0, -coverage.left);
  const int top = std::max(0, -coverage.top);
  const int right = std::min(coverage.width, static_cast<int>(mask.width) - coverage.left);
  const int bottom = std::min(coverage.height, static_cast<int>(mask.height) - coverage.top);
  for (int y = top; y < bottom; ++y) {
    const std::uint8_t* const from =
        coverage.first + static_cast<std::ptrdiff_t>(y) * coverage.stride_bytes;
    std::uint8_t* const to = &mask.pixels[static_cast<std::size_t>(coverage.top + y) * mask.width];
    for (int x = left; x < right; ++x) {
      std::uint8_t& pixel = to[coverage.left + x];
      pixel = both(pixel, from[x]);
    }
  }
}

}  // namespace

TurnedBox turned_box(const TextLayout& layout, double degrees) {
  const double cosine = std::abs(std::cos(radians(degrees)));
  const double sine = std::abs(std::sin(radians(degrees)));
  const auto width = static_cast<double>(layout.width);
  const auto height = static_cast<double>(layout.height);
  return {upwards(width * cosine + height * sine), upwards(width * sine + height * cosine)};
}

base::Result<TextMask> draw_text(const TextLayout& layout, std::size_t width, std::size_t height,
                                 const TextPose& pose,
                                 const std::function<base::Result<void>()>& check) {
  TextMask mask{width, height, std::vector<std::uint8_t>(width * height, 0)};
  const FontFace::Box canvas{0, 0, static_cast<int>(width), static_cast<int>(height)};
  const double cosine = std::cos(radians(pose.degrees));
  const double sine = std::sin(radians(pose.degrees));
  const double middle_x = static_cast<double>(layout.width) / 2;
  const double middle_y = static_cast<double>(layout.height) / 2;
  for (const PlacedGlyph& glyph : layout.glyphs) {
    if (auto still = check(); !still) return base::fail(std::move(still.error()));
    const double x = glyph.x - middle_x;
    const double y = glyph.y - middle_y;
    const FontFace::Pose place{pose.x + middle_x + cosine * x - sine * y,
                               pose.y + middle_y + sine * x + cosine * y, pose.degrees};
    glyph.face->draw(glyph.glyph, layout.size_px, place, canvas,
                     [&mask](const Coverage& coverage) { put(coverage, mask); });
  }
  return mask;
}

}  // namespace millrace::workers::image
