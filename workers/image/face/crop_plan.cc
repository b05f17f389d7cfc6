// SPDX-License-Identifier: Apache-2.0
#include "workers/image/face/crop_plan.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "workers/image/face/candidates.h"

namespace millrace::workers::face {
namespace {

constexpr double kPasserByHeightRatio = 0.2;
constexpr double kSideMargin = 0.25;
constexpr double kMarginAbove = 0.45;
constexpr double kMarginBelow = 0.25;
// Where the middle of the faces should lie in the crop, and where the eyes are in a face, from the
// top.
constexpr double kAimAcross = 0.5;
constexpr double kAimDown = 0.42;
constexpr double kMiddle = 0.5;
constexpr double kEyes = 0.4;

// The faces along one axis, in px of the picture.
struct Extent {
  double low = 0;  // of the boxes
  double high = 0;
  double low_margin = 0;
  double high_margin = 0;
};

struct Group {
  Extent across;
  Extent down;
};

// Margins, as parts of a face. Above there is the hair.
struct Margins {
  double side = kSideMargin;
  double above = kMarginAbove;
  double below = kMarginBelow;
};

Margins margins_of(const CropWishes& wishes) {
  if (!wishes.pad_pct) return {};
  const double pad = *wishes.pad_pct / 100.0;
  return {pad, pad * kMarginAbove / kMarginBelow, pad};
}

Group with_margins(const Box& box, const Margins& margins) {
  const double side = margins.side * box.width;
  return {{box.x, box.x + box.width, side, side},
          {box.y, box.y + box.height, margins.above * box.height, margins.below * box.height}};
}

Extent joined(const Extent& a, const Extent& b) {
  const double low = std::min(a.low, b.low);
  const double high = std::max(a.high, b.high);
  return {low, high, low - std::min(a.low - a.low_margin, b.low - b.low_margin),
          std::max(a.high + a.high_margin, b.high + b.high_margin) - high};
}

// Its length with its margins, as far as the picture has room for them.
double needed_px(const Extent& extent, int picture_px) {
  const double low = std::max(0.0, extent.low - extent.low_margin);
  const double high = std::min(static_cast<double>(picture_px), extent.high + extent.high_margin);
  return high - low;
}

bool fits(const Group& group, PixelSize picture, PixelSize crop) {
  return needed_px(group.across, picture.width) <= crop.width &&
         needed_px(group.down, picture.height) <= crop.height;
}

// Between the largest crop and the smallest of its aspect that holds the group. Whole pixels, and
// upwards: what fits stays inside.
PixelSize zoomed(PixelSize largest, PixelSize picture, const Group& group,
                 const CropWishes& wishes) {
  constexpr double kWholePixels = 2;  // a box that begins and ends within a pixel needs both
  const double across = needed_px(group.across, picture.width) + kWholePixels;
  const double down = needed_px(group.down, picture.height) + kWholePixels;
  const double tight = std::max({across / largest.width, down / largest.height,
                                 static_cast<double>(wishes.least.width) / largest.width,
                                 static_cast<double>(wishes.least.height) / largest.height});
  const double share = 1.0 - (1.0 - std::min(1.0, tight)) * wishes.zoom_pct / 100.0;
  const auto side = [share](int largest_px) {
    constexpr double kHair = 1e-9;
    return std::clamp(static_cast<int>(std::ceil(largest_px * share - kHair)), 1, largest_px);
  };
  return {side(largest.width), side(largest.height)};
}

// The start of a crop of crop_px along an axis of picture_px. `aim`: where in the crop the middle
// of the extent should be; `heart`: the point of an extent that is too long, both 0..1.
int place(const Extent& extent, int picture_px, int crop_px, double aim, double heart) {
  const int start_max = picture_px - crop_px;
  const double low = std::floor(extent.low);
  const double high = std::ceil(extent.high);
  const double room = crop_px - (high - low);
  if (room < 0) {
    const double start = low + (high - low) * heart - crop_px * kMiddle;
    return std::clamp(static_cast<int>(std::lround(start)), 0, start_max);
  }
  const double margins = extent.low_margin + extent.high_margin;
  const double share = margins > room ? room / margins : 1.0;
  const double start_low = high + share * extent.high_margin - crop_px;
  const double start_high = low - share * extent.low_margin;
  const double wish = (low + high) / 2 - aim * crop_px;
  // The two ends meet when the margins had to shrink, and rounding may then bring them past each
  // other.
  const double start = std::clamp(wish, std::min(start_low, start_high), start_high);
  // Whole pixels with the box inside: between high - crop and low, which are whole.
  const int whole = std::clamp(static_cast<int>(std::lround(start)),
                               static_cast<int>(high) - crop_px, static_cast<int>(low));
  return std::clamp(whole, 0, start_max);
}

// The boxes that decide, largest first; equal ones from the left, so that the order given does not
// matter.
std::vector<Box> deciding_boxes(PixelSize picture, std::span<const Face> faces,
                                const CropWishes& wishes) {
  std::vector<Face> inside;
  for (const Face& face : faces) {
    const Box box = clipped(face.box, picture.width, picture.height);
    if (box.area() > 0) inside.push_back({box, face.score});
  }
  sort_largest_first(inside);
  std::vector<Box> boxes;
  boxes.reserve(inside.size());
  for (const Face& face : inside) boxes.push_back(face.box);
  if (wishes.index) {
    if (*wishes.index >= boxes.size()) return {};
    return {boxes[*wishes.index]};
  }
  if (!boxes.empty() && !wishes.all) {
    const double least = boxes.front().height * kPasserByHeightRatio;
    std::erase_if(boxes, [least](const Box& box) { return box.height < least; });
  }
  return boxes;
}

}  // namespace

std::string_view word_of(CropSubject subject) {
  switch (subject) {
    case CropSubject::Face:
      return "face";
    case CropSubject::Faces:
      return "faces";
    case CropSubject::Attention:
      break;
  }
  return "attention";
}

PixelSize largest_of_aspect(PixelSize picture, PixelSize wanted) {
  const auto across = static_cast<std::int64_t>(picture.width) * wanted.height;
  const auto down = static_cast<std::int64_t>(picture.height) * wanted.width;
  // side * numerator / denominator, rounded half up.
  const auto scaled = [](std::int64_t product, int denominator, int side_max) {
    const std::int64_t side = (product + denominator / 2) / denominator;
    return static_cast<int>(std::clamp<std::int64_t>(side, 1, side_max));
  };
  if (across >= down) return {scaled(down, wanted.height, picture.width), picture.height};
  return {picture.width, scaled(across, wanted.width, picture.height)};
}

std::optional<CropPlan> plan_face_crop(PixelSize picture, PixelSize wanted,
                                       std::span<const Face> faces, const CropWishes& wishes) {
  const std::vector<Box> boxes = deciding_boxes(picture, faces, wishes);
  if (boxes.empty()) return std::nullopt;
  const PixelSize largest = largest_of_aspect(picture, wanted);

  const Margins margins = margins_of(wishes);
  Group group = with_margins(boxes.front(), margins);
  Group all = group;
  for (const Box& box : boxes) {
    const Group one = with_margins(box, margins);
    all = {joined(all.across, one.across), joined(all.down, one.down)};
  }
  CropSubject subject = CropSubject::Face;
  if (boxes.size() > 1 && (wishes.all || fits(all, picture, largest))) {
    group = all;
    subject = CropSubject::Faces;
  }
  const PixelSize crop = zoomed(largest, picture, group, wishes);
  const int left = place(group.across, picture.width, crop.width, kAimAcross, kMiddle);
  const int top = place(group.down, picture.height, crop.height, kAimDown, kEyes);
  return CropPlan{{left, top, crop.width, crop.height}, subject};
}

}  // namespace millrace::workers::face
