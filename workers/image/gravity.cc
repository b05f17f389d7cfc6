// SPDX-License-Identifier: Apache-2.0
#include "workers/image/gravity.h"

#include <algorithm>
#include <array>

namespace millrace::workers::image {
namespace {

constexpr std::array<const char*, 9> kWords = {
    "NorthWest", "North", "NorthEast", "West", "Center", "East", "SouthWest", "South", "SouthEast"};

// -1: counted from the beginning of the side, 0: from its middle, 1: from its end.
int across(Gravity gravity) { return static_cast<int>(gravity) % 3 - 1; }
int down(Gravity gravity) { return static_cast<int>(gravity) / 3 - 1; }

std::int64_t start(int edge, std::int64_t whole, std::int64_t box, std::int64_t moved) {
  if (edge < 0) return moved;
  if (edge > 0) return whole - box - moved;
  return whole / 2 - box / 2 + moved;
}

}  // namespace

std::vector<std::string> gravity_words() { return {kWords.begin(), kWords.end()}; }

std::optional<Gravity> gravity_from_word(std::string_view word) {
  const auto* const found = std::ranges::find(kWords, word);
  if (found == kWords.end()) return std::nullopt;
  return static_cast<Gravity>(found - kWords.begin());
}

Offset origin_of(Gravity gravity, Size whole, Size box, Offset moved) {
  return {start(across(gravity), whole.width, box.width, moved.x),
          start(down(gravity), whole.height, box.height, moved.y)};
}

}  // namespace millrace::workers::image
