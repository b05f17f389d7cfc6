// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "codecs/planes.h"

namespace millrace::codecs {

// Source row y becomes column y, counted from the left or, reversed, from the right; source column
// x becomes row x, likewise. `turned` has the source's width as its height and the other way round.
struct Turn {
  bool columns_reversed = false;  // of the result
  bool rows_reversed = false;
};

// O(samples), in blocks of 16 x 16.
void transpose(const PlaneView& source, const Turn& turn, Plane& turned);

// out[width - 1 - x] = row[x].
void reverse_row(const std::uint8_t* row, std::int32_t width, std::uint8_t* out);

}  // namespace millrace::codecs
