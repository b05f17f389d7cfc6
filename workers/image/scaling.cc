// SPDX-License-Identifier: Apache-2.0
#include "workers/image/scaling.h"

#include <cstdint>

#include "codecs/resample/pixel_resampler.h"
#include "workers/image/operations.h"
#include "workers/image/pixels.h"

namespace millrace::workers::image {
namespace {

using codecs::Axis;
using vips::VImage;

constexpr int kBandsMax = 4;

// The part [first, first + count) of `whole` outputs that `samples` come to.
Axis axis_of(int samples, std::int64_t whole, std::int64_t first, std::int64_t count) {
  const double step = static_cast<double>(samples) / static_cast<double>(whole);
  return {samples, static_cast<double>(first) * step, step, static_cast<std::int32_t>(count)};
}

}  // namespace

base::Result<VImage> scaled(const VImage& image, const Placement& placement,
                            const TaskWatch& watch) {
  const auto& [whole, kept] = placement;
  const bool same_size = whole == Size{image.width(), image.height()};
  if (same_size || image.format() != VIPS_FORMAT_UCHAR || image.bands() > kBandsMax) {
    return cropped(resized(image, whole), kept);
  }
  codecs::PixelResampler resampler({.bands = image.bands(), .alpha = image.has_alpha()},
                                   axis_of(image.width(), whole.width, kept.left, kept.width),
                                   axis_of(image.height(), whole.height, kept.top, kept.height));
  const VImage read = cropped(image, {0, 0, image.width(), resampler.rows_needed().end()});
  std::int32_t row = 0;
  auto done = for_each_strip(read, watch, [&](const Strip& strip) -> base::Result<void> {
    resampler.push(row, {strip.first, image.width() * image.bands(), strip.lines,
                         static_cast<std::ptrdiff_t>(strip.stride_bytes)});
    row += strip.lines;
    return {};
  });
  if (!done) return base::fail(std::move(done.error()));
  VImage result = memory_like(image, static_cast<int>(kept.width), static_cast<int>(kept.height));
  resampler.write(VIPS_IMAGE_ADDR(result.get_image(), 0, 0),
                  static_cast<std::ptrdiff_t>(VIPS_IMAGE_SIZEOF_LINE(result.get_image())));
  return result;
}

}  // namespace millrace::workers::image
