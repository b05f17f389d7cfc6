// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <vips/vips8>

#include "bench/speed/operations.h"

// Sources, the reference that results are held against, and libvips' own results: what the
// benchmarks of speed need a codec for. Everything here throws vips::VError.
namespace millrace::bench::speed {

// One photograph's files, whole. Those of `small` and `png` have the same pixels: the photograph
// decoded whole, brought to two megapixels by reference_of()'s kernel, saved at quality 90 (4:2:0)
// and as PNG (compression 6). The same libvips gives the same bytes.
struct Photo {
  std::string name;
  std::map<SourceKind, std::string> files;
};
Photo photo_of(std::string name, std::string file);
// The four JPEGs of the folder (fewer where there are not so many) whose size is nearest to twelve
// megapixels, by name. Other files are passed over, and those whose colours are not sRGB: what
// becomes of these is no matter of speed.
std::vector<std::string> photographs_in(const std::string& folder);

// The result without any short cut and before it is cut: all pixels decoded, turned upright, scaled
// by Lanczos3 in floating point on the values as they are stored (as libvips, sharp and all the
// others scale when nobody asks for linear light). 8-bit sRGB in memory.
vips::VImage reference_of(const Operation& operation, const std::string& source);

// Of a result that is right.
PictureSize size_asked(const Operation& operation, const std::string& source);

// What libvips makes of it when asked in its own way: thumbnail_buffer and a saver, with nothing
// around them. Quality 80, 4:2:0, optimised Huffman tables, no metadata; WebP at effort 4 and PNG
// at compression 6, which are libvips' and sharp's defaults.
std::string vips_result(const Operation& operation, const std::string& source);

// How a result compares with the reference: luma alone. Where half a pixel is over, servers cut on
// one side of the middle or on the other: of the cut in the middle and its neighbours the one that
// is most alike counts.
struct Likeness {
  double ssim = 0;     // mean, workers/image/ssim.h
  double psnr_db = 0;  // infinite when equal
};
struct Judged {
  PictureSize size;
  std::string format;  // jpeg | webp | png; another word of libvips' for others
  Likeness likeness;   // zeros when it is larger than the reference
};
Judged judge(const vips::VImage& reference, const std::string& result);

}  // namespace millrace::bench::speed
