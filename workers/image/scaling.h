// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vips/vips8>

#include "base/result.h"
#include "workers/image/geometry.h"
#include "workers/image/watch.h"

namespace millrace::workers::image {

// A picture scaled to placement.whole, of which placement.kept stays: Lanczos3, alpha weighs the
// colours. Reads it once from top to bottom, no further than the result looks. What has 8 bits and
// at most four bands is computed at once and comes in memory; the rest lazily, by libvips. What
// libvips knows of the picture, its profile, stays with it. Deadline and TaskTooExpensive of the
// watch. Throws vips::VError.
base::Result<vips::VImage> scaled(const vips::VImage& image, const Placement& placement,
                                  const TaskWatch& watch);

}  // namespace millrace::workers::image
