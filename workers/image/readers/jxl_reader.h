// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "workers/image/bytes.h"
#include "workers/image/readers/raster.h"

namespace millrace::workers::image {

// What a JPEG XL file says before its first frame, and of an animation about each frame.
struct JxlPicture {
  RasterLayout layout;            // grey or RGB; upright; of one frame
  std::vector<std::uint8_t> icc;  // of the pixels that decode_jxl gives
  std::vector<int> delays_ms;     // one a frame; empty: a still picture
  int loops = 0;                  // of an animation; 0: for ever
};

// libjxl itself, because libvips before 8.17 decodes all frames of an animation into the same
// pixels. Reads no pixels. `frames_max` + 1 frames are the most that are counted. CorruptMedia,
// UnsupportedMedia (CMYK). O(frames).
base::Result<JxlPicture> read_jxl(ByteSpan file, std::int64_t frames_max);

// Decodes frames one after the other, each as it is to be seen.
class JxlDecoding {
 public:
  // `file` and `picture` outlive it. Begins at frame number `first`, from 0 on.
  JxlDecoding(ByteSpan file, const JxlPicture& picture, std::size_t first = 0);
  ~JxlDecoding();
  JxlDecoding(const JxlDecoding&) = delete;
  JxlDecoding& operator=(const JxlDecoding&) = delete;

  // `pixels` is picture.layout.bytes() long. CorruptMedia, also when memory was refused and when
  // there is no further frame. Allocates about 16 bytes a pixel.
  base::Result<void> next(PixelSpan pixels);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace millrace::workers::image
