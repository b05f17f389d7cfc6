// SPDX-License-Identifier: Apache-2.0
#include "tests/support/picture.h"

#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <stdexcept>

#include <vips/vips.h>

namespace millrace::test {
namespace {

struct Unref {
  void operator()(VipsImage* image) const { g_object_unref(image); }
};
using Image = std::unique_ptr<VipsImage, Unref>;

void start_vips() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (VIPS_INIT("millrace-test") != 0) throw std::runtime_error(vips_error_buffer());
  });
}

void check(int status) {
  if (status == 0) return;
  const std::string message = vips_error_buffer();
  vips_error_clear();
  throw std::runtime_error(message);
}

Image from_picture(const Picture& picture) {
  start_vips();
  VipsImage* raw = vips_image_new_from_memory_copy(
      picture.rgb.data(), picture.rgb.size(), picture.width, picture.height, 3, VIPS_FORMAT_UCHAR);
  if (raw == nullptr) check(-1);
  Image memory(raw);
  VipsImage* srgb = nullptr;
  check(vips_copy(memory.get(), &srgb, "interpretation", VIPS_INTERPRETATION_sRGB, nullptr));
  return Image(srgb);
}

Picture to_picture(VipsImage* image) {
  Picture picture;
  picture.has_alpha = vips_image_hasalpha(image) != 0;
  Image now(image);
  g_object_ref(image);
  VipsImage* next = nullptr;
  if (picture.has_alpha) {
    VipsArrayDouble* white = vips_array_double_newv(
        1, vips_image_get_format(image) == VIPS_FORMAT_USHORT ? 65535.0 : 255.0);
    const int status = vips_flatten(now.get(), &next, "background", white, nullptr);
    vips_area_unref(VIPS_AREA(white));
    check(status);
    now.reset(next);
  }
  if (vips_image_get_typeof(now.get(), VIPS_META_ICC_NAME) != 0 &&
      vips_icc_transform(now.get(), &next, "srgb", "embedded", TRUE, nullptr) == 0) {
    now.reset(next);
  }
  vips_error_clear();
  check(vips_colourspace(now.get(), &next, VIPS_INTERPRETATION_sRGB, nullptr));
  now.reset(next);
  check(vips_cast(now.get(), &next, VIPS_FORMAT_UCHAR, nullptr));
  now.reset(next);
  std::size_t size = 0;
  void* pixels = vips_image_write_to_memory(now.get(), &size);
  if (pixels == nullptr) check(-1);
  picture.width = vips_image_get_width(now.get());
  picture.height = vips_image_get_height(now.get());
  const auto* bytes = static_cast<const std::uint8_t*>(pixels);
  picture.rgb.assign(bytes, bytes + size);
  g_free(pixels);
  return picture;
}

std::string save(VipsImage* image, const std::string& suffix) {
  void* buffer = nullptr;
  std::size_t size = 0;
  check(vips_image_write_to_buffer(image, suffix.c_str(), &buffer, &size, nullptr));
  std::string bytes(static_cast<const char*>(buffer), size);
  g_free(buffer);
  return bytes;
}

}  // namespace

Picture make_picture(int width, int height, int seed) {
  Picture picture{width, height, "", false, {}};
  picture.rgb.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  std::size_t at = 0;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double u = static_cast<double>(x) / width;
      const double v = static_cast<double>(y) / height;
      double r = 255 * u;
      double g = 255 * v;
      double b = 128 + 100 * std::sin((u * 9 + v * 5 + seed) * 3.1);
      const double ring = std::hypot(u - 0.3 - 0.05 * (seed % 4), v - 0.4);
      if (ring < 0.18) r = 230, g = 40 + 600 * ring, b = 40;
      if (u > 0.6 && v > 0.55) {  // stripes, coarser to the right
        const bool on = static_cast<int>(std::pow(u * 12, 2)) % 2 == 0;
        r = g = b = on ? 240 : 20;
      }
      if (u < 0.25 && v > 0.8) r = 20, g = 60, b = 220;
      const std::uint32_t hash = static_cast<std::uint32_t>(x) * 73856093U ^
                                 static_cast<std::uint32_t>(y) * 19349663U ^
                                 static_cast<std::uint32_t>(seed) * 83492791U;
      const double grain = static_cast<double>((hash >> 7) % 17) - 8;
      for (const double value : {r + grain, g + grain, b + grain}) {
        picture.rgb[at++] =
            static_cast<std::uint8_t>(std::lround(std::fmin(255, std::fmax(0, value))));
      }
    }
  }
  return picture;
}

