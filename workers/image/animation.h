// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include <vips/vips8>

#include "base/result.h"
#include "ipc/messages.h"
#include "workers/image/encoding.h"
#include "workers/image/frames.h"
#include "workers/image/geometry.h"
#include "workers/image/watch.h"

namespace millrace::workers::image {

// Whether an animation of `frames` frames of `size` px may be made of such a source: the pixels of
// all its frames are in memory when it is encoded. ResultTooLarge, TooManyFrames.
base::Result<void> check_animation(SourceFormat source, std::int64_t frames, Size size,
                                   const ipc::RunLimits& limits);

// What is done to each frame: from the picture as FrameReader gives it to one of 8 bits, sRGB or
// grey.
using FrameWork = std::function<base::Result<vips::VImage>(const vips::VImage& frame)>;

// Does that to `count` frames, one at a time, and puts the results one below the other, in memory,
// with their timing in libvips' words: what the savers of GIF and WebP expect. Internal when the
// frames come out with different sizes. Throws vips::VError. Memory: the result and one frame of
// the source.
base::Result<vips::VImage> render_animation(FrameReader& frames, std::int64_t count,
                                            const FrameWork& work, const TaskWatch& watch);

}  // namespace millrace::workers::image
