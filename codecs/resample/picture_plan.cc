// SPDX-License-Identifier: Apache-2.0
#include "codecs/resample/picture_plan.h"

#include <cmath>

namespace millrace::codecs {
namespace {

constexpr std::int32_t kChromaFactorMax = 4;

std::int32_t parts(std::int32_t whole, std::int32_t part) { return (whole + part - 1) / part; }

// How many luma samples a chroma sample is for; 1 where that is not a whole number.
std::int32_t whole_factor(double chroma_px, double luma_px) {
  const double factor = chroma_px / luma_px;
  const double whole = std::round(factor);
  const bool is_whole = std::abs(factor - whole) < 1e-6 && whole >= 1 && whole <= kChromaFactorMax;
  return is_whole ? static_cast<std::int32_t>(whole) : 1;
}

struct Direction {
  double begin_px;  // the area, of the source
  double end_px;
  std::int32_t outputs_px;
  bool mirrored;
};

// `samples` of a plane, each for px_each; every output for `factor` pixels of the result.
Axis axis_of(const Direction& direction, std::int32_t samples, double px_each,
             std::int32_t factor) {
  const std::int32_t outputs = parts(direction.outputs_px, factor);
  const double step_px = (direction.end_px - direction.begin_px) / direction.outputs_px * factor;
  const double begin_px =
      direction.mirrored ? direction.end_px - outputs * step_px : direction.begin_px;
  return {samples, begin_px / px_each, step_px / px_each, outputs};
}

}  // namespace

SourcePicture scaled_jpeg(std::int32_t width_px, std::int32_t height_px, bool grey,
                          std::int32_t chroma_across, std::int32_t chroma_down,
                          std::int32_t eighths) {
  SourcePicture picture{width_px, height_px, {}};
  const auto add = [&](std::int32_t across, std::int32_t down) {
    picture.components.push_back({parts(width_px * eighths, 8 * across),
                                  parts(height_px * eighths, 8 * down), 8.0 * across / eighths,
                                  8.0 * down / eighths});
  };
  add(1, 1);
  for (int chroma = 0; chroma < (grey ? 0 : 2); ++chroma) add(chroma_across, chroma_down);
  return picture;
}

PicturePlan plan_picture(const SourcePicture& source, const Area& area,
                         const OutputPicture& output) {
  PicturePlan plan;
  const SourceComponent& luma = source.components.front();
  if (source.components.size() > 1 && output.chroma == OutputChroma::Source) {
    plan.chroma_across = whole_factor(source.components[1].px_across, luma.px_across);
    plan.chroma_down = whole_factor(source.components[1].px_down, luma.px_down);
  } else if (source.components.size() > 1 && output.chroma == OutputChroma::Quarter) {
    plan.chroma_across = 2;
    plan.chroma_down = 2;
  }
  const Direction across{area.left, area.right, output.width_px, output.mirrored_across};
  const Direction down{area.top, area.bottom, output.height_px, output.mirrored_down};
  for (const SourceComponent& component : source.components) {
    const bool chroma = &component != &luma;
    plan.components.push_back(
        {axis_of(across, component.width, component.px_across, chroma ? plan.chroma_across : 1),
         axis_of(down, component.height, component.px_down, chroma ? plan.chroma_down : 1)});
  }
  return plan;
}

}  // namespace millrace::codecs
