// SPDX-License-Identifier: Apache-2.0

// BMP, which libvips only writes through ImageMagick. Grey has a palette of 256 greys, colour 24
// bits, and what has alpha 32 bits with masks (BITMAPV4HEADER), so that readers know that the
// fourth byte counts; a profile makes it a BITMAPV5HEADER.
#include <algorithm>
#include <cstring>
#include <vector>

#include "workers/image/pixels.h"
#include "workers/image/saver.h"

namespace millrace::workers::image {
namespace {

constexpr std::size_t kFileHeaderBytes = 14;
constexpr std::size_t kGreys = 256;

struct Plan {
  std::size_t width = 0;
  std::size_t height = 0;
  std::size_t bands = 3;  // of the picture: 1 grey, 2 grey with alpha, 3, 4
  std::size_t header_bytes = 40;
  ByteSpan icc;

  [[nodiscard]] bool alpha() const { return bands == 2 || bands == 4; }
  [[nodiscard]] std::size_t pixel_bytes() const { return alpha() ? 4 : bands; }
  [[nodiscard]] std::size_t palette_bytes() const { return bands == 1 ? 4 * kGreys : 0; }
  [[nodiscard]] std::size_t line_bytes() const { return (width * pixel_bytes() + 3) / 4 * 4; }
  [[nodiscard]] std::size_t pixels_at() const {
    return kFileHeaderBytes + header_bytes + palette_bytes();
  }
  [[nodiscard]] std::size_t profile_at() const { return pixels_at() + line_bytes() * height; }
  [[nodiscard]] std::size_t file_bytes() const { return profile_at() + icc.size(); }
};

void put(std::vector<std::uint8_t>& file, std::size_t at, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    file[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
  }
}

void put_headers(std::vector<std::uint8_t>& file, const Plan& plan) {
  constexpr std::size_t kBegin = kFileHeaderBytes;
  constexpr std::uint64_t kBitfields = 3;
  constexpr std::uint64_t kSrgb = 0x73524742;      // "sRGB"
  constexpr std::uint64_t kEmbedded = 0x4D424544;  // "MBED"
  constexpr std::uint64_t kDotsPerMeter = 2835;    // 72 dpi
  file[0] = 'B';
  file[1] = 'M';
  put(file, 2, plan.file_bytes(), 4);
  put(file, 10, plan.pixels_at(), 4);
  put(file, kBegin, plan.header_bytes, 4);
  put(file, kBegin + 4, plan.width, 4);
  put(file, kBegin + 8, plan.height, 4);  // positive: from the bottom up
  put(file, kBegin + 12, 1, 2);
  put(file, kBegin + 14, 8 * plan.pixel_bytes(), 2);
  put(file, kBegin + 16, plan.alpha() ? kBitfields : 0, 4);
  put(file, kBegin + 20, plan.line_bytes() * plan.height, 4);
  put(file, kBegin + 24, kDotsPerMeter, 4);
  put(file, kBegin + 28, kDotsPerMeter, 4);
  if (plan.bands == 1) put(file, kBegin + 32, kGreys, 4);
  if (plan.header_bytes > 40) {
    if (plan.alpha()) {
      put(file, kBegin + 40, 0xFF0000, 4);
      put(file, kBegin + 44, 0xFF00, 4);
      put(file, kBegin + 48, 0xFF, 4);
      put(file, kBegin + 52, 0xFF000000, 4);
    }
    put(file, kBegin + 56, plan.icc.empty() ? kSrgb : kEmbedded, 4);
  }
  if (!plan.icc.empty()) {
    put(file, kBegin + 108, 2, 4);  // LCS_GM_GRAPHICS: relative colorimetric
    put(file, kBegin + 112, plan.profile_at() - kBegin, 4);
    put(file, kBegin + 116, plan.icc.size(), 4);
    std::ranges::copy(plan.icc, file.begin() + static_cast<std::ptrdiff_t>(plan.profile_at()));
  }
  for (std::size_t i = 0; plan.bands == 1 && i < kGreys; ++i) {
    put(file, kBegin + plan.header_bytes + 4 * i, i * 0x010101, 4);
  }
}

void put_line(const std::uint8_t* from, std::uint8_t* to, const Plan& plan) {
  if (plan.bands == 1) {
    std::memcpy(to, from, plan.width);
    return;
  }
  for (std::size_t x = 0; x < plan.width; ++x, from += plan.bands, to += plan.pixel_bytes()) {
    const bool grey = plan.bands == 2;
    to[0] = grey ? from[0] : from[2];
    to[1] = grey ? from[0] : from[1];
    to[2] = from[0];
    if (plan.alpha()) to[3] = from[plan.bands - 1];
  }
}

}  // namespace

base::Result<void> save_bmp(const vips::VImage& image, ByteSpan icc, const TaskWatch& watch,
                            const TakeFile& take) {
  Plan plan;
  plan.width = static_cast<std::size_t>(image.width());
  plan.height = static_cast<std::size_t>(image.height());
  plan.bands = static_cast<std::size_t>(image.bands());
  plan.icc = icc;
  if (plan.alpha()) plan.header_bytes = 108;
  if (!icc.empty()) plan.header_bytes = 124;
  std::vector<std::uint8_t> file(plan.file_bytes());
  put_headers(file, plan);
  std::size_t y = plan.height;
  auto done = for_each_strip(image, watch, [&](const Strip& strip) -> base::Result<void> {
    for (int line = 0; line < strip.lines; ++line) {
      --y;
      put_line(strip.first + static_cast<std::size_t>(line) * strip.stride_bytes,
               &file[plan.pixels_at() + y * plan.line_bytes()], plan);
    }
    return {};
  });
  if (!done) return done;
  return take(std::as_bytes(std::span(file)));
}

}  // namespace millrace::workers::image
