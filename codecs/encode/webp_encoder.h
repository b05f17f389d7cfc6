// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/result.h"
#include "codecs/planes.h"

namespace millrace::codecs {

inline constexpr std::int32_t kWebpSidePxMax = 16'383;  // the format's own
inline constexpr int kWebpEffortMax = 6;

struct WebpSettings {
  int quality_pct = 75;  // 0..100, on libwebp's scale
  int effort = 2;        // libwebp's method: 0 fast .. kWebpEffortMax small
  // Chunks as they stand in the file; with any of them the file is an extended one. Exif without
  // the "Exif\0\0" that JPEG has before it.
  std::span<const std::uint8_t> profile = {};  // ICC
  std::span<const std::uint8_t> exif = {};
  std::span<const std::uint8_t> xmp = {};
  // Asked some dozen times while the picture is encoded; an error ends that and is handed on.
  std::function<base::Result<void>()> check = {};
};

// A lossy WebP of these planes: grey, or 4:2:0, which is all that the format knows. What is full
// range there becomes BT.601's limited range, without a way over RGB.
// ResultTooLarge: a side beyond kWebpSidePxMax, or more detail than fits into a file;
// TaskTooExpensive: no memory; Internal: anything else, other planes among it. Any thread. Cost:
// O(samples), about 60 ns a pixel with effort 2.
base::Result<std::vector<std::byte>> encode_webp(const Planes& planes,
                                                 const WebpSettings& settings);

}  // namespace millrace::codecs
