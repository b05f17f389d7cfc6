// SPDX-License-Identifier: Apache-2.0
#include "tests/codecs/jpeg/comparison.h"

#include <random>
#include <string_view>
#include <utility>

#include "codecs/jpeg/decoder.h"
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

}  // namespace

std::optional<std::string> disagreement(Bytes file, std::uint32_t seed, std::size_t px_max) {
  const auto header = read_jpeg_header(file);
  if (!header || !layout_of(*header, {})) return std::nullopt;
  const auto pixels =
      static_cast<std::size_t>(header->width_px) * static_cast<std::size_t>(header->height_px);
  if (pixels > px_max) return std::nullopt;
  std::minstd_rand random(seed);
  for (const int eighths : {8, 4, 2, 1}) {
    const JpegCut cut{eighths, {}};
    const Decoded best = decode_jpeg_planes(file, *header, cut);
    const Decoded turbo = decode_jpeg_planes(file, *header, cut, JpegDecoder::Turbo);
    auto found = against_each_other(best, turbo, eighths);
    if (!found && eighths == 8) found = against_libjpeg(file, best, px_max);
    if (!found && best) found = part_of_whole(file, *header, **best, eighths, random);
    if (found) return found;
  }
  return std::nullopt;
}

}  // namespace millrace::codecs::test
