// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "ipc/messages.h"
#include "workers/image/encoding.h"
#include "workers/image/geometry.h"
#include "workers/runtime/worker.h"

namespace millrace::workers::image {

// An original, as far as its header tells. The bytes are borrowed for the length of the task.
struct Source {
  InputBytes bytes;
  SourceFormat format = SourceFormat::Jpeg;
  Size stored;                    // px, before orientation
  int orientation = 1;            // EXIF 1..8, what is still to be applied
  bool says_orientation = false;  // the file has the tag
  std::int64_t frames = 1;
  bool has_alpha = false;
  std::string color_model;              // as imageInfo says it: "ycbcr", "nrgba", "palette16", …
  std::optional<int> jpeg_quality_pct;  // estimated from the tables; JPEG alone
  std::string copyright;  // of EXIF, or else of IPTC; as stored, without the closing NUL

  // px, after orientation
  [[nodiscard]] Size upright() const {
    return orientation >= 5 ? Size{stored.height, stored.width} : stored;
  }
};

// Reads the header, decodes nothing. UnsupportedMedia (the sentence names what was seen and what is
// allowed), CorruptMedia, TooManyPixels, TooManyFrames.
base::Result<Source> read_source(InputBytes bytes, const ipc::RunLimits& limits);

}  // namespace millrace::workers::image
