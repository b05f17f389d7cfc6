// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <vips/vips8>

namespace millrace::workers::image {

// One 8-bit sample a pixel, row by row without gaps.
struct Plane {
  int width = 0;   // px
  int height = 0;  // px
  std::vector<std::uint8_t> samples;
};

// The luma of an 8-bit picture in memory, as JPEG has it (ITU-T T.871, clause 7: 0.299 R + 0.587 G
// + 0.114 B); a grey picture's own samples. An alpha band is left out. O(pixels).
Plane luma_of(const vips::VImage& picture);

// How alike two pictures are: 1 equal, 0 nothing in common, below 0 opposite.
struct SsimScore {
  double mean = 1;         // over all windows
  double lowest_tile = 1;  // the lowest mean over a tile of kSsimTilePx: an even background cannot
                           // hide what became of the subject
};
inline constexpr int kSsimTilePx = 128;

// The structural similarity index, over windows of 8 x 8 px at steps of 4 px with equal weights
// (and K1 = 0.01, K2 = 0.03, L = 255): Wang, Bovik, Sheikh, Simoncelli, "Image Quality Assessment:
// From Error Visibility to Structural Similarity", IEEE TIP 13 (2004), equation 13. The paper's
// Gaussian windows at each pixel cost thirty times as much and order pictures in the same way. A
// picture with a side below 8 px is one window; of others, up to three rows and columns at the far
// edges are in no window. `a` and `b` have the same size. O(pixels), about 1 ns each; no threads.
SsimScore ssim(const Plane& a, const Plane& b);

// Structural dissimilarity, (1 - SSIM) / 2: 0 equal.
double dssim_of(double ssim);

}  // namespace millrace::workers::image
