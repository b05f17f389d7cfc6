// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace millrace::ipc {

// How a worker came from the bytes of a picture to those of another.
enum class Road {
  Planes,  // by planes of samples all the way
  Pixels,  // by pixels, without a library that knows pictures
  Mixed,   // read so, but changed or written by a library
  Library,
};
inline constexpr std::array kRoads = {Road::Planes, Road::Pixels, Road::Mixed, Road::Library};

constexpr std::string_view word_of(Road road) {
  switch (road) {
    case Road::Planes:
      return "planes";
    case Road::Pixels:
      return "pixels";
    case Road::Mixed:
      return "mixed";
    case Road::Library:
      break;
  }
  return "library";
}

constexpr std::optional<Road> road_from_word(std::string_view word) {
  for (const Road road : kRoads) {
    if (word_of(road) == word) return road;
  }
  return std::nullopt;
}

}  // namespace millrace::ipc
