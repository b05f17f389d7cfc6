// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vips/vips8>

#include "workers/image/geometry.h"

namespace millrace::workers::image {

// What a crop looks for when it does not know what it looks at: skin tones, edges and saturated
// colours, or the most detail.
enum class Interest { Attention, Entropy };

// The rectangle of `wanted` px of a small picture that holds the most of it, by libvips. `wanted`
// fits into it. O(pixels).
Area interesting_area(const vips::VImage& preview, Size wanted, Interest interest);

// Where a rectangle that begins at `at` in a preview of the whole begins in the whole itself, so
// that `kept` px of it lie inside.
Area area_of_whole(const Area& at, Size preview, Size whole, Size kept);

}  // namespace millrace::workers::image
