// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "codecs/resample/kernel.h"

namespace millrace::codecs {

// A decoded picture's planes, each over the whole picture (JFIF's siting): sample k of a row has
// its middle at (k + 0.5) * px_across of the picture's own, full-size pixels.
struct SourceComponent {
  std::int32_t width = 0;  // samples
  std::int32_t height = 0;
  double px_across = 1;  // pixels of the picture for each sample
  double px_down = 1;
};

struct SourcePicture {
  std::int32_t width_px = 0;
  std::int32_t height_px = 0;
  std::vector<SourceComponent> components;  // 1 or 3
};

// What a JPEG of that size gives at eighths/8 of it (8, 4, 2 or 1), its chroma coarser than luma by
// whole factors.
SourcePicture scaled_jpeg(std::int32_t width_px, std::int32_t height_px, bool grey,
                          std::int32_t chroma_across, std::int32_t chroma_down,
                          std::int32_t eighths);

// A part of the source picture, in its pixels; need not be whole ones.
struct Area {
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;
};

enum class OutputChroma {
  Source,   // as coarse as it comes, where that is a whole factor
  Quarter,  // 4:2:0
  Full,     // 4:4:4
};

struct OutputPicture {
  std::int32_t width_px = 0;
  std::int32_t height_px = 0;
  OutputChroma chroma = OutputChroma::Quarter;
  // A picture of an odd width has one chroma sample with half of itself outside: the last one. If
  // the picture is mirrored afterwards, as EXIF may ask, that has to be the first one, so chroma is
  // counted from the other edge. Likewise for an odd height.
  bool mirrored_across = false;
  bool mirrored_down = false;
};

struct PlanePlan {
  Axis across;
  Axis down;

  friend bool operator==(const PlanePlan&, const PlanePlan&) = default;
};

// What is to be done with each plane, so that they show the same again.
struct PicturePlan {
  std::vector<PlanePlan> components;
  std::int32_t chroma_across = 1;
  std::int32_t chroma_down = 1;
};

// O(1).
PicturePlan plan_picture(const SourcePicture& source, const Area& area,
                         const OutputPicture& output);

}  // namespace millrace::codecs
