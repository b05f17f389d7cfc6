// SPDX-License-Identifier: Apache-2.0
#include "codecs/resample/picture_resampler.h"

#include <algorithm>
#include <memory>

namespace millrace::codecs {

PictureResampler::PictureResampler(const PicturePlan& plan, const ResampleOptions& options)
    : chroma_across_(plan.chroma_across), chroma_down_(plan.chroma_down) {
  std::shared_ptr<const PlaneScale> scale;
  for (std::size_t i = 0; i < plan.components.size(); ++i) {
    const PlanePlan& plane = plan.components[i];
    ResampleOptions own = options;
    own.linear_light = options.linear_light && i == 0;
    // Luma's may be in linear light, and chroma never is.
    const bool own_curve = options.linear_light && i == 1;
    if (i == 0 || own_curve || plane != plan.components[i - 1])
      scale = std::make_shared<const PlaneScale>(plane.across, plane.down, own);
    planes_.emplace_back(scale);
  }
}

bool PictureResampler::done() const {
  return std::ranges::all_of(planes_, [](const PlaneResampler& plane) { return plane.done(); });
}

Planes PictureResampler::take() {
  Planes planes;
  planes.chroma_across = chroma_across_;
  planes.chroma_down = chroma_down_;
  for (PlaneResampler& plane : planes_) planes.components.push_back(plane.take());
  return planes;
}

}  // namespace millrace::codecs
