// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

namespace millrace::codecs {

// The curve of sRGB (IEC 61966-2-1) as tables: 8 bits of it to light in 0..kLightMax and back.
// There and back again gives the same 8 bits: even in the darkest tones two of them are nine steps
// of light apart.
struct LightTables {
  static constexpr std::int32_t kLightMax = 32767;

  std::array<std::int16_t, 256> light_of;
  std::array<std::uint8_t, kLightMax + 1> tone_of;

  // Made once, at the first call; any thread.
  static const LightTables& get();
};

}  // namespace millrace::codecs
