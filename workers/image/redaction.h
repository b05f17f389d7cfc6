// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include <vips/vips8>

#include "workers/image/geometry.h"

namespace millrace::workers::image {

// How a part of a picture is made unknowable.
enum class Cover { Blur, Pixelate };

// The areas brought down to `cells` cells along their longer side, which is all that is kept of
// them, and back to their size: as squares, or smoothly. Pure and lazy; the areas lie inside the
// frame, which is in memory. Throws vips::VError.
vips::VImage redacted(const vips::VImage& frame, std::span<const Area> areas, Cover cover,
                      int cells);

}  // namespace millrace::workers::image
