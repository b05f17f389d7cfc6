// SPDX-License-Identifier: Apache-2.0
#include "workers/image/redaction.h"

#include <algorithm>
#include <cmath>

#include "workers/image/operations.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

// Along a side of `length` px of an area.
std::int64_t cells_along(std::int64_t length, const Area& area, int cells) {
  const double part =
      static_cast<double>(length) / static_cast<double>(std::max(area.width, area.height));
  return std::clamp<std::int64_t>(std::llround(part * cells), 1, length);
}

VImage with_cells(const VImage& frame, const Area& area, Cover cover, int cells) {
  const Size few{cells_along(area.width, area, cells), cells_along(area.height, area, cells)};
  const VImage coarse = resized(cropped(frame, area), few);
  if (cover == Cover::Blur) return resized(coarse, {area.width, area.height});
  return coarse.resize(
      static_cast<double>(area.width) / static_cast<double>(few.width),
      VImage::option()
          ->set("vscale", static_cast<double>(area.height) / static_cast<double>(few.height))
          ->set("kernel", VIPS_KERNEL_NEAREST));
}

}  // namespace

VImage redacted(const VImage& frame, std::span<const Area> areas, Cover cover, int cells) {
  VImage covered = frame;
  for (const Area& area : areas) {
    covered = covered.insert(with_cells(frame, area, cover, cells), static_cast<int>(area.left),
                             static_cast<int>(area.top));
  }
  return covered;
}

}  // namespace millrace::workers::image
