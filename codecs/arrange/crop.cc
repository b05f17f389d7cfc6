// SPDX-License-Identifier: Apache-2.0
#include "codecs/arrange/crop.h"

#include "codecs/arrange/orientation.h"

namespace millrace::codecs {

PlaneView crop(const PlaneView& plane, const CropBox& box) {
  return {plane.row(box.top) + box.left, box.width, box.height, plane.stride_bytes};
}

std::optional<Planes> crop(const Planes& planes, const CropBox& box) {
  const std::int32_t across = planes.chroma_across;
  const std::int32_t down = planes.chroma_down;
  if (box.left % across != 0 || box.top % down != 0) return std::nullopt;
  Planes part;
  part.chroma_across = across;
  part.chroma_down = down;
  for (const Plane& plane : planes.components) {
    const bool luma = part.components.empty();
    const CropBox chroma{box.left / across, box.top / down, (box.width + across - 1) / across,
                         (box.height + down - 1) / down};
    part.components.push_back(oriented(crop(plane.view(), luma ? box : chroma), 1));
  }
  return part;
}

}  // namespace millrace::codecs
