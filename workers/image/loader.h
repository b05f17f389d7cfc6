// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include <vips/vips8>

#include "workers/image/encoding.h"
#include "workers/image/geometry.h"
#include "workers/runtime/worker.h"

namespace millrace::workers::image {

// Opens the first frame (the primary picture of heic and avif) with the one loader of that format,
// lazily, to be read once from top to bottom out of `bytes`, which outlive the picture. Nothing is
// decoded yet. A file that ends early fails when it is read (docs/decisions/0011). Throws
// vips::VError.
//
// `stored` is the picture's size and `wanted` what it will be scaled to, both px before
// orientation: JPEG is decoded at 1/2, 1/4 or 1/8 so that at least a factor of two is left to the
// resampler, WebP at any scale.
vips::VImage open_picture(InputBytes bytes, SourceFormat format);
vips::VImage open_picture_for(InputBytes bytes, SourceFormat format, Size stored, Size wanted);

}  // namespace millrace::workers::image
