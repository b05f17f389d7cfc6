// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "codecs/png/unfilter.h"

namespace millrace::codecs {

// A row and the one above it, each behind at least one pixel of zeros; the row above the first one
// is zeros.
struct PngRowPair {
  const std::uint8_t* row = nullptr;
  const std::uint8_t* above = nullptr;
  std::size_t bytes = 0;
  int pixel_bytes = 1;  // 1 to 4
};

// By filter: what its bytes come to, the upper half of them taken for negative ones.
using PngFilterCosts = std::array<std::uint64_t, kPngFilterMax + 1>;

// O(bytes). The same numbers on every processor.
PngFilterCosts costs_of_filters(const PngRowPair& rows);

// The row as the filter tells it.
void filter_row(PngFilter filter, const PngRowPair& rows, std::uint8_t* out);

}  // namespace millrace::codecs