std::string encode_jpeg(const Picture& picture, int quality, int orientation) {
  Image image = from_picture(picture);
  if (orientation != 1) {
    vips_image_set_int(image.get(), VIPS_META_ORIENTATION, orientation);
  }
  return save(image.get(), ".jpg[Q=" + std::to_string(quality) + "]");
}

std::string encode(const Picture& picture, const std::string& suffix) {
  return save(from_picture(picture).get(), suffix);
}

Picture decode(std::string_view bytes) {
  start_vips();
  VipsImage* raw = vips_image_new_from_buffer(bytes.data(), bytes.size(), "", nullptr);
  if (raw == nullptr) {
    vips_error_clear();
    return {};
  }
  const Image image(raw);
  try {
    Picture picture = to_picture(image.get());
    const char* loader = nullptr;
    if (vips_image_get_string(image.get(), VIPS_META_LOADER, &loader) == 0) {
      picture.format = std::string(loader).substr(0, std::string(loader).find("load"));
    }
    return picture;
  } catch (const std::exception&) {
    return {};
  }
}

// From all pixels. libvips enlarges with the middle of the first pixel in the corner; elsewhere the
// middle of the picture stays in the middle.
Picture resized(std::string_view encoded, int width, int height) {
  start_vips();
  VipsImage* next = nullptr;
  next = vips_image_new_from_buffer(encoded.data(), encoded.size(), "", nullptr);
  check(next == nullptr ? 1 : 0);
  const Image whole(next);
  check(vips_autorot(whole.get(), &next, nullptr));
  const Image upright(next);
  const double across = static_cast<double>(width) / upright.get()->Xsize;
  const double down = static_cast<double>(height) / upright.get()->Ysize;
  if (across <= 1 && down <= 1) {
    check(vips_resize(upright.get(), &next, across, "vscale", down, nullptr));
  } else {
    VipsInterpolate* bicubic = vips_interpolate_new("bicubic");
    VipsArrayInt* area = vips_array_int_newv(4, 0, 0, width, height);
    const int failed = vips_affine(upright.get(), &next, across, 0, 0, down, "interpolate", bicubic,
                                   "oarea", area, "odx", (across - 1) / 2, "ody", (down - 1) / 2,
                                   "extend", VIPS_EXTEND_COPY, nullptr);
    vips_area_unref(VIPS_AREA(area));
    g_object_unref(bicubic);
    check(failed);
  }
  const Image image(next);
  return to_picture(image.get());
}

Picture cropped(const Picture& picture, int left, int top, int width, int height) {
  Picture out{width, height, "", picture.has_alpha, {}};
  for (int y = 0; y < height; ++y) {
    const auto begin = picture.rgb.begin() + ((top + y) * picture.width + left) * 3;
    out.rgb.insert(out.rgb.end(), begin, begin + width * 3);
  }
  return out;
}

Picture rotated(const Picture& picture, int orientation) {
  Image image = from_picture(picture);
  vips_image_set_int(image.get(), VIPS_META_ORIENTATION, orientation);
  VipsImage* next = nullptr;
  check(vips_autorot(image.get(), &next, nullptr));
  const Image upright(next);
  return to_picture(upright.get());
}

double perceptual_distance(const Picture& a, const Picture& b) {
  if (a.width != b.width || a.height != b.height || a.width == 0) {
    return std::numeric_limits<double>::infinity();
  }
  std::unique_ptr<VipsImage, Unref> lab[2];
  const Picture* sides[2] = {&a, &b};
  for (int i = 0; i < 2; ++i) {
    const Image image = from_picture(*sides[i]);
    VipsImage* next = nullptr;
    check(vips_gaussblur(image.get(), &next, 0.8, nullptr));
    const Image blurred(next);
    check(vips_colourspace(blurred.get(), &next, VIPS_INTERPRETATION_LAB, nullptr));
    lab[i].reset(next);
  }
  VipsImage* next = nullptr;
  check(vips_dE76(lab[0].get(), lab[1].get(), &next, nullptr));
  const Image difference(next);
  double mean = 0;
  check(vips_avg(difference.get(), &mean, nullptr));
  return mean;
}

}  // namespace millrace::test
