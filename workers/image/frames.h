// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <vips/vips8>

#include "base/result.h"
#include "workers/image/source.h"
#include "workers/image/watch.h"

namespace millrace::workers::image {

// How an animation runs.
struct Timing {
  std::vector<int> delays_ms;  // how long each frame is shown
  int loops = 0;               // how often it is shown in all; 0: for ever
};

// The frames of an animation one after the other, each as it is to be seen: what the file says of
// disposal and of frames that cover a part only has been done. One frame is decoded at a time.
class FrameReader {
 public:
  virtual ~FrameReader() = default;
  [[nodiscard]] virtual const Timing& timing() const = 0;
  // The next one, in memory, with the source's bands and profile. Called as often as there are
  // frames. CorruptMedia, TaskTooExpensive, Deadline. Throws vips::VError.
  virtual base::Result<vips::VImage> next() = 0;
};

// `source` has more than one frame; it and `watch` outlive the reader. Throws vips::VError.
base::Result<std::unique_ptr<FrameReader>> open_frames(const Source& source,
                                                       const TaskWatch& watch);

}  // namespace millrace::workers::image
