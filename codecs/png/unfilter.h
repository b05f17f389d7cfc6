// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace millrace::codecs {

// How the bytes of a row are told by those to the left and above (PNG, third edition, 9.2); the
// numbers stand in the file.
enum class PngFilter : std::uint8_t { None, Sub, Up, Average, Paeth };
inline constexpr std::uint8_t kPngFilterMax = 4;

// Gives a row its samples back, in place. `above` is the row above as it has become, or `bytes`
// zeros; `pixel_bytes` 1 to 4, of which `bytes` is a multiple. Nothing beyond the row is written;
// the same bits on every processor.
void unfilter_row(PngFilter filter, int pixel_bytes, const std::uint8_t* above, std::uint8_t* row,
                  std::size_t bytes);

}  // namespace millrace::codecs
