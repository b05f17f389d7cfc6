// SPDX-License-Identifier: Apache-2.0
#include "workers/image/interest.h"

#include <algorithm>
#include <cmath>

namespace millrace::workers::image {

using vips::VImage;

Area interesting_area(const VImage& preview, Size wanted, Interest interest) {
  const VImage colour =
      preview.bands() < 3 ? preview.colourspace(VIPS_INTERPRETATION_sRGB) : preview;
  const VImage cut =
      colour.smartcrop(static_cast<int>(wanted.width), static_cast<int>(wanted.height),
                       VImage::option()->set("interesting", interest == Interest::Attention
                                                                ? VIPS_INTERESTING_ATTENTION
                                                                : VIPS_INTERESTING_ENTROPY));
  return {-cut.xoffset(), -cut.yoffset(), wanted.width, wanted.height};
}

Area area_of_whole(const Area& at, Size preview, Size whole, Size kept) {
  const auto start = [](std::int64_t begin, std::int64_t preview_px, std::int64_t whole_px,
                        std::int64_t kept_px) {
    const double exact = static_cast<double>(begin) * static_cast<double>(whole_px) /
                         static_cast<double>(preview_px);
    return std::clamp<std::int64_t>(std::llround(exact), 0, whole_px - kept_px);
  };
  return {start(at.left, preview.width, whole.width, kept.width),
          start(at.top, preview.height, whole.height, kept.height), kept.width, kept.height};
}

}  // namespace millrace::workers::image
