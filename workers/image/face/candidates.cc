// SPDX-License-Identifier: Apache-2.0
#include "workers/image/face/candidates.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace millrace::workers::face {
namespace {

bool is_sound(const Face& face) {
  return std::isfinite(face.score) && std::isfinite(face.box.x) && std::isfinite(face.box.y) &&
         std::isfinite(face.box.width) && std::isfinite(face.box.height) && face.box.width > 0 &&
         face.box.height > 0;
}

}  // namespace

double overlap(const Box& a, const Box& b) {
  const double width = std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x);
  const double height = std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y);
  if (!(width > 0) || !(height > 0)) return 0;
  const double common = width * height;
  return common / (a.area() + b.area() - common);
}

Box clipped(const Box& box, int width, int height) {
  const double left = std::clamp(box.x, 0.0, static_cast<double>(width));
  const double top = std::clamp(box.y, 0.0, static_cast<double>(height));
  const double right = std::clamp(box.x + box.width, left, static_cast<double>(width));
  const double bottom = std::clamp(box.y + box.height, top, static_cast<double>(height));
  if (!(right > left) || !(bottom > top)) return {};
  return {left, top, right - left, bottom - top};
}

void sort_largest_first(std::vector<Face>& faces) {
  std::sort(faces.begin(), faces.end(), [](const Face& a, const Face& b) {
    if (a.box.area() != b.box.area()) return a.box.area() > b.box.area();
    return a.box.x != b.box.x ? a.box.x < b.box.x : a.box.y < b.box.y;
  });
}

void sort_best_first(std::vector<Face>& faces) {
  std::sort(faces.begin(), faces.end(), [](const Face& a, const Face& b) {
    return std::tie(b.score, a.box.x, a.box.y) < std::tie(a.score, b.box.x, b.box.y);
  });
}

std::vector<Face> suppress_overlaps(std::vector<Face> candidates, double overlap_max,
                                    std::size_t kept_max) {
  std::erase_if(candidates, [](const Face& face) { return !is_sound(face); });
  sort_best_first(candidates);
  std::vector<Face> kept;
  for (const Face& candidate : candidates) {
    if (kept.size() == kept_max) break;
    const bool covered = std::any_of(kept.begin(), kept.end(), [&](const Face& face) {
      return overlap(face.box, candidate.box) > overlap_max;
    });
    if (!covered) kept.push_back(candidate);
  }
  return kept;
}

}  // namespace millrace::workers::face
