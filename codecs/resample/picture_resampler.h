// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "codecs/planes.h"
#include "codecs/resample/picture_plan.h"
#include "codecs/resample/plane_resampler.h"

namespace millrace::codecs {

// The planes of a picture, resampled as a plan says while a decoder gives their rows. Planes of the
// same geometry share their tables. Linear light is for luma alone.
class PictureResampler {
 public:
  explicit PictureResampler(const PicturePlan& plan, const ResampleOptions& options = {});

  [[nodiscard]] std::size_t components() const { return planes_.size(); }
  [[nodiscard]] const Region& needs(std::size_t component) const {
    return planes_[component].needs();
  }
  // As PlaneResampler::push(). The components' bands may come in any order among each other.
  void push(std::size_t component, std::int32_t first_row, std::int32_t first_column,
            const PlaneView& band) {
    planes_[component].push(first_row, first_column, band);
  }
  [[nodiscard]] bool done() const;
  // When done.
  [[nodiscard]] Planes take();

 private:
  std::vector<PlaneResampler> planes_;
  std::int32_t chroma_across_;
  std::int32_t chroma_down_;
};

}  // namespace millrace::codecs
