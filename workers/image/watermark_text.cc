// SPDX-License-Identifier: Apache-2.0
#include "workers/image/watermark_text.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "workers/image/text/text_drawing.h"

namespace millrace::workers::image {
namespace {

using base::Reason;
using pipeline::Color;

constexpr std::int64_t kFontTwipsDefault = 240;  // ImageMagick's 12 points
constexpr double kTwipsPerPx = 20;
constexpr std::int64_t kCellPx = 100;
constexpr Color kWhite{255, 255, 255};

double font_px_of(const Mark& mark) {
  const std::int64_t given = mark.call.integer("fontsize").value_or(0);
  return static_cast<double>(given == 0 ? kFontTwipsDefault : given) / kTwipsPerPx;
}

double resize_of(const Mark& mark) { return decimal_of(mark, "resize", 1); }

Color color_of(const Mark& mark) {
  Color color = mark.call.color("fill").value_or(kWhite);
  color.alpha = static_cast<std::uint8_t>((color.alpha * opacity_of(mark) + 127) / 255);
  return color;
}

// Lines of a text lean where the text leans.
LineEnds ends_of(const Mark& mark) {
  if (mark.kind == Mark::Kind::TextTiles) return LineEnds::Middle;
  switch (place_of(mark).gravity) {
    case Gravity::NorthWest:
    case Gravity::West:
    case Gravity::SouthWest:
      return LineEnds::Left;
    case Gravity::NorthEast:
    case Gravity::East:
    case Gravity::SouthEast:
      return LineEnds::Right;
    default:
      return LineEnds::Middle;
  }
}

std::shared_ptr<const Stamp> stamp_of(TextMask mask, const Color& color, Offset at,
                                      std::optional<Size> pitch) {
  auto stamp = std::make_shared<Stamp>();
  stamp->size = {static_cast<std::int64_t>(mask.width), static_cast<std::int64_t>(mask.height)};
  stamp->pixels = std::move(mask.pixels);
  stamp->color = color;
  stamp->at = at;
  stamp->pitch = pitch;
  return stamp;
}

base::Result<TextMask> drawn(const TextLayout& layout, Size canvas, const TextPose& pose,
                             const TaskWatch& watch) {
  return draw_text(layout, static_cast<std::size_t>(canvas.width),
                   static_cast<std::size_t>(canvas.height), pose,
                   [&watch] { return watch.check(); });
}

// One text. Ink that reaches out of the text's box is drawn as far as one letter is high.
base::Result<std::shared_ptr<const Stamp>> single(const Mark& mark, const TextLayout& layout,
                                                  Size picture, const TaskWatch& watch) {
  const MarkPlace place = place_of(mark);
  const Size box{layout.width, layout.height};
  const Offset at = origin_of(place.gravity, picture, box, place.moved);
  const auto margin = std::llround(std::ceil(layout.size_px));
  const std::int64_t left = std::max<std::int64_t>(0, at.x - margin);
  const std::int64_t top = std::max<std::int64_t>(0, at.y - margin);
  const std::int64_t right = std::min<std::int64_t>(picture.width, at.x + box.width + margin);
  const std::int64_t bottom = std::min<std::int64_t>(picture.height, at.y + box.height + margin);
  if (left >= right || top >= bottom) return nullptr;
  auto mask = drawn(layout, {right - left, bottom - top},
                    {static_cast<double>(at.x - left), static_cast<double>(at.y - top), 0}, watch);
  if (!mask) return base::fail(std::move(mask.error()));
  return stamp_of(std::move(*mask), color_of(mark), {left, top}, std::nullopt);
}

// A cell is as large as asked for, and holds its text with half a letter between two of them, but
// is never larger than the picture, or its middle might lie outside. Of a text that is larger than
// the picture the middle is shown.
base::Result<std::shared_ptr<const Stamp>> tiles(const Mark& mark, const TextLayout& layout,
                                                 Size picture, const TaskWatch& watch) {
  const auto degrees = static_cast<double>(mark.call.integer("rotate").value_or(0));
  const TurnedBox box = turned_box(layout, degrees);
  const std::int64_t gap = std::max<std::int64_t>(1, std::llround(layout.size_px / 2));
  const auto side = [&](const char* parameter, std::int64_t text, std::int64_t whole) {
    const auto asked = static_cast<double>(mark.call.integer(parameter).value_or(kCellPx));
    const std::int64_t wanted = std::llround(asked * resize_of(mark));
    return std::min(std::max(wanted, text + gap), whole);
  };
  const Size canvas{std::clamp<std::int64_t>(box.width, 1, picture.width),
                    std::clamp<std::int64_t>(box.height, 1, picture.height)};
  const Size cell{side("uw", canvas.width, picture.width),
                  side("uh", canvas.height, picture.height)};
  const TextPose pose{static_cast<double>(canvas.width - layout.width) / 2,
                      static_cast<double>(canvas.height - layout.height) / 2, degrees};
  auto mask = drawn(layout, canvas, pose, watch);
  if (!mask) return base::fail(std::move(mask.error()));
  const Offset moved = place_of(mark).moved;
  return stamp_of(
      std::move(*mask), color_of(mark),
      {moved.x + (cell.width - canvas.width) / 2, moved.y + (cell.height - canvas.height) / 2},
      cell);
}

}  // namespace

base::Result<TextLayout> layout_of(const Mark& mark, const FontBook& book) {
  const double resize = resize_of(mark);
  if (resize < kResizeMin) {
    return base::fail(Reason::BadParameter,
                      fmt::format("watermark/4: resize must be from {} to 10.", kResizeMin));
  }
  const double size_px = font_px_of(mark) * resize;
  if (size_px > kFontTwipsMax / kTwipsPerPx) {
    return base::fail(
        Reason::BadParameter,
        fmt::format("watermark/4: fontsize times resize may be at most {}.", kFontTwipsMax));
  }
  const std::string name = mark.call.decoded("font").value_or(std::string(book.default_name()));
  const FontBook::Faces faces = book.find(name);
  if (faces.empty()) return base::fail(Reason::BadParameter, "watermark: there is no such font.");
  return lay_out(mark.call.decoded("text").value_or(""), faces, size_px, ends_of(mark));
}

base::Result<std::shared_ptr<const Stamp>> text_stamp(const Mark& mark, const TextLayout& layout,
                                                      Size picture, const TaskWatch& watch) {
  return mark.kind == Mark::Kind::TextTiles ? tiles(mark, layout, picture, watch)
                                            : single(mark, layout, picture, watch);
}

}  // namespace millrace::workers::image
