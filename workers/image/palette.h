// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <vips/vips8>

#include "base/result.h"
#include "workers/image/encoding.h"
#include "workers/image/saver.h"

namespace millrace::workers::image {

// Writes a PNG of at most encoding.colors (2..256) colours, alpha counted in. libvips can choose 2,
// 4, 16 or 256 of them; what lies between is made by joining the nearest ones of the next larger
// palette (Ward's criterion). `image` is in memory; `keep_exif`: what it carries of that is written
// too. Throws vips::VError.
base::Result<void> save_palette_png(const vips::VImage& image, const Encoding& encoding,
                                    bool keep_exif, const TakeFile& take);

}  // namespace millrace::workers::image
