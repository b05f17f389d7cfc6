// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <vips/vips8>

namespace millrace::workers::image {

struct PdfPage {
  int width = 0;  // points
  int height = 0;
  std::array<double, 3>
      color{};  // red, green, blue of 0..1: fills the left half, the rest is paper
};

std::string make_pdf(const std::vector<PdfPage>& pages);

// The bands of `image` (8 bits) as the planes of a Photoshop document without layers, raw. `mode`
// is the format's: 1 grey, 3 RGB, 4 CMYK, 9 Lab. Four planes of RGB: the last is transparency.
std::string make_psd(const vips::VImage& image, int mode = 3);

// Whole files, each a picture of an icon; what their entries of the directory say is `sides`.
std::string make_icon(const std::vector<std::string>& files, const std::vector<int>& sides);

}  // namespace millrace::workers::image
