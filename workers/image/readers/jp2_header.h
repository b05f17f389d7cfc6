// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "workers/image/bytes.h"
#include "workers/image/geometry.h"

namespace millrace::workers::image {

// What a JPEG 2000 file says before its first tile (ITU-T T.800, annexes A and I).
struct Jp2Header {
  Size size;           // px
  int components = 3;  // 1..4
  int bits = 8;        // of a sample, 1..16
};

// Lets through what libvips' loader can be trusted with, before any of it reaches that loader. The
// loader packs the planes that OpenJPEG hands it into lines whose width and number of bands it took
// from the header; where planes are subsampled or a palette multiplies them the two disagree, and
// it reads and writes past the end (palette: libvips before 8.18). So: one to four planes of
// unsigned samples of one depth, none subsampled, a grid that begins at 0, and no palette.
// CorruptMedia; UnsupportedMedia for the other kinds. O(boxes).
base::Result<Jp2Header> read_jp2_header(ByteSpan file);

}  // namespace millrace::workers::image
