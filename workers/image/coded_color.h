// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "workers/image/bytes.h"

namespace millrace::workers::image {

// CIE 1931.
struct Chromaticity {
  double x = 0;
  double y = 0;
};

enum class Transfer { Srgb, Gamma, Pq, Hlg };

// What numbers mean as colours where a file says it by numbers and not by a profile.
struct CodedColor {
  // Red, green, blue, white: sRGB's.
  std::array<Chromaticity, 4> primaries = {
      {{0.64, 0.33}, {0.30, 0.60}, {0.15, 0.06}, {0.3127, 0.3290}}};
  Transfer transfer = Transfer::Srgb;
  double gamma = 1;  // Transfer::Gamma: light = value ^ gamma
};

// What the chunks in front of the pixels say (PNG, third edition, 11.3.2): cICP, or gAMA and cHRM.
// nullopt: nothing, or sRGB (a gamma of 1/2.2 is taken for it), or there is a profile, which
// counts. O(chunks).
std::optional<CodedColor> png_color(ByteSpan file);

// What the colour boxes of an AVIF or HEIC say (ISO/IEC 23001-8): nullopt: nothing, or sRGB, or
// they do not agree. BT.709's curve is taken for sRGB's, as everybody does with pictures. O(boxes).
std::optional<CodedColor> heif_color(ByteSpan file);

// From the numbers of ISO/IEC 23091-2; nullopt: sRGB, or not known.
std::optional<CodedColor> color_of_numbers(std::uint32_t primaries, std::uint32_t transfer);

// The same as an ICC profile (version 4, matrix and curves; of a grey picture the curve alone), for
// whoever converts colours and for the file that keeps them. Of PQ and HLG 203 cd/m2 become white,
// and what is brighter is white too. A few hundred bytes, PQ and HLG 8 KiB.
std::vector<std::uint8_t> icc_of(const CodedColor& color, bool grey);

}  // namespace millrace::workers::image
