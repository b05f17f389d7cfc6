// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "codecs/jpeg/header.h"

namespace millrace::codecs {

struct JpegRegion {  // px of the picture at full scale, as stored
  std::int32_t left = 0;
  std::int32_t top = 0;
  std::int32_t width = 0;
  std::int32_t height = 0;
};

// How much of a picture is wanted, and how large.
struct JpegCut {
  int eighths = 8;                   // scale: 1, 2, 4 or 8
  std::optional<JpegRegion> region;  // nullopt: all of it
};

// Of one component, at the scale of the cut. In samples.
struct JpegComponentLayout {
  std::int32_t width = 0;  // the whole plane
  std::int32_t height = 0;
  std::int32_t first_column = 0;  // what is delivered of it
  std::int32_t first_row = 0;
  std::int32_t columns = 0;
  std::int32_t rows = 0;
  int across = 1;  // blocks of it in an MCU
  int down = 1;
};

// The MCUs (minimum coded units: some blocks of each component) that a cut touches, and the samples
// that they hold.
struct JpegLayout {
  std::vector<JpegComponentLayout> components;  // 1 or 3
  std::int32_t chroma_across = 1;               // luma samples for one of chroma
  std::int32_t chroma_down = 1;
  std::int32_t mcus_across = 0;  // the whole picture
  std::int32_t mcus_down = 0;
  std::int32_t first_mcu_column = 0;
  std::int32_t end_mcu_column = 0;
  std::int32_t first_mcu_row = 0;
  std::int32_t end_mcu_row = 0;
  int eighths = 8;
};

// nullopt: the picture is not one of 8-bit Y, or Y, Cb, Cr with luma the finest and both chroma
// planes alike, or is coded in a manner that nothing here decodes. Sides of the region that lie
// outside of the picture are moved to its edge; at least one MCU is delivered.
std::optional<JpegLayout> layout_of(const JpegHeader& header, const JpegCut& cut);

}  // namespace millrace::codecs
