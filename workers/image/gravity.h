// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workers/image/geometry.h"

namespace millrace::workers::image {

// The corner, edge or middle of a picture that places are counted from.
enum class Gravity { NorthWest, North, NorthEast, West, Center, East, SouthWest, South, SouthEast };

// "NorthWest", … in the order of the enumeration, for the choices of a ParameterSpec.
std::vector<std::string> gravity_words();
std::optional<Gravity> gravity_from_word(std::string_view word);

// px; to the right and down.
struct Offset {
  std::int64_t x = 0;
  std::int64_t y = 0;
  friend bool operator==(const Offset&, const Offset&) = default;
};

// Where the upper left corner of a box of that size comes to lie in a picture of `whole` px, as
// ImageMagick has it: at an edge, `moved` leads away from that edge; in the middle, to the right
// and down. Halves are rounded down for the picture and for the box, each by itself. The box may be
// larger than the picture, and lie outside.
Offset origin_of(Gravity gravity, Size whole, Size box, Offset moved = {});

}  // namespace millrace::workers::image
