// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/result.h"

namespace millrace::codecs {

// 8-bit samples side by side: 1 band is grey, 2 grey with alpha, 3 RGB, 4 RGB with alpha, which is
// straight.
struct PngPixels {
  const std::uint8_t* first = nullptr;
  std::int32_t width_px = 0;
  std::int32_t height_px = 0;
  int bands = 3;
  std::ptrdiff_t stride_bytes = 0;  // from row to row

  // What is deflated: the rows, each behind the number of its filter.
  [[nodiscard]] std::size_t stored_bytes() const {
    return static_cast<std::size_t>(height_px) *
           (1 + static_cast<std::size_t>(width_px) * static_cast<std::size_t>(bands));
  }
};

struct PngSettings {
  int density_dpi = 0;                         // 0: the file says nothing of it
  std::span<const std::uint8_t> profile = {};  // ICC; empty: none
  std::span<const std::uint8_t> exif = {};     // without the "Exif\0\0" that JPEG has before it
  // Asked now and then while the rows are filtered; an error ends that and is handed on.
  std::function<base::Result<void>()> check = {};
};

// A PNG of these pixels, not interlaced. Each row has the filter that leaves the smallest numbers.
// What becomes small is deflated with more effort, and without filters where that is smaller
// (docs/decisions/0081).
// TaskTooExpensive: no memory. Memory: about twice stored_bytes(), of drawings three times. Any
// thread. O(pixels).
base::Result<std::vector<std::byte>> encode_png(const PngPixels& pixels,
                                                const PngSettings& settings);

}  // namespace millrace::codecs
