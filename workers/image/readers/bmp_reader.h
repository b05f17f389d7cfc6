// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "base/result.h"
#include "workers/image/bytes.h"
#include "workers/image/readers/raster.h"

namespace millrace::workers::image {

enum class BmpCoding { Raw, Rle4, Rle8 };

// Some bits of a pixel of 16 or 32.
struct BmpChannel {
  std::uint32_t mask = 0;  // adjacent bits; 0: there is no such channel
  int shift = 0;
  std::uint32_t max = 0;  // the mask's bits, shifted down
};

// What the headers of a Windows or OS/2 bitmap say, and where its parts lie in the file.
struct BmpPicture {
  RasterLayout layout;  // RGB of 8 bits, with alpha when a mask says so
  bool top_down = false;
  int bits_per_pixel = 24;  // 1, 2, 4, 8 (palette), 16, 24, 32
  BmpCoding coding = BmpCoding::Raw;
  std::array<BmpChannel, 4> channels;  // red, green, blue, alpha of 16 and 32 bits
  ByteSpan palette;  // blue, green, red, and a fourth byte except in OS/2's oldest
  std::size_t palette_entry_bytes = 4;
  ByteSpan pixels;  // from the first stored line to the end of the file
  ByteSpan icc;     // empty: none
};

// `file` begins with "BM". Reads the headers alone (Microsoft's BITMAPCOREHEADER, BITMAPINFOHEADER,
// V2 to V5; OS/2 2). Sides are at least 1 and may be larger than anything that is allowed: the
// caller bounds them before it allocates. CorruptMedia; UnsupportedMedia for what is a BMP but
// holds a JPEG, a PNG or OS/2's own codings. O(1).
base::Result<BmpPicture> read_bmp(ByteSpan file);

// The same of a bitmap without the file header, as icons have it: the pixels follow the palette,
// 32 bits have alpha, and `height` counts the picture and its mask.
base::Result<BmpPicture> read_icon_bitmap(ByteSpan bitmap);

// Bytes of one stored line, which is padded to four.
std::size_t stored_line_bytes(const BmpPicture& picture);

// CorruptMedia when the file ends before its pixels do, or a run of RLE leaves the picture. An
// alpha channel that is 0 everywhere is no alpha: it was forgotten. O(pixels); allocates nothing.
base::Result<void> decode_bmp(const BmpPicture& picture, PixelSpan pixels);

// Does not look at the alpha channel as a whole; tells whether any of it is not 0.
base::Result<bool> decode_bmp_as_it_is(const BmpPicture& picture, PixelSpan pixels);

}  // namespace millrace::workers::image
