// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "workers/image/geometry.h"

namespace millrace::workers::image {

// What stands before the first scan of a JPEG file (ITU-T T.81, annex B).
struct JpegHeader {
  Size size;           // px, as stored
  int components = 3;  // 1 grey, 3 colour, 4 CMYK
  int orientation = 1;
  bool says_orientation = false;
  std::string copyright;
  std::optional<int> quality_pct;  // nullopt: no quantisation table (lossless)
  bool has_icc = false;            // a profile, or a part of one
  std::vector<std::uint8_t> icc;   // the profile; empty where parts of it are missing
};

// `bytes` begins with FF D8. Skips from marker to marker; decodes nothing. CorruptMedia with a
// sentence. O(segments).
base::Result<JpegHeader> read_jpeg_header(std::span<const std::uint8_t> bytes);

// The quality 1..100 whose scaled table of ITU-T T.81 annex K is nearest to `table` (luminance, 64
// values, any order of coefficients as long as it is zigzag).
int estimate_jpeg_quality(std::span<const std::uint16_t, 64> table);

}  // namespace millrace::workers::image
