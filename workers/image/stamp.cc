// SPDX-License-Identifier: Apache-2.0
#include "workers/image/stamp.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace millrace::workers::image {
namespace {

using vips::VImage;

constexpr unsigned kOpaque = 255;

// What the pixels come out of; kept by the picture that they go into.
struct Stamping {
  VImage frame;
  std::shared_ptr<const Stamp> stamp;
};

struct Ink {
  unsigned red = 0;
  unsigned green = 0;
  unsigned blue = 0;
  unsigned alpha = 0;
};

Ink ink_at(const Stamp& stamp, std::size_t pixel) {
  if (stamp.kind == Stamp::Kind::Rgba) {
    const std::uint8_t* const from = &stamp.pixels[4 * pixel];
    return {from[0], from[1], from[2], from[3]};
  }
  const unsigned alpha = (stamp.pixels[pixel] * unsigned{stamp.color.alpha} + 127) / kOpaque;
  return {stamp.color.red, stamp.color.green, stamp.color.blue, alpha};
}

std::uint8_t mixed(unsigned below, unsigned above, unsigned alpha) {
  return static_cast<std::uint8_t>((above * alpha + below * (kOpaque - alpha) + 127) / kOpaque);
}

// Porter and Duff's "over" of straight alpha.
template <int Colors, bool HasAlpha>
void put_ink(const Ink& ink, std::uint8_t* pixel) {
  if (ink.alpha == 0) return;
  const unsigned above[] = {ink.red, ink.green, ink.blue};
  if constexpr (!HasAlpha) {
    for (int i = 0; i < Colors; ++i) pixel[i] = mixed(pixel[i], above[i], ink.alpha);
  } else {
    // In 1/255 of a level.
    const unsigned ours = ink.alpha * kOpaque;
    const unsigned theirs = pixel[Colors] * (kOpaque - ink.alpha);
    const unsigned all = ours + theirs;
    for (int i = 0; i < Colors; ++i) {
      pixel[i] = static_cast<std::uint8_t>((above[i] * ours + pixel[i] * theirs + all / 2) / all);
    }
    pixel[Colors] = static_cast<std::uint8_t>((all + 127) / kOpaque);
  }
}

using PutSpan = void (*)(const Stamp& stamp, std::size_t first, std::size_t count,
                         std::uint8_t* to);

template <int Colors, bool HasAlpha>
void put_span(const Stamp& stamp, std::size_t first, std::size_t count, std::uint8_t* to) {
  for (std::size_t i = 0; i < count; ++i, to += Colors + (HasAlpha ? 1 : 0)) {
    put_ink<Colors, HasAlpha>(ink_at(stamp, first + i), to);
  }
}

PutSpan span_putter(int bands) {
  switch (bands) {
    case 1:
      return put_span<1, false>;
    case 2:
      return put_span<1, true>;
    case 3:
      return put_span<3, false>;
    default:
      return put_span<3, true>;
  }
}

// Of 0..modulus-1, also for what is below 0.
std::int64_t remainder_of(std::int64_t value, std::int64_t modulus) {
  return (value % modulus + modulus) % modulus;
}

// Puts what of the stamp lies in line `y` of the picture, from column `left` to before `right`,
// onto `line`, which begins at `left`.
void put_line(const Stamp& stamp, int y, int left, int right, int bands, std::uint8_t* line) {
  std::int64_t row = y - stamp.at.y;
  std::int64_t begin = stamp.at.x;
  std::int64_t step = right;  // past the end
  if (stamp.pitch) {
    row = remainder_of(row, stamp.pitch->height);
    step = stamp.pitch->width;
    begin = left - remainder_of(left - begin, step);
  }
  if (row < 0 || row >= stamp.size.height) return;
  const PutSpan put = span_putter(bands);
  for (; begin < right; begin += std::max<std::int64_t>(step, 1)) {
    const std::int64_t from = std::max<std::int64_t>(begin, left);
    const std::int64_t to = std::min<std::int64_t>(begin + stamp.size.width, right);
    if (from < to) {
      put(stamp, static_cast<std::size_t>(row * stamp.size.width + from - begin),
          static_cast<std::size_t>(to - from), line + (from - left) * bands);
    }
    if (!stamp.pitch) return;
  }
}

// libvips' way to compute a part of a picture.
int stamp_region(VipsRegion* out, void* sequence, void*, void* client, gboolean*) {
  auto* const in = static_cast<VipsRegion*>(sequence);
  const Stamp& stamp = *static_cast<const Stamping*>(client)->stamp;
  const VipsRect& part = out->valid;
  if (vips_region_prepare(in, &part) != 0) return -1;
  const int bands = out->im->Bands;
  const auto bytes = static_cast<std::size_t>(part.width) * static_cast<std::size_t>(bands);
  for (int y = part.top; y < part.top + part.height; ++y) {
    std::uint8_t* const line = VIPS_REGION_ADDR(out, part.left, y);
    std::memcpy(line, VIPS_REGION_ADDR(in, part.left, y), bytes);
    put_line(stamp, y, part.left, part.left + part.width, bands, line);
  }
  return 0;
}

bool is_grey(unsigned red, unsigned green, unsigned blue) { return red == green && red == blue; }

}  // namespace

bool is_grey(const Stamp& stamp) {
  if (stamp.kind == Stamp::Kind::Coverage) {
    return is_grey(stamp.color.red, stamp.color.green, stamp.color.blue);
  }
  for (std::size_t i = 0; i + 3 < stamp.pixels.size(); i += 4) {
    const std::uint8_t* const pixel = &stamp.pixels[i];
    if (pixel[3] != 0 && !is_grey(pixel[0], pixel[1], pixel[2])) return false;
  }
  return true;
}

VImage stamped(const VImage& frame, const std::shared_ptr<const Stamp>& stamp) {
  const bool needs_colors = frame.bands() < 3 && !is_grey(*stamp);
  const VImage below = needs_colors ? frame.colourspace(VIPS_INTERPRETATION_sRGB) : frame;
  VipsImage* const made = vips_image_new();
  if (made == nullptr) throw vips::VError();
  VImage image(made);  // owns it
  auto* const stamping = new Stamping{below, stamp};
  g_object_set_data_full(G_OBJECT(made), "stamping", stamping,
                         [](gpointer kept) { delete static_cast<Stamping*>(kept); });
  if (vips_image_pipelinev(made, VIPS_DEMAND_STYLE_THINSTRIP, below.get_image(), nullptr) != 0 ||
      vips_image_generate(made, vips_start_one, stamp_region, vips_stop_one, below.get_image(),
                          stamping) != 0) {
    throw vips::VError();
  }
  return image;
}

}  // namespace millrace::workers::image
