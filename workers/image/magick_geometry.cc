// SPDX-License-Identifier: Apache-2.0
#include "workers/image/magick_geometry.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include <fmt/format.h>

namespace millrace::workers::image {
namespace {

using pipeline::FormNumber;
using pipeline::FormValue;
using pipeline::ValueForm;

constexpr std::int64_t kSidePxMax = 9'999;
constexpr std::int64_t kCropPxMax = 10'000;
constexpr std::int64_t kAreaPxMax = 24'999'999;
constexpr std::int64_t kPercentMax = 999;
// No picture that can be read has a longer side.
constexpr std::int64_t kOffsetPxMax = 30'000;

FormNumber side(std::string name, std::int64_t max = kSidePxMax, std::int64_t min = 1) {
  return {std::move(name), min, max};
}
FormNumber percent() { return {"n", 1, kPercentMax}; }
FormNumber offset(std::string name) { return {std::move(name), 0, kOffsetPxMax, 0, true}; }

// The order is that of the enumerations below.
const std::vector<ValueForm>& thumbnail_table() {
  static const std::vector<ValueForm> forms = {
      {"!<n>p", {percent()}, "Both sides at n %."},
      {"!<n>px", {percent()}, "The width at n %, the height as it is."},
      {"!x<n>p", {percent()}, "The height at n %, the width as it is."},
      {"<w>x", {side("w")}, "That width, the height in proportion."},
      {"x<h>", {side("h")}, "That height, the width in proportion."},
      {"<w>x<h>", {side("w"), side("h")}, "Fits inside; may enlarge."},
      {"!<w>x<h>r", {side("w"), side("h")}, "Covers; may enlarge."},
      {"<w>x<h>^", {side("w"), side("h")}, "The same, as ImageMagick writes it."},
      {"<w>x<h>!", {side("w"), side("h")}, "Exactly that size, distorted."},
      {"<w>x<h>>", {side("w"), side("h")}, "Fits inside, only if that shrinks."},
      {"<w>x>", {side("w")}, "That width, only if that shrinks."},
      {"x<h>>", {side("h")}, "That height, only if that shrinks."},
      {"<w>x<h><", {side("w"), side("h")}, "Fits inside, only if that enlarges."},
      {"<w>x<", {side("w")}, "That width, only if that enlarges."},
      {"x<h><", {side("h")}, "That height, only if that enlarges."},
      {"<area>@", {{"area", 1, kAreaPxMax}}, "In proportion, at most that many px in all."},
  };
  return forms;
}
enum class Thumbnail {
  Percent,
  PercentOfWidth,
  PercentOfHeight,
  Width,
  Height,
  Fit,
  Cover,
  CoverMagick,
  Exact,
  FitShrink,
  WidthShrink,
  HeightShrink,
  FitEnlarge,
  WidthEnlarge,
  HeightEnlarge,
  Area,
};

const std::vector<ValueForm>& crop_table() {
  const FormNumber w = side("w", kCropPxMax, 0);
  const FormNumber h = side("h", kCropPxMax, 0);
  const FormNumber dx = offset("dx");
  const FormNumber dy = offset("dy");
  const std::string wide = "That width, the whole height";
  const std::string high = "That height, the whole width";
  const std::string both = "That rectangle; 0 is the whole side";
  const std::string moved = ", moved from where gravity puts it.";
  static const std::vector<ValueForm> forms = {
      {"<w>x", {w}, wide + "."},
      {"x<h>", {h}, high + "."},
      {"<w>x<h>", {w, h}, both + "."},
      {"!<w>x", {w}, wide + "."},
      {"!x<h>", {h}, high + "."},
      {"!<w>x<h>", {w, h}, both + "."},
      {"!<w>x<dx><dy>", {w, dx, dy}, wide + moved},
      {"!x<h><dx><dy>", {h, dx, dy}, high + moved},
      {"!<w>x<h><dx><dy>", {w, h, dx, dy}, both + moved},
  };
  return forms;
}

const std::vector<ValueForm>& extent_table() {
  const FormNumber dx = offset("dx");
  const FormNumber dy = offset("dy");
  static const std::vector<ValueForm> forms = {
      {"<w>x<h>", {side("w"), side("h")}, "A canvas of that size, the picture in its middle."},
      {"!<w>x<h>", {side("w"), side("h")}, "The same."},
      {"<w>x", {side("w")}, "The same, as high as the picture."},
      {"x<h>", {side("h")}, "The same, as wide as the picture."},
      {"!<w>x<h><dx><dy>",
       {side("w"), side("h"), dx, dy},
       "A canvas of that size whose upper left corner lies dx to the right of the picture's and dy "
       "below it: with -10-10 there are 10 px of canvas left of the picture and above it."},
      {"<w>x<h><dx><dy>", {side("w"), side("h"), dx, dy}, "The same."},
      {"!<dx><dy>", {dx, dy}, "The same, with a canvas of the picture's size."},
  };
  return forms;
}
enum class Extent { Centred, CentredMagick, Width, Height, Moved, MovedBare, MovedOnly };

const std::vector<ValueForm>& border_table() {
  static const std::vector<ValueForm> forms = {
      {"<w>x<h>",
       {side("w", kSidePxMax, 0), side("h", kSidePxMax, 0)},
       "So wide at the left and the right, so high above and below."}};
  return forms;
}

std::int64_t rounded(double length) { return std::max<std::int64_t>(1, std::llround(length)); }

Size scaled(Size source, double across, double down) {
  return {rounded(static_cast<double>(source.width) * across),
          rounded(static_cast<double>(source.height) * down)};
}

// To at most that many px in all: ImageMagick rounds down here.
Size of_area(Size source, double area_px) {
  const double scale =
      std::sqrt(area_px / static_cast<double>(source.width) / static_cast<double>(source.height));
  // An exact square root may come out a hair below a whole number.
  constexpr double kHair = 1e-9;
  const auto length = [scale](std::int64_t given) {
    return std::max<std::int64_t>(
        1, static_cast<std::int64_t>(std::floor(static_cast<double>(given) * scale + kHair)));
  };
  return {length(source.width), length(source.height)};
}

FormValue value_of(const std::vector<ValueForm>& forms, std::string_view text) {
  return pipeline::match_form(forms, text).value_or(FormValue{});
}

// What of a rectangle lies inside the picture; width or height 0 or less: nothing.
Area inside(Offset origin, Size box, Size whole) {
  const std::int64_t left = std::max<std::int64_t>(0, origin.x);
  const std::int64_t top = std::max<std::int64_t>(0, origin.y);
  return {left, top, std::min(whole.width, origin.x + box.width) - left,
          std::min(whole.height, origin.y + box.height) - top};
}

}  // namespace

std::vector<ValueForm> thumbnail_forms() { return thumbnail_table(); }

Size thumbnail_size(std::string_view text, Size source) {
  const FormValue value = value_of(thumbnail_table(), text);
  const std::vector<double>& n = value.numbers;
  const auto width_ratio = [&](std::size_t at) {
    return n[at] / static_cast<double>(source.width);
  };
  const auto height_ratio = [&](std::size_t at) {
    return n[at] / static_cast<double>(source.height);
  };
  const auto by = [source](double scale) { return scaled(source, scale, scale); };
  switch (static_cast<Thumbnail>(value.form)) {
    case Thumbnail::Percent:
      return by(n[0] / 100);
    case Thumbnail::PercentOfWidth:
      return scaled(source, n[0] / 100, 1);
    case Thumbnail::PercentOfHeight:
      return scaled(source, 1, n[0] / 100);
    case Thumbnail::Width:
      return by(width_ratio(0));
    case Thumbnail::Height:
      return by(height_ratio(0));
    case Thumbnail::Fit:
      return by(std::min(width_ratio(0), height_ratio(1)));
    case Thumbnail::Cover:
    case Thumbnail::CoverMagick:
      return by(std::max(width_ratio(0), height_ratio(1)));
    case Thumbnail::Exact:
      return scaled(source, width_ratio(0), height_ratio(1));
    case Thumbnail::FitShrink:
      return by(std::min({1.0, width_ratio(0), height_ratio(1)}));
    case Thumbnail::WidthShrink:
      return by(std::min(1.0, width_ratio(0)));
    case Thumbnail::HeightShrink:
      return by(std::min(1.0, height_ratio(0)));
    case Thumbnail::FitEnlarge:
      return by(std::max(1.0, std::min(width_ratio(0), height_ratio(1))));
    case Thumbnail::WidthEnlarge:
      return by(std::max(1.0, width_ratio(0)));
    case Thumbnail::HeightEnlarge:
      return by(std::max(1.0, height_ratio(0)));
    case Thumbnail::Area:
      return of_area(source, n[0]);
  }
  return source;
}

std::vector<ValueForm> crop_forms() { return crop_table(); }

base::Result<Area> crop_area(std::string_view text, Gravity gravity, Size source) {
  const FormValue value = value_of(crop_table(), text);
  const ValueForm& form = crop_table()[value.form];
  Size box;
  Offset moved;
  for (std::size_t i = 0; i < value.numbers.size(); ++i) {
    const auto number = std::llround(value.numbers[i]);
    const std::string& name = form.numbers[i].name;
    if (name == "w") box.width = number;
    if (name == "h") box.height = number;
    if (name == "dx") moved.x = number;
    if (name == "dy") moved.y = number;
  }
  if (box.width == 0) box.width = source.width;
  if (box.height == 0) box.height = source.height;
  const Area kept = inside(origin_of(gravity, source, box, moved), box, source);
  if (kept.width < 1 || kept.height < 1) {
    return base::fail(base::Reason::BadParameter,
                      fmt::format("crop/{} lies outside of the picture's {}x{} px.", text,
                                  source.width, source.height));
  }
  return kept;
}

std::vector<ValueForm> extent_forms() { return extent_table(); }

Canvas extent_canvas(std::string_view text, Size source) {
  const FormValue value = value_of(extent_table(), text);
  const auto number = [&value](std::size_t at) { return std::llround(value.numbers[at]); };
  const auto centred = [source](Size size) {
    const Offset corner = origin_of(Gravity::Center, source, size);
    return Canvas{size, {-corner.x, -corner.y}};
  };
  switch (static_cast<Extent>(value.form)) {
    case Extent::Centred:
    case Extent::CentredMagick:
      return centred({number(0), number(1)});
    case Extent::Width:
      return centred({number(0), source.height});
    case Extent::Height:
      return centred({source.width, number(0)});
    case Extent::Moved:
    case Extent::MovedBare:
      return {{number(0), number(1)}, {-number(2), -number(3)}};
    case Extent::MovedOnly:
      return {source, {-number(0), -number(1)}};
  }
  return {source, {}};
}

std::vector<ValueForm> border_forms() { return border_table(); }

Canvas border_canvas(std::string_view text, Size source) {
  const FormValue value = value_of(border_table(), text);
  const Offset width{std::llround(value.numbers[0]), std::llround(value.numbers[1])};
  return {{source.width + 2 * width.x, source.height + 2 * width.y}, width};
}

Size turned_size(Size source, int degrees) {
  if (degrees % 180 == 0) return source;
  if (degrees % 90 == 0) return {source.height, source.width};
  const double angle = degrees * std::numbers::pi / 180;
  const double across = std::abs(std::cos(angle));
  const double down = std::abs(std::sin(angle));
  const auto width = static_cast<double>(source.width);
  const auto height = static_cast<double>(source.height);
  return {static_cast<std::int64_t>(std::ceil(width * across + height * down)),
          static_cast<std::int64_t>(std::ceil(width * down + height * across))};
}

}  // namespace millrace::workers::image
