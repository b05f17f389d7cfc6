// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include <vips/vips8>

namespace millrace::workers::image {

// Pictures that tests make for themselves, so that they need no file.

// Smooth gradients with shapes on them and fine, fixed noise: it has what a photograph has, and
// looks different when it is turned or mirrored. 8-bit sRGB, 3 bands, in memory.
vips::VImage make_photo(int width, int height);
// The same with 16 bits a band.
vips::VImage make_deep_photo(int width, int height);
// With an alpha band: opaque in the middle, fading out to the edges.
vips::VImage make_photo_with_alpha(int width, int height);

// Files of it. `suffix` is libvips' (".jpg[Q=80]").
std::string make_file(const vips::VImage& image, const std::string& suffix);
std::string make_jpeg(int width, int height, int quality_pct = 80);
// Stored in such a way that it is upright only after orientation 1..8 has been applied; `width` x
// `height` is upright.
std::string make_oriented_jpeg(int width, int height, int orientation);

// What libvips itself makes of a file: decoded whole, upright, 8-bit sRGB; alpha, if any, stays.
vips::VImage decode(const std::string& file);

// Mean absolute difference over all bands, of 255. Different sizes or bands: 255.
double mean_difference(const vips::VImage& a, const vips::VImage& b);
// Mean CIEDE2000 of two sRGB pictures.
double mean_delta_e(const vips::VImage& a, const vips::VImage& b);

}  // namespace millrace::workers::image
