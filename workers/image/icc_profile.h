// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "codecs/color/rgb_to_srgb.h"

namespace millrace::workers::image {

enum class IccSpace { Rgb, Gray, Cmyk, Other };

// What the header and the tags of an ICC profile say (ICC.1:2022, clause 7).
struct IccFacts {
  bool readable = false;  // has a header, and its tags lie inside it
  IccSpace space = IccSpace::Other;
  bool is_srgb =
      false;  // matrix and curves of sRGB, within what 8 bits can show: no conversion is needed
};

IccFacts read_icc(std::span<const std::uint8_t> profile);

// nullopt: no readable profile of RGB, or not by a matrix and curves alone.
std::optional<codecs::DeviceRgb> device_rgb(std::span<const std::uint8_t> profile);

}  // namespace millrace::workers::image
