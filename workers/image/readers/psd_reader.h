// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "workers/image/bytes.h"
#include "workers/image/readers/raster.h"

namespace millrace::workers::image {

enum class PsdMode { Bitmap, Grey, Indexed, Rgb, Cmyk, Lab };

// The flat picture of a Photoshop document: what it looks like with all layers merged. Layers are
// not read.
struct PsdPicture {
  RasterLayout layout;
  PsdMode mode = PsdMode::Rgb;
  std::size_t channels = 3;  // stored planes, of which the first ones count
  bool run_lengths = false;  // PackBits, not raw
  ByteSpan palette;          // Indexed: 256 reds, greens, blues
  ByteSpan pixels;           // behind the compression's number
  ByteSpan icc;
  ByteSpan iptc;
  ByteSpan exif;
};

// `file` begins with "8BPS". Reads the header and walks the sections (Adobe Photoshop File Formats
// Specification, 2019); sides are at most 30,000 by the format. CorruptMedia; UnsupportedMedia for
// PSB, 32 bits a channel, multichannel and a document that was saved without its flat picture.
// O(image resources).
base::Result<PsdPicture> read_psd(ByteSpan file);

// Merged pixels lie on white: that is taken out again where there is alpha. CorruptMedia.
// O(pixels); allocates a table of lines (8 bytes a line and channel).
base::Result<void> decode_psd(const PsdPicture& picture, PixelSpan pixels);

}  // namespace millrace::workers::image
