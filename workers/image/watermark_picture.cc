// SPDX-License-Identifier: Apache-2.0
#include "workers/image/watermark_picture.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "workers/image/other_picture.h"
#include "workers/image/pixels.h"

namespace millrace::workers::image {
namespace {

double side_of(Size size, ScaledBy by) {
  switch (by) {
    case ScaledBy::Short:
      return static_cast<double>(std::min(size.width, size.height));
    case ScaledBy::Long:
      return static_cast<double>(std::max(size.width, size.height));
    case ScaledBy::Width:
      return static_cast<double>(size.width);
    case ScaledBy::Height:
      return static_cast<double>(size.height);
  }
  return 0;
}

Size size_on(const Mark& mark, Size given, Size picture) {
  if (!mark.call.form("ws")) return given;
  const auto by = static_cast<ScaledBy>(mark.call.integer("wst").value_or(0));
  return scaled_mark(given, picture, decimal_of(mark, "ws", 1), by);
}

// How far one mark is from the next: so much of the picture, or as far as it is from the edge.
std::int64_t pitch_along(const Mark& mark, const char* share, std::int64_t picture,
                         std::int64_t size, std::int64_t moved) {
  if (!mark.call.form(share)) return size + std::abs(moved);
  const double wanted = decimal_of(mark, share, 1) * static_cast<double>(picture);
  return std::max<std::int64_t>(std::llround(wanted), size);
}

bool lies_outside(const Stamp& stamp, Size picture) {
  return stamp.at.x >= picture.width || stamp.at.y >= picture.height ||
         stamp.at.x + stamp.size.width <= 0 || stamp.at.y + stamp.size.height <= 0;
}

void dissolve(int opacity, std::vector<std::uint8_t>& pixels) {
  if (opacity == 255) return;
  for (std::size_t i = 3; i < pixels.size(); i += 4) {
    pixels[i] = static_cast<std::uint8_t>((pixels[i] * opacity + 127) / 255);
  }
}

}  // namespace

Size scaled_mark(Size mark, Size picture, double share, ScaledBy by) {
  const double scale = share * side_of(picture, by) / side_of(mark, by);
  const auto scaled = [scale](std::int64_t side) {
    return std::max<std::int64_t>(1, std::llround(static_cast<double>(side) * scale));
  };
  return {scaled(mark.width), scaled(mark.height)};
}

base::Result<std::shared_ptr<const Stamp>> picture_stamp(const Mark& mark, ImageStage& stage) {
  const std::string value = mark.call.choice("image").value_or("");
  const auto given = size_of_other(stage, value);
  if (!given) return base::fail(given.error());
  const Size picture = stage.size();
  const auto [gravity, moved] = place_of(mark);
  auto stamp = std::make_shared<Stamp>();
  stamp->kind = Stamp::Kind::Rgba;
  stamp->size = size_on(mark, *given, picture);
  if (stamp->size.width > picture.width || stamp->size.height > picture.height) return nullptr;
  stamp->at = origin_of(gravity, picture, stamp->size, moved);
  if (mark.call.integer("tile").value_or(0) == 1) {
    stamp->pitch = Size{pitch_along(mark, "uws", picture.width, stamp->size.width, moved.x),
                        pitch_along(mark, "uhs", picture.height, stamp->size.height, moved.y)};
  } else if (lies_outside(*stamp, picture)) {
    return nullptr;
  }
  const auto opened =
      open_other(stage, value, {stamp->size, {0, 0, stamp->size.width, stamp->size.height}});
  if (!opened) return base::fail(opened.error());
  const auto pixels = in_memory(*opened, stage.watch());
  if (!pixels) return base::fail(pixels.error());
  stamp->pixels = packed_pixels(*pixels, 4);
  dissolve(opacity_of(mark), stamp->pixels);
  return stamp;
}

}  // namespace millrace::workers::image
