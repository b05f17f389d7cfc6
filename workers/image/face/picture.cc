// SPDX-License-Identifier: Apache-2.0
#include "workers/image/face/picture.h"

namespace millrace::workers::face {

RgbPicture::RgbPicture(int width, int height, std::uint8_t fill)
    : width_(width),
      height_(height),
      pixels_(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3, fill) {}

RgbView RgbPicture::view() const {
  return {pixels_.data(), width_, height_, static_cast<std::size_t>(width_) * 3};
}

}  // namespace millrace::workers::face
