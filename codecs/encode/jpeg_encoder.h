// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "codecs/planes.h"

namespace millrace::codecs {

// One APPn segment as it stands in the file, without marker and length.
struct JpegSegment {
  int application = 1;  // the n: 0..15
  std::span<const std::uint8_t> bytes;
};

inline constexpr std::int32_t kJpegSidePxMax = 65'500;       // libjpeg's own
inline constexpr std::size_t kJpegSegmentBytesMax = 65'533;  // what a length of 16 bits leaves

struct JpegSettings {
  int quality_pct = 75;  // 1..100, on libjpeg's scale
  // Huffman tables made for this picture: a few per cent smaller, for a second pass over the
  // coefficients. Progressive files always have them.
  bool optimised_tables = true;
  bool progressive = false;
  int density_dpi = 0;                         // written into JFIF; 0: none
  std::span<const std::uint8_t> profile = {};  // ICC, in as many segments as it takes; empty: none
  std::span<const JpegSegment> segments = {};  // Exif and the like, after JFIF's, in this order
};

// A file of these planes with chroma as coarse as they have it, 1, 2 or 4 to one in either
// direction (4 x 4 apart, which JPEG cannot hold). Colour is not converted and nothing scaled; what
// a block lacks at the edge is completed in the planes' slack.
// ResultTooLarge: a side beyond kJpegSidePxMax, or a segment beyond kJpegSegmentBytesMax;
// TaskTooExpensive: no memory; Internal: anything else, the planes' sizes among it. Any thread.
// Cost: O(samples); with optimised tables also their coefficients' memory, two bytes a sample.
base::Result<std::vector<std::byte>> encode_jpeg(Planes& planes, const JpegSettings& settings);

}  // namespace millrace::codecs
