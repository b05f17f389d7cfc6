// SPDX-License-Identifier: Apache-2.0
#include "tests/codecs/jpeg/comparison.h"

#include <algorithm>
#include <random>
#include <string_view>
#include <utility>

#include "tests/codecs/jpeg/reference.h"

namespace millrace::codecs::test {
namespace {

using Decoded = base::Result<std::optional<Planes>>;
using Bytes = std::span<const std::byte>;

std::string at_scale(int eighths) { return " at " + std::to_string(eighths) + "/8"; }

// Errors that libjpeg-turbo left to itself does not have.
bool is_stricter(const base::Error& error) {
  for (const std::string_view text :
       {"Premature end of input file", "no marker ends the last scan", "too many scans"}) {
    if (error.detail == text) return true;
  }
  return false;
}

std::optional<std::string> against_libjpeg(Bytes file, const Decoded& ours, std::size_t px_max) {
  const auto reading = read_by_libjpeg(file, px_max);
  if (!reading) {
    if (ours) return "libjpeg refuses the file";
    return std::nullopt;
  }
  if (!ours) {
    const bool sound = reading->warnings == 0 && !reading->truncated;
    if (sound && !is_stricter(ours.error())) return "libjpeg reads it: " + ours.error().detail;
    return std::nullopt;
  }
  const int difference = greatest_difference(**ours, reading->planes);
  if (difference == 0 || has_wild_coefficients(file)) return std::nullopt;
  return "libjpeg's samples differ by " + std::to_string(difference);
}

std::optional<std::string> against_each_other(const Decoded& best, const Decoded& turbo,
                                              int eighths) {
  if (best.has_value() != turbo.has_value()) {
    const base::Error& error = best ? turbo.error() : best.error();
    return std::string(best ? "turbo" : "best") + " alone refuses: " + error.detail +
           at_scale(eighths);
  }
  if (best && greatest_difference(**best, **turbo) != 0) {
    return "our decoders differ" + at_scale(eighths);
  }
  return std::nullopt;
}

std::optional<std::string> part_of_whole(Bytes file, const JpegHeader& header, const Planes& whole,
                                         int eighths, std::minstd_rand& random) {
  const auto below = [&random](std::int32_t limit) {
    return static_cast<std::int32_t>(random() % static_cast<std::uint32_t>(limit));
  };
  const std::int32_t left = below(header.width_px);
  const std::int32_t top = below(header.height_px);
  const JpegCut cut{eighths, JpegRegion{left, top, 1 + below(header.width_px - left),
                                        1 + below(header.height_px - top)}};
  const Decoded part = decode_jpeg_planes(file, header, cut);
  if (!part) return "a part alone is refused: " + part.error().detail + at_scale(eighths);
  if (greatest_difference(**part, cropped(whole, *layout_of(header, cut))) != 0) {
    return "a part differs" + at_scale(eighths);
  }
  return std::nullopt;
}

Planes empty_planes(const JpegLayout& layout) {
  Planes planes;
  planes.chroma_across = layout.chroma_across;
  planes.chroma_down = layout.chroma_down;
  for (const JpegComponentLayout& plane : layout.components) {
    planes.components.emplace_back(plane.columns, plane.rows);
  }
  return planes;
}

// `singly`: what the file gives at 8, 4, 2 and 1 eighths.
std::optional<std::string> together(Bytes file, const JpegHeader& header,
                                    const std::vector<Planes>& singly) {
  for (const JpegDecoder decoder : {JpegDecoder::Best, JpegDecoder::Turbo}) {
    const auto planes = planes_at_scales(file, header, {{8, 4, 2, 1}, {}}, decoder);
    if (!planes) return "all scales at once are refused: " + planes.error().detail;
    for (std::size_t i = 0; i < singly.size(); ++i) {
      if (greatest_difference((*planes)[i], singly[i]) != 0) {
        return "all scales at once differ" + at_scale(8 >> i);
      }
    }
  }
  return std::nullopt;
}

}  // namespace

base::Result<std::vector<Planes>> planes_at_scales(Bytes file, const JpegHeader& header,
                                                   const JpegScales& scales, JpegDecoder decoder) {
  std::vector<JpegLayout> layouts;
  std::vector<Planes> planes;
  for (const int eighths : scales.eighths) {
    const auto layout = layout_of(header, {eighths, scales.region});
    if (!layout) return base::fail(base::Reason::Internal, "Not on this road.");
    layouts.push_back(*layout);
    planes.push_back(empty_planes(*layout));
  }
  const auto keep = [&](std::size_t scale, const JpegBand& band) -> base::Result<void> {
    const auto component = static_cast<std::size_t>(band.component);
    const std::int32_t above = band.first_row - layouts[scale].components[component].first_row;
    for (std::int32_t y = 0; y < band.samples.height; ++y) {
      std::copy_n(band.samples.row(y), band.samples.width,
                  planes[scale].components[component].row(above + y));
    }
    return {};
  };
  auto outcome = decode_jpeg_at_scales(file, header, scales, keep, {}, decoder);
  if (!outcome) return base::fail(std::move(outcome.error()));
  return planes;
}

std::optional<std::string> disagreement(Bytes file, std::uint32_t seed, std::size_t px_max) {
  const auto header = read_jpeg_header(file);
  if (!header || !layout_of(*header, {})) return std::nullopt;
  const auto pixels =
      static_cast<std::size_t>(header->width_px) * static_cast<std::size_t>(header->height_px);
  if (pixels > px_max) return std::nullopt;
  std::minstd_rand random(seed);
  std::vector<Planes> singly;
  for (const int eighths : {8, 4, 2, 1}) {
    const JpegCut cut{eighths, {}};
    const Decoded best = decode_jpeg_planes(file, *header, cut);
    const Decoded turbo = decode_jpeg_planes(file, *header, cut, JpegDecoder::Turbo);
    auto found = against_each_other(best, turbo, eighths);
    if (!found && eighths == 8) found = against_libjpeg(file, best, px_max);
    if (!found && best) found = part_of_whole(file, *header, **best, eighths, random);
    if (found) return found;
    if (best) singly.push_back(**best);
  }
  // A file that is damaged where only the finest looks is refused by it alone.
  return singly.size() == 4 ? together(file, *header, singly) : std::nullopt;
}

}  // namespace millrace::codecs::test
