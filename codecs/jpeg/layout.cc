// SPDX-License-Identifier: Apache-2.0
#include "codecs/jpeg/layout.h"

#include <algorithm>

// Whether libjpeg was built with arithmetic decoding is in its configuration.
#include <cstdio>
#include <jpeglib.h>

namespace millrace::codecs {
namespace {

#ifdef D_ARITH_CODING_SUPPORTED
constexpr bool kArithmeticDecoded = true;
#else
constexpr bool kArithmeticDecoded = false;
#endif

constexpr int kBlockSide = 8;

std::int32_t divided_up(std::int64_t dividend, std::int64_t divisor) {
  return static_cast<std::int32_t>((dividend + divisor - 1) / divisor);
}

bool is_decoded_here(const JpegHeader& header) {
  const bool known_process = header.process == JpegProcess::Baseline ||
                             header.process == JpegProcess::Extended ||
                             header.process == JpegProcess::Progressive;
  if (!known_process || header.precision_bits != 8 || header.color == JpegColor::Other) {
    return false;
  }
  if (header.arithmetic && !kArithmeticDecoded) return false;
  if (header.components.size() == 1) return true;
  const JpegComponent& luma = header.components[0];
  const JpegComponent& cb = header.components[1];
  const JpegComponent& cr = header.components[2];
  return cb.across == cr.across && cb.down == cr.down && luma.across % cb.across == 0 &&
         luma.down % cb.down == 0;
}

// [first, end) of `count` units of `unit_px` that [from, from + length) touches, at least one.
struct Range {
  std::int32_t first = 0;
  std::int32_t end = 0;
};
Range touched(std::int64_t from, std::int64_t length, std::int32_t unit_px, std::int32_t count) {
  const auto first = std::clamp<std::int64_t>(from / unit_px, 0, count - 1);
  const auto end = std::clamp<std::int64_t>(divided_up(from + length, unit_px), first + 1, count);
  return {static_cast<std::int32_t>(first), static_cast<std::int32_t>(end)};
}

}  // namespace

std::optional<JpegLayout> layout_of(const JpegHeader& header, const JpegCut& cut) {
  if (!is_decoded_here(header)) return std::nullopt;
  // The only component of a grey picture is coded block after block, whatever its factors.
  const bool grey = header.components.size() == 1;
  const int across_max = grey ? 1 : header.across_max();
  const int down_max = grey ? 1 : header.down_max();
  const int mcu_width_px = across_max * kBlockSide;
  const int mcu_height_px = down_max * kBlockSide;

  JpegLayout layout;
  layout.eighths = cut.eighths;
  layout.mcus_across = divided_up(header.width_px, mcu_width_px);
  layout.mcus_down = divided_up(header.height_px, mcu_height_px);
  const JpegRegion region =
      cut.region.value_or(JpegRegion{0, 0, header.width_px, header.height_px});
  const Range columns = touched(region.left, region.width, mcu_width_px, layout.mcus_across);
  const Range rows = touched(region.top, region.height, mcu_height_px, layout.mcus_down);
  layout.first_mcu_column = columns.first;
  layout.end_mcu_column = columns.end;
  layout.first_mcu_row = rows.first;
  layout.end_mcu_row = rows.end;

  for (const JpegComponent& component : header.components) {
    JpegComponentLayout plane;
    plane.across = grey ? 1 : component.across;
    plane.down = grey ? 1 : component.down;
    plane.width =
        divided_up(std::int64_t{header.width_px} * plane.across * cut.eighths, mcu_width_px);
    plane.height =
        divided_up(std::int64_t{header.height_px} * plane.down * cut.eighths, mcu_height_px);
    plane.first_column = columns.first * plane.across * cut.eighths;
    plane.first_row = rows.first * plane.down * cut.eighths;
    plane.columns =
        std::min(columns.end * plane.across * cut.eighths, plane.width) - plane.first_column;
    plane.rows = std::min(rows.end * plane.down * cut.eighths, plane.height) - plane.first_row;
    layout.components.push_back(plane);
  }
  if (!grey) {
    layout.chroma_across = layout.components[0].across / layout.components[1].across;
    layout.chroma_down = layout.components[0].down / layout.components[1].down;
  }
  return layout;
}

}  // namespace millrace::codecs
