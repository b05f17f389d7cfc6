// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::workers::image {

// A JPEG XL file without loss, by libjxl's own encoder: libvips writes no animations.
struct JxlRecipe {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t bands = 3;                        // 1 grey, 3 RGB, 4 with alpha; 8 bits each
  std::vector<std::vector<std::uint8_t>> frames;  // one: a still picture, when delays_ms is empty
  std::vector<std::uint32_t> delays_ms;
  std::uint32_t loops = 0;
};

// Throws std::runtime_error.
std::string make_jxl(const JxlRecipe& recipe);

}  // namespace millrace::workers::image
