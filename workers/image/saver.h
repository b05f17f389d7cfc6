// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include <vips/vips8>

#include "base/result.h"
#include "workers/image/bytes.h"
#include "workers/image/encoding.h"
#include "workers/image/geometry.h"
#include "workers/image/watch.h"

namespace millrace::workers::image {

// Takes the bytes of the whole file, which stay the saver's.
using TakeFile = std::function<base::Result<void>(std::span<const std::byte>)>;

// Computes and encodes a picture (8-bit sRGB or grey, with straight alpha or without; alpha is
// flattened on white when the format has none). The file carries the profile that the picture has,
// if any (not GIF), and no metadata but `copyright` (GIF not even that; empty: none) and what the
// encoding says of orientation and density. TaskTooExpensive, Deadline, CorruptMedia (the source is
// decoded only now), or an error of `take`. Throws vips::VError.
base::Result<void> save_picture(vips::VImage image, const Encoding& encoding,
                                const std::string& copyright, const TaskWatch& watch,
                                const TakeFile& take);

// Whether the encoder for that is one of codecs/: the rest is libvips'.
bool is_written_here(const Encoding& encoding, Size size, bool has_alpha);

// An animation, as GIF or WebP: `roll` is what render_animation() gave, in memory. A delay of no
// more than 10 ms is written as 100 ms into WebP, which is how long browsers show it. As above
// otherwise.
base::Result<void> save_animation(vips::VImage roll, const Encoding& encoding,
                                  const std::string& copyright, const TaskWatch& watch,
                                  const TakeFile& take);

// The part of it for JPEG, on libjpeg itself. `image` has 1 or 3 bands.
base::Result<void> save_jpeg(const vips::VImage& image, const Encoding& encoding,
                             const std::string& copyright, const TaskWatch& watch,
                             const TakeFile& take);

// The part of it for BMP. `image` has 1 to 4 bands; `icc`: empty for none.
base::Result<void> save_bmp(const vips::VImage& image, ByteSpan icc, const TaskWatch& watch,
                            const TakeFile& take);

}  // namespace millrace::workers::image
