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

Group margins_of(const Box& box) {
  return {{box.x, box.x + box.width, kSideMargin * box.width, kSideMargin * box.width},
          {box.y, box.y + box.height, kMarginAbove * box.height, kMarginBelow * box.height}};
}

Extent joined(const Extent& a, const Extent& b) {
  const double low = std::min(a.low, b.low);
  const double high = std::max(a.high, b.high);
  return {low, high, low - std::min(a.low - a.low_margin, b.low - b.low_margin),
          std::max(a.high + a.high_margin, b.high + b.high_margin) - high};
}

// With its margins, as far as the picture has room for them.
bool fits(const Extent& extent, int picture_px, int crop_px) {
  const double low = std::max(0.0, extent.low - extent.low_margin);
  const double high = std::min(static_cast<double>(picture_px), extent.high + extent.high_margin);
  return high - low <= crop_px;
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

std::vector<Box> deciding_boxes(PixelSize picture, std::span<const Face> faces) {
  std::vector<Box> boxes;
  for (const Face& face : faces) {
    const Box box = clipped(face.box, picture.width, picture.height);
    if (box.area() > 0) boxes.push_back(box);
  }
  // Largest first; equal ones from the left, so that the order given does not matter.
  std::sort(boxes.begin(), boxes.end(), [](const Box& a, const Box& b) {
    return a.area() != b.area() ? a.area() > b.area() : a.x < b.x;
  });
  if (!boxes.empty()) {
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
                                       std::span<const Face> faces) {
  const std::vector<Box> boxes = deciding_boxes(picture, faces);
  if (boxes.empty()) return std::nullopt;
  const PixelSize crop = largest_of_aspect(picture, wanted);

  Group group = margins_of(boxes.front());
  Group all = group;
  for (const Box& box : boxes) {
    const Group one = margins_of(box);
    all = {joined(all.across, one.across), joined(all.down, one.down)};
  }
  CropSubject subject = CropSubject::Face;
  if (boxes.size() > 1 && fits(all.across, picture.width, crop.width) &&
      fits(all.down, picture.height, crop.height)) {
    group = all;
    subject = CropSubject::Faces;
  }
  const int left = place(group.across, picture.width, crop.width, kAimAcross, kMiddle);
  const int top = place(group.down, picture.height, crop.height, kAimDown, kEyes);
  return CropPlan{{left, top, crop.width, crop.height}, subject};
}

}  // namespace millrace::workers::face
