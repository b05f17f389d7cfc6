// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "workers/image/watch.h"
#include "workers/runtime/worker.h"

namespace millrace::workers::image {

// What a file has lost at most when it has been made smaller (see ssim.h): over the whole picture,
// and in any one tile of it.
inline constexpr double kSlimSsimMin = 0.98;
inline constexpr double kSlimTileSsimMin = 0.95;

struct Slimmed {
  std::string file;  // smaller than what it was made of
  double ssim = 1;   // against it
};

// A smaller JPEG that shows the same: the cosine coefficients are kept, or rounded as coarsely as
// the bounds allow (nothing is decoded to pixels and encoded again), and written progressively with
// the best Huffman tables. Size, colour space, subsampling, colour profile (unless it is sRGB),
// orientation and copyright notice stay; everything else that is no picture goes. nullopt: it does
// not get smaller, or is damaged or of a kind that libjpeg does not read. TaskTooExpensive,
// Deadline. Depends on the bytes alone. O(pixels), about 0.1 us each.
base::Result<std::optional<Slimmed>> slim_jpeg(InputBytes file, const TaskWatch& watch);

// A smaller PNG that shows the same: a palette of 256 colours where the bounds allow it, else the
// same pixels packed better. `level` is zlib's, 0..9; 10 tries more ways of packing. Size, depth of
// 16 bits, alpha, and the chunks that say how colours and pixels are meant (cHRM, gAMA, iCCP, sRGB,
// cICP, pHYs) stay, and EXIF where it has an orientation or a copyright notice. nullopt and errors
// as above; an animation (APNG) is left alone.
base::Result<std::optional<Slimmed>> slim_png(InputBytes file, int level, const TaskWatch& watch);

}  // namespace millrace::workers::image
