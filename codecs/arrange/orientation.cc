// SPDX-License-Identifier: Apache-2.0
#include "codecs/arrange/orientation.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "codecs/arrange/transpose.h"

namespace millrace::codecs {

bool mirrors_across(int orientation) {
  return orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
}

bool mirrors_down(int orientation) {
  return orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
}

Plane oriented(const PlaneView& plane, int orientation) {
  if (orientation < 1 || orientation > 8) std::abort();
  if (swaps_sides(orientation)) {
    Plane turned(plane.height, plane.width);
    transpose(plane,
              {.columns_reversed = mirrors_down(orientation),
               .rows_reversed = mirrors_across(orientation)},
              turned);
    return turned;
  }
  Plane upright(plane.width, plane.height);
  for (std::int32_t y = 0; y < plane.height; ++y) {
    std::uint8_t* out = upright.row(mirrors_down(orientation) ? plane.height - 1 - y : y);
    if (mirrors_across(orientation)) {
      reverse_row(plane.row(y), plane.width, out);
    } else {
      std::memcpy(out, plane.row(y), static_cast<std::size_t>(plane.width));
    }
  }
  return upright;
}

Planes oriented(Planes planes, int orientation) {
  if (orientation == 1) return planes;
  for (Plane& plane : planes.components) plane = oriented(plane.view(), orientation);
  if (swaps_sides(orientation)) std::swap(planes.chroma_across, planes.chroma_down);
  return planes;
}

}  // namespace millrace::codecs
