// SPDX-License-Identifier: Apache-2.0
// millrace-bench-picture WIDTH HEIGHT QUALITY FILE.jpg: a JPEG that costs a codec what a photograph
// does: smooth areas, edges, texture and sensor noise; about 2 bits a pixel at quality 88.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include <vips/vips.h>

namespace {

std::vector<std::uint8_t> pixels_of(int width, int height) {
  std::mt19937 random(7);
  std::normal_distribution<float> noise(0, 4);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(width) *
                                   static_cast<std::size_t>(height) * 3);
  std::size_t at = 0;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const float fx = static_cast<float>(x) / 97;
      const float fy = static_cast<float>(y) / 83;
      const float hills = std::sin(fx) * std::cos(fy) * 50 + std::sin(fx * 0.21F + fy * 0.13F) * 40;
      const float leaves =
          (x / 64 + y / 48) % 5 == 0 ? std::sin(fx * 29) * std::sin(fy * 31) * 40 : 0;
      const float edge = (x / 211 + y / 173) % 2 == 0 ? 25.0F : -25.0F;
      const float grain = noise(random);
      for (const float tint : {1.0F, 0.85F, 0.6F}) {
        const float value = 120 + (hills + leaves + edge) * tint + grain;
        pixels[at++] = static_cast<std::uint8_t>(std::clamp(value, 0.0F, 255.0F));
      }
    }
  }
  return pixels;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: millrace-bench-picture WIDTH HEIGHT QUALITY FILE.jpg\n", stderr);
    return 2;
  }
  const int width = std::atoi(argv[1]);
  const int height = std::atoi(argv[2]);
  if (width < 1 || height < 1 || width > 65'000 || height > 65'000) {
    std::fputs("width and height must be from 1 to 65000\n", stderr);
    return 2;
  }
  if (VIPS_INIT(argv[0]) != 0) return 1;
  const std::vector<std::uint8_t> pixels = pixels_of(width, height);
  VipsImage* memory =
      vips_image_new_from_memory(pixels.data(), pixels.size(), width, height, 3, VIPS_FORMAT_UCHAR);
  VipsImage* picture = nullptr;
  const bool written =
      memory != nullptr &&
      vips_copy(memory, &picture, "interpretation", VIPS_INTERPRETATION_sRGB, nullptr) == 0 &&
      vips_jpegsave(picture, argv[4], "Q", std::atoi(argv[3]), nullptr) == 0;
  if (!written) std::fputs(vips_error_buffer(), stderr);
  if (picture != nullptr) g_object_unref(picture);
  if (memory != nullptr) g_object_unref(memory);
  vips_shutdown();
  return written ? 0 : 1;
}
