// SPDX-License-Identifier: Apache-2.0
#include "tests/workers/image/ink.h"

#include "base/crypto.h"

namespace millrace::workers::image {

using vips::VImage;

std::optional<InkBox> ink_box(const VImage& a, const VImage& b, int level_min) {
  const VImage differs = ((a - b).abs() > level_min).bandor().copy_memory();
  InkBox box{differs.width(), differs.height(), 0, 0};
  for (int y = 0; y < differs.height(); ++y) {
    const VipsPel* line = VIPS_IMAGE_ADDR(differs.get_image(), 0, y);
    for (int x = 0; x < differs.width(); ++x) {
      if (line[x] == 0) continue;
      box.left = std::min(box.left, x);
      box.right = std::max(box.right, x + 1);
      box.top = std::min(box.top, y);
      box.bottom = std::max(box.bottom, y + 1);
    }
  }
  if (box.right == 0) return std::nullopt;
  return box;
}

int level_at(const VImage& image, int x, int y) {
  return *VIPS_IMAGE_ADDR(image.get_image(), x, y);
}

VImage plain_grey(int width, int height, int level) {
  return (VImage::black(width, height, VImage::option()->set("bands", 3)) + level)
      .cast(VIPS_FORMAT_UCHAR)
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB))
      .copy_memory();
}

std::string coded(const std::string& text) { return base::base64url_encode(text); }

}  // namespace millrace::workers::image
