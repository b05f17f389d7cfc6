// SPDX-License-Identifier: Apache-2.0
#include "tests/workers/image/pictures.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace millrace::workers::image {
namespace {

using vips::VImage;

// A hash of the place; the same on every machine.
std::uint32_t noise_at(int x, int y) {
  std::uint32_t h =
      static_cast<std::uint32_t>(x) * 374761393U + static_cast<std::uint32_t>(y) * 668265263U;
  h = (h ^ (h >> 13)) * 1274126177U;
  return h ^ (h >> 16);
}

std::uint8_t clipped(double value) {
  return static_cast<std::uint8_t>(std::min(255.0, std::max(0.0, value)));
}

VImage from_pixels(const std::vector<std::uint8_t>& pixels, int width, int height, int bands) {
  VipsImage* image = vips_image_new_from_memory_copy(pixels.data(), pixels.size(), width, height,
                                                     bands, VIPS_FORMAT_UCHAR);
  if (image == nullptr) throw vips::VError();
  return VImage(image);
}

VImage rgb_of(int width, int height) {
  std::vector<std::uint8_t> pixels;
  pixels.reserve(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double u = static_cast<double>(x) / width;
      const double v = static_cast<double>(y) / height;
      const bool disc = std::hypot(u - 0.3, v - 0.35) < 0.2;
      const bool bar = u > 0.6 && v > 0.55 && v < 0.75;
      const double grain = static_cast<double>(noise_at(x, y) & 15) - 7.5;
      pixels.push_back(clipped((disc ? 210 : 60 + 120 * u) + grain));
      pixels.push_back(clipped((bar ? 190 : 40 + 130 * v) + grain));
      pixels.push_back(clipped((disc ? 70 : 170 - 90 * u * v) + grain));
    }
  }
  return from_pixels(pixels, width, height, 3)
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
}

}  // namespace

VImage make_photo(int width, int height) { return rgb_of(width, height).copy_memory(); }

VImage make_deep_photo(int width, int height) {
  return (make_photo(width, height) * 257.0)
      .cast(VIPS_FORMAT_USHORT)
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_RGB16));
}

VImage make_photo_with_alpha(int width, int height) {
  std::vector<std::uint8_t> alpha;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double away = std::hypot(2.0 * x / width - 1.0, 2.0 * y / height - 1.0);
      alpha.push_back(clipped(255.0 * (1.4 - away)));
    }
  }
  const VImage band = from_pixels(alpha, width, height, 1);
  return rgb_of(width, height).bandjoin(band).copy_memory();
}

std::string make_file(const VImage& image, const std::string& suffix) {
  std::size_t bytes = 0;
  void* data = nullptr;
  image.write_to_buffer(suffix.c_str(), &data, &bytes);
  std::string file(static_cast<const char*>(data), bytes);
  g_free(data);
  return file;
}

std::string make_jpeg(int width, int height, int quality_pct) {
  return make_file(make_photo(width, height), ".jpg[Q=" + std::to_string(quality_pct) + "]");
}

std::string make_oriented_jpeg(int width, int height, int orientation) {
  VImage stored = make_photo(width, height);
  // The inverse of what a reader does.
  switch (orientation) {
    case 2:
      stored = stored.fliphor();
      break;
    case 3:
      stored = stored.rot180();
      break;
    case 4:
      stored = stored.flipver();
      break;
    case 5:
      stored = stored.fliphor().rot270();
      break;
    case 6:
      stored = stored.rot270();
      break;
    case 7:
      stored = stored.fliphor().rot90();
      break;
    case 8:
      stored = stored.rot90();
      break;
    default:
      break;
  }
  stored = stored.copy();
  stored.set("orientation", orientation);
  return make_file(stored, ".jpg[Q=95]");
}

VImage decode(const std::string& file) {
  VImage image = VImage::new_from_buffer(file.data(), file.size(), "").copy_memory();
  if (image.interpretation() == VIPS_INTERPRETATION_B_W && image.bands() < 3) {
    image = image.colourspace(VIPS_INTERPRETATION_sRGB);
  }
  return image.autorot().copy_memory();
}

double mean_difference(const VImage& a, const VImage& b) {
  if (a.width() != b.width() || a.height() != b.height() || a.bands() != b.bands()) return 255;
  return (a - b).abs().avg();
}

double mean_delta_e(const VImage& a, const VImage& b) {
  const auto lab = [](const VImage& image) {
    const VImage color =
        image.bands() > 3 ? image.extract_band(0, VImage::option()->set("n", 3)) : image;
    return color.colourspace(VIPS_INTERPRETATION_LAB);
  };
  return lab(a).dE00(lab(b)).avg();
}

}  // namespace millrace::workers::image
