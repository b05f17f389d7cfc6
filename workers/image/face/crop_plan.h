// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "workers/image/face/detector.h"
#include "workers/image/face/picture.h"

namespace millrace::workers::face {

struct PixelSize {
  int width = 0;   // px
  int height = 0;  // px
};

// What a crop was placed by; the word is the value of X-Millrace-Crop.
enum class CropSubject { Face, Faces, Attention };
std::string_view word_of(CropSubject subject);

struct CropPlan {
  PixelRect rect;
  CropSubject subject = CropSubject::Face;
};

// The largest rectangle of `wanted`'s aspect that fits into `picture`: one side is the picture's
// own, the other is exact to half a pixel. Sides of both at least 1.
PixelSize largest_of_aspect(PixelSize picture, PixelSize wanted);

// What a caller may ask for beside the rules below.
struct CropWishes {
  std::optional<std::size_t> index;  // this face alone decides, counted from 0, the largest first
  bool all = false;                  // every face decides, passers-by too, even if not all fit
  int zoom_pct = 0;                  // 0: the largest rectangle; 100: as close as the faces allow
  std::optional<int> pad_pct;        // the margin at the sides and below, of the face's size
  PixelSize least{1, 1};             // px of the picture that the crop must have
};

// Where a crop of `wanted`'s aspect goes in a picture with these faces (in the picture's pixels,
// any order); nullopt when there is none, or none of that index. The rules:
//  - The crop is the largest of its aspect that fits: it moves, it does not zoom in unless that is
//  wished, so that the framing of the photographer
//    stays and nothing is enlarged that need not be.
//  - Faces lower than a fifth of the largest one are passers-by and decide nothing.
//  - All other faces together decide when they and their margins fit ("faces", or "face" when there
//  is but one), else
//    the largest alone ("face").
//  - A margin is a quarter of the face at each side and below, and 45 % of it above, where the box
//  has no hair yet. Where
//    the crop has no room for the margins they shrink alike; a box that fits is inside whole.
//  - Within that, the middle of the faces comes to the middle of the width and to 42 % of the
//  height.
//  - A face larger than the crop is cut at both ends, so that the eyes are in the middle.
//  - Zooming in begins at the largest crop and ends at the smallest that holds the faces with their
//    margins; what lies between is in proportion. It is never smaller than `least`.
// O(faces log faces).
std::optional<CropPlan> plan_face_crop(PixelSize picture, PixelSize wanted,
                                       std::span<const Face> faces, const CropWishes& wishes = {});

}  // namespace millrace::workers::face
