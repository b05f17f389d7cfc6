// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "codecs/planes.h"

namespace millrace::codecs {

// EXIF's orientation, 1..8: what has to be done so that a picture stands upright. 1 nothing,
// 2 mirrored across, 3 turned by half, 4 mirrored down, 5 transposed, 6 turned right, 7 transposed
// the other way, 8 turned left. Anything else aborts.

// Width and height change places.
inline bool swaps_sides(int orientation) { return orientation >= 5; }
// The right edge of what is stored becomes the left edge, or the top one if sides change places;
// likewise for the bottom edge. OutputPicture asks for it.
bool mirrors_across(int orientation);
bool mirrors_down(int orientation);

// O(samples).
Plane oriented(const PlaneView& plane, int orientation);
// Chroma that is coarser across is coarser down once the sides changed places. Where a picture of
// an odd size is mirrored, its chroma has to be counted from the far edge already
// (OutputPicture::mirrored_across), or it ends up a luma sample beside its place.
Planes oriented(Planes planes, int orientation);

}  // namespace millrace::codecs
