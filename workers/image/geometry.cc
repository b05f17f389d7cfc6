// SPDX-License-Identifier: Apache-2.0
#include "workers/image/geometry.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace millrace::workers::image {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

double ratio(std::int64_t wanted, std::int64_t have) {
  return static_cast<double>(wanted) / static_cast<double>(have);
}

// Modes 0 and 2: both sides within the bounds; a missing bound binds nothing.
double scale_to_fit(Bounds bounds, std::int64_t first, std::int64_t second) {
  const double a = bounds.width ? ratio(*bounds.width, first) : kInfinite;
  const double b = bounds.height ? ratio(*bounds.height, second) : kInfinite;
  return std::min({1.0, a, b});
}

// Modes 1, 3, 4 and 5: both sides at least the bounds.
double scale_to_cover(Size bounds, std::int64_t first, std::int64_t second) {
  return std::min(1.0, std::max(ratio(bounds.width, first), ratio(bounds.height, second)));
}

Size scaled(Size source, double scale) {
  const auto side = [scale](std::int64_t length) {
    return std::max<std::int64_t>(1, std::llround(static_cast<double>(length) * scale));
  };
  return {side(source.width), side(source.height)};
}

}  // namespace

PictureShape upright(PictureShape shape) {
  const auto [width, height] = shape.size;
  return {shape.orientation >= 5 ? Size{height, width} : shape.size, 1};
}

Area centre_of(Size whole, Size wanted) {
  const std::int64_t width = std::min(whole.width, wanted.width);
  const std::int64_t height = std::min(whole.height, wanted.height);
  return {(whole.width - width) / 2, (whole.height - height) / 2, width, height};
}

Area stored_area(Area area, Size whole, int orientation) {
  const std::int64_t from_right = whole.width - area.left - area.width;
  const std::int64_t from_bottom = whole.height - area.top - area.height;
  switch (orientation) {
    case 2:
      return {from_right, area.top, area.width, area.height};
    case 3:
      return {from_right, from_bottom, area.width, area.height};
    case 4:
      return {area.left, from_bottom, area.width, area.height};
    case 5:
      return {area.top, area.left, area.height, area.width};
    case 6:
      return {area.top, from_right, area.height, area.width};
    case 7:
      return {from_bottom, from_right, area.height, area.width};
    case 8:
      return {from_bottom, area.left, area.height, area.width};
    default:
      return area;
  }
}

Placement place_view(int mode, Bounds bounds, Size source) {
  if (!bounds.width && !bounds.height) {
    return {source, {0, 0, source.width, source.height}};
  }
  const bool landscape = source.width >= source.height;
  const std::int64_t long_side = std::max(source.width, source.height);
  const std::int64_t short_side = std::min(source.width, source.height);
  // A missing bound is the other one.
  const Size both{bounds.width ? *bounds.width : *bounds.height,
                  bounds.height ? *bounds.height : *bounds.width};
  Size whole;
  switch (mode) {
    case 0:
      whole = scaled(source, scale_to_fit(bounds, long_side, short_side));
      break;
    case 2:
      whole = scaled(source, scale_to_fit(bounds, source.width, source.height));
      break;
    case 1:
    case 3:
      whole = scaled(source, scale_to_cover(both, source.width, source.height));
      break;
    default:
      whole = scaled(source, scale_to_cover(both, long_side, short_side));
      break;
  }
  Size kept = whole;
  if (mode == 1) kept = both;
  if (mode == 5) kept = landscape ? both : Size{both.height, both.width};
  return {whole, centre_of(whole, kept)};
}

}  // namespace millrace::workers::image
