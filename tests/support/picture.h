// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::test {

// width x height px, 3 bands, 8-bit sRGB, rows without padding.
struct Picture {
  int width = 0;
  int height = 0;
  std::string
      format;  // libvips' loader: "jpeg", "png", "webp", "gif", "heif"; empty when made here
  bool has_alpha = false;
  std::vector<std::uint8_t> rgb;
};

// A picture with the things that go wrong in resizing: gradients, edges, fine stripes, saturated
// colours. `seed` changes it; equal arguments give equal pixels.
Picture make_picture(int width, int height, int seed = 1);

// Encoded bytes. quality for jpeg and webp; `orientation` 1..8 is written as EXIF (jpeg).
std::string encode_jpeg(const Picture& picture, int quality, int orientation = 1);
std::string encode(const Picture& picture, const std::string& suffix);  // ".png", ".webp[Q=80]", …

// Decodes with libvips, converted to 8-bit sRGB, alpha flattened on white, orientation NOT applied.
// width 0 when it cannot be decoded.
Picture decode(std::string_view bytes);

// libvips' own: shrink to width x height exactly (no crop), with Lanczos3 as its thumbnail does.
Picture resized(std::string_view encoded, int width, int height);
Picture cropped(const Picture& picture, int left, int top, int width, int height);
Picture rotated(const Picture& picture, int orientation);  // as EXIF's value asks

// Mean CIE76 difference after a slight blur: 0 equal, about 1 just visible, 100 black against
// white. Infinite for different sizes.
double perceptual_distance(const Picture& a, const Picture& b);

}  // namespace millrace::test
