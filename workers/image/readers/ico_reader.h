// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "workers/image/bytes.h"
#include "workers/image/readers/bmp_reader.h"

namespace millrace::workers::image {

// One picture of a Windows icon.
struct IconPicture {
  std::int64_t pages = 1;  // pictures in the file
  ByteSpan png;            // a whole PNG file; empty: `bitmap` holds the picture
  BmpPicture bitmap;       // RGB with alpha
};

// `file` begins with 00 00 01 00. Picks picture `page` (from 0 on, in the file's order), or without
// one the largest, of equal ones that with the most colours. Reads headers alone. CorruptMedia;
// BadParameter for a page that is not there. O(pictures in the file), of which there may be 256.
base::Result<IconPicture> read_icon(ByteSpan file, std::optional<std::int64_t> page);

// Of a picture whose `png` is empty. Alpha is the picture's own where it has 32 bits and any of it
// is not 0; else what the mask says. CorruptMedia. O(pixels); allocates nothing.
base::Result<void> decode_icon(const IconPicture& icon, PixelSpan pixels);

}  // namespace millrace::workers::image
