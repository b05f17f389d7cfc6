// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

namespace millrace::workers::image {

// px
struct Size {
  std::int64_t width = 0;
  std::int64_t height = 0;
  friend bool operator==(const Size&, const Size&) = default;
};

// A picture before anything of it is computed.
struct PictureShape {
  Size size;            // as stored
  int orientation = 1;  // what is still to be done to see it upright, EXIF 1..8
  friend bool operator==(const PictureShape&, const PictureShape&) = default;
};
// The same, turned upright.
PictureShape upright(PictureShape shape);

// A rectangle inside a picture, px; `left` and `top` count from the upper left corner.
struct Area {
  std::int64_t left = 0;
  std::int64_t top = 0;
  std::int64_t width = 0;
  std::int64_t height = 0;
  friend bool operator==(const Area&, const Area&) = default;
};

// A resize and a crop: the whole picture is scaled to `whole`, then `kept` of that stays.
struct Placement {
  Size whole;
  Area kept;
  friend bool operator==(const Placement&, const Placement&) = default;
};

// The bounds of imageView2; at least one is given.
struct Bounds {
  std::optional<std::int64_t> width;  // w: px of the width, or of the long edge in modes 0, 4 and 5
  std::optional<std::int64_t>
      height;  // h: px of the height, or of the short edge in modes 0, 4 and 5
};

// What imageView2/<mode> makes of an upright picture of `source` px (reference: imageView2, modes
// 0..5). Never enlarges. Sides are rounded to the nearest integer, at least 1. Without bounds: the
// picture as it is. `mode` is 0..5.
Placement place_view(int mode, Bounds bounds, Size source);

// The middle of `whole`, at most `wanted` px.
Area centre_of(Size whole, Size wanted);

// Where `area` of the upright picture of `whole` px lies in the picture as stored; EXIF
// `orientation` 1..8.
Area stored_area(Area area, Size whole, int orientation);

}  // namespace millrace::workers::image
