// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "codecs/jpeg/layout.h"
#include "codecs/planes.h"

namespace millrace::codecs::test {

// What libjpeg-turbo makes of a file by itself.
struct Reading {
  Planes planes;  // at full scale
  long warnings = 0;
  bool truncated = false;  // it made up an end of the file
};

// Its raw planes, with the accurate integer transform and no smoothing. nullopt: it refuses the
// file, or the picture is not one of 8-bit grey or YCbCr, or has more than `px_max` pixels.
std::optional<Reading> read_by_libjpeg(std::span<const std::byte> file,
                                       std::size_t px_max = 100'000'000);

// All planes of a whole picture at a scale, by the definition of the cosine transform in floating
// point, from libjpeg's coefficients. The file must be sound.
Planes transform_by_definition(std::span<const std::byte> file, int eighths);

// Whether the coefficients of some column, times their steps, are together beyond what an 8-bit
// picture can have: there decoders differ in how their 16-bit numbers overflow.
bool has_wild_coefficients(std::span<const std::byte> file);

// The greatest difference of two samples; 256 if sizes differ.
int greatest_difference(const Planes& a, const Planes& b);

// The part of whole planes that a layout delivers.
Planes cropped(const Planes& whole, const JpegLayout& layout);

}  // namespace millrace::codecs::test
