// SPDX-License-Identifier: Apache-2.0
#include "workers/image/proxy.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "workers/image/loader.h"
#include "workers/image/operations.h"
#include "workers/image/pixels.h"
#include "workers/image/saver.h"
#include "workers/image/source.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

// The square of AV1's blocks, and a multiple of everybody else's.
constexpr std::int64_t kSquarePx = 64;
// A picture of no more than this is its own proxy.
constexpr std::int64_t kWholePx = 65'536;
// Of larger ones a sixth, within bounds: fewer squares tell too little, more tell nothing new.
constexpr std::int64_t kShare = 6;
constexpr std::int64_t kSquaresMin = 16;
constexpr std::int64_t kSquaresMax = 49;
// A square begins where a block of the source may have begun.
constexpr std::int64_t kAlignPx = 16;

std::int64_t along(std::int64_t index, std::int64_t count, std::int64_t length_px,
                   std::int64_t square_px) {
  const std::int64_t middle = (2 * index + 1) * length_px / (2 * count);
  const std::int64_t begin =
      std::clamp<std::int64_t>(middle - square_px / 2, 0, length_px - square_px);
  return begin / kAlignPx * kAlignPx;
}

Plane part_of(const Plane& plane, const Area& area) {
  Plane part{static_cast<int>(area.width), static_cast<int>(area.height), {}};
  part.samples.reserve(static_cast<std::size_t>(area.width * area.height));
  for (std::int64_t y = area.top; y < area.top + area.height; ++y) {
    const auto line = plane.samples.begin() + y * plane.width + area.left;
    part.samples.insert(part.samples.end(), line, line + area.width);
  }
  return part;
}

base::Result<Plane> luma_on_white(const VImage& picture, const TaskWatch& watch) {
  auto flat = in_memory(on_white(picture), watch);
  if (!flat) return base::fail(std::move(flat.error()));
  return luma_of(*flat);
}

VImage without_profile(const VImage& picture) {
  VImage bare = picture.copy();
  bare.remove(VIPS_META_ICC_NAME);
  return bare;
}

bool loses_nothing(const Encoding& encoding) {
  if (encoding.lossless) return true;
  return !has_quality(encoding.format) && encoding.format != OutputFormat::Gif &&
         encoding.colors == 0;
}

}  // namespace

std::vector<Area> proxy_areas(Size picture) {
  const std::int64_t pixels = picture.width * picture.height;
  if (pixels <= kWholePx) return {{0, 0, picture.width, picture.height}};
  const std::int64_t width = std::min(kSquarePx, picture.width);
  const std::int64_t height = std::min(kSquarePx, picture.height);
  const std::int64_t count =
      std::clamp(pixels / kShare / (width * height), kSquaresMin, kSquaresMax);
  // As many each way as the sides are long.
  const double ratio = static_cast<double>(picture.width) / static_cast<double>(picture.height);
  const std::int64_t across =
      std::clamp<std::int64_t>(std::llround(std::sqrt(static_cast<double>(count) * ratio)), 1,
                               std::min(count, picture.width / width));
  const std::int64_t down = std::clamp<std::int64_t>(count / across, 1, picture.height / height);
  std::vector<Area> areas;
  for (std::int64_t y = 0; y < down; ++y) {
    for (std::int64_t x = 0; x < across; ++x) {
      areas.push_back({along(x, across, picture.width, width),
                       along(y, down, picture.height, height), width, height});
    }
  }
  return areas;
}

Proxy::Proxy(VImage pixels, std::vector<Area> parts)
    : pixels_(std::move(pixels)), parts_(std::move(parts)) {}

base::Result<Proxy> Proxy::of(const VImage& picture, const TaskWatch& watch) {
  const VImage bare = without_profile(picture);
  const std::vector<Area> areas = proxy_areas({picture.width(), picture.height()});
  std::vector<VImage> squares;
  std::vector<Area> parts;
  // As many in a row as make the whole about square.
  const auto across = static_cast<std::int64_t>(std::ceil(std::sqrt(areas.size())));
  for (const Area& area : areas) {
    const auto index = static_cast<std::int64_t>(squares.size());
    squares.push_back(cropped(bare, area));
    parts.push_back(
        {index % across * area.width, index / across * area.height, area.width, area.height});
  }
  auto pixels = squares.size() == 1
                    ? in_memory(squares.front(), watch)
                    : in_memory(VImage::arrayjoin(squares, VImage::option()->set(
                                                               "across", static_cast<int>(across))),
                                watch);
  if (!pixels) return base::fail(std::move(pixels.error()));
  auto luma = luma_on_white(*pixels, watch);
  if (!luma) return base::fail(std::move(luma.error()));
  Proxy proxy(std::move(*pixels), std::move(parts));
  proxy.luma_ = std::move(*luma);
  proxy.webp_effort_ = webp_effort_for({picture.width(), picture.height()});
  return proxy;
}

double Proxy::likeness_of(const Plane& luma) const {
  if (luma.width != luma_.width || luma.height != luma_.height) return 0;
  double sum = 0;
  for (const Area& part : parts_) {
    sum += parts_.size() == 1 ? ssim(luma_, luma).mean
                              : ssim(part_of(luma_, part), part_of(luma, part)).mean;
  }
  return sum / static_cast<double>(parts_.size());
}

base::Result<Proxy::Trial> Proxy::tried(const Encoding& encoding, const TaskWatch& watch) const {
  std::string file;
  Encoding as_the_whole = encoding;
  as_the_whole.webp_effort = webp_effort_;
  auto saved =
      save_picture(pixels_, as_the_whole, "", watch,
                   [&file](std::span<const std::byte> bytes) -> base::Result<void> {
                     file.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
                     return {};
                   });
  if (!saved) return base::fail(std::move(saved.error()));
  if (loses_nothing(encoding)) return Trial{file.size(), 1};
  const auto source = read_source(std::as_bytes(std::span(file)), {});
  if (!source) return base::fail(source.error());
  auto opened = open_picture(*source);
  if (!opened) return base::fail(std::move(opened.error()));
  auto luma = luma_on_white(without_profile(*opened), watch);
  if (!luma) return base::fail(std::move(luma.error()));
  return Trial{file.size(), likeness_of(*luma)};
}

}  // namespace millrace::workers::image
