// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "codecs/planes.h"
#include "codecs/resample/plane_resampler.h"

namespace millrace::codecs {

// How the samples of a pixel lie side by side.
struct PixelLayout {
  int bands = 3;       // 1..4
  bool alpha = false;  // the last one, straight: colours are weighed by it while they are mixed
};

// Resamples pixels of 8-bit bands while their rows arrive: each band is a plane.
class PixelResampler {
 public:
  PixelResampler(const PixelLayout& layout, const Axis& across, const Axis& down,
                 const ResampleOptions& options = {});

  // Rows of the source from top to bottom that will be looked at; others may be pushed as well.
  [[nodiscard]] Span rows_needed() const { return bands_.front().needs().rows; }
  // The next rows, whole ones: `band.width` counts samples.
  void push(std::int32_t first_row, const PlaneView& band);
  [[nodiscard]] bool done() const { return bands_.front().done(); }
  // When done: the result, outputs across x outputs down, `stride_bytes` from row to row.
  void write(std::uint8_t* pixels, std::ptrdiff_t stride_bytes);

 private:
  PixelLayout layout_;
  std::vector<PlaneResampler> bands_;
  std::vector<Plane> rows_;  // of each band, those that arrive together
};

}  // namespace millrace::codecs
