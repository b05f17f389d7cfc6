// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include <vips/vips8>

#include "base/result.h"
#include "workers/image/watch.h"

namespace millrace::workers::image {

// Some whole lines of a picture, 8 bits a band, bands side by side.
struct Strip {
  const std::uint8_t* first = nullptr;
  std::size_t stride_bytes = 0;  // from one line to the next
  int lines = 0;
};

// Does `work` on a thread that lives as long as the call: libvips keeps the buffers of its regions
// from one to the next on threads of its own making alone, and its sinks' threads would stay behind
// for fifteen seconds. On such a thread already: at once. What `work` throws is thrown here.
base::Result<void> on_vips_thread(const std::function<base::Result<void>()>& work);

// Computes an 8-bit picture from top to bottom and hands it over in strips; nothing of it is kept.
// It happens, `take` included, on_vips_thread(). The watch is asked before each strip; an error of
// it or of `take` ends the loop. Throws vips::VError.
base::Result<void> for_each_strip(const vips::VImage& image, const TaskWatch& watch,
                                  const std::function<base::Result<void>(const Strip&)>& take);

// In memory and not filled, `width` x `height` px, with the bands of `image` and what is known of
// it.
vips::VImage memory_like(const vips::VImage& image, int width, int height);

// The picture, computed once and kept: readable in any order. width x height x bands bytes.
base::Result<vips::VImage> in_memory(const vips::VImage& image, const TaskWatch& watch);

// The pixels of an 8-bit picture in memory with exactly 3 (RGB) or 4 (RGBA) bands, rows without
// gaps: grey becomes three equal bands, alpha goes or is opaque where there was none.
std::vector<std::uint8_t> packed_pixels(const vips::VImage& image, int bands);

}  // namespace millrace::workers::image
