// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include <vips/vips8>

#include "base/result.h"
#include "workers/image/bytes.h"
#include "workers/image/geometry.h"
#include "workers/image/readers/raster.h"
#include "workers/image/source.h"

namespace millrace::workers::image {

// Opens the picture that source.choice names, with the one loader of its format, to be read once
// from top to bottom. libvips' loaders work lazily out of the source's bytes, which outlive the
// picture, and so does our own decoder for PNG (png_picture.h); the readers of readers/ (jxl, bmp,
// ico, psd) decode here, into memory. A file that ends early fails when it is read
// (docs/decisions/0011). Throws vips::VError.
//
// `wanted` is what the picture will be scaled to, px before orientation: JPEG is decoded at 1/2,
// 1/4 or 1/8 and JPEG 2000 at a power of two so that at least a factor of two is left to the
// resampler, WebP at any scale; SVG and PDF are drawn at that size.
base::Result<vips::VImage> open_picture(const Source& source);
base::Result<vips::VImage> open_picture_for(const Source& source, Size wanted);

// All frames of an animated GIF or WebP one below the other, lazily, to be read once from top to
// bottom; "delay" and "loop" are with it. Throws vips::VError.
vips::VImage open_roll(const Source& source);

// A picture out of memory that `decode` fills. TaskTooExpensive, or what `decode` says.
base::Result<vips::VImage> decoded_picture(
    const RasterLayout& layout, ByteSpan icc,
    const std::function<base::Result<void>(PixelSpan)>& decode);

}  // namespace millrace::workers::image
