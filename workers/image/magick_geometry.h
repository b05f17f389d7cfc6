// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "pipeline/value_form.h"
#include "workers/image/geometry.h"
#include "workers/image/gravity.h"

namespace millrace::workers::image {

// The geometry strings of imageMogr2: ImageMagick's, with letters for the characters that a URL
// would have to escape ("!200x200r" is 200x200^, "!300x300a30-10" is 300x300+30-10). What each form
// means stands in its summary; the forms are what the specs publish, and the functions take texts
// that fit them. Sides are rounded to the nearest integer, at least 1. Pure.

std::vector<pipeline::ValueForm> thumbnail_forms();
// The size that a picture of `source` px is scaled to. May be larger than anything that can be
// made.
Size thumbnail_size(std::string_view text, Size source);

std::vector<pipeline::ValueForm> crop_forms();
// What of the picture stays: the rectangle, as far as it lies inside. BadParameter when none of it
// does.
base::Result<Area> crop_area(std::string_view text, Gravity gravity, Size source);

// A canvas, and where the upper left corner of the picture lies on it: possibly outside.
struct Canvas {
  Size size;
  Offset picture;
  friend bool operator==(const Canvas&, const Canvas&) = default;
};

std::vector<pipeline::ValueForm> extent_forms();
Canvas extent_canvas(std::string_view text, Size source);

std::vector<pipeline::ValueForm> border_forms();
Canvas border_canvas(std::string_view text, Size source);

// What a turn by that many degrees makes of the sides: the smallest upright rectangle around it.
Size turned_size(Size source, int degrees);

}  // namespace millrace::workers::image
