// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace millrace::codecs::test {

// 8-bit samples, side by side.
struct PngReading {
  std::int32_t width = 0;
  std::int32_t height = 0;
  int bands = 0;
  std::vector<std::uint8_t> samples;
  friend bool operator==(const PngReading&, const PngReading&) = default;
};

// What libpng makes of a file, asked as libvips asks it: palettes and depths below eight expanded,
// transparency as alpha, the file read to its end. nullopt: it refuses the file, or the picture has
// 16 bits or more than `px_max` pixels.
std::optional<PngReading> read_by_libpng(std::span<const std::byte> file,
                                         std::size_t px_max = 300'000'000);

}  // namespace millrace::codecs::test
