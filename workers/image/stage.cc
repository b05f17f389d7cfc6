// SPDX-License-Identifier: Apache-2.0
#include "workers/image/stage.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "workers/image/color.h"
#include "workers/image/loader.h"
#include "workers/image/pixels.h"
#include "workers/image/saver.h"

namespace millrace::workers::image {
namespace {

using base::Reason;
using vips::VImage;

constexpr std::int64_t kWebpSidePxMax = 16'383;  // the format's own
constexpr std::int64_t kAvifPxMax = 7'680'000;   // what one core encodes within a request
constexpr std::string_view kNoteHeader = "X-Millrace-Note";

Size size_of(const VImage& image) { return {image.width(), image.height()}; }

Size turned(Size size, int orientation) {
  return orientation >= 5 ? Size{size.height, size.width} : size;
}

// To exactly that size. Alpha weighs the colours meanwhile, or the colours of what cannot be seen
// would bleed into what can.
VImage resized(const VImage& image, Size wanted) {
  if (size_of(image) == wanted) return image;
  const double across = static_cast<double>(wanted.width) / image.width();
  const double down = static_cast<double>(wanted.height) / image.height();
  const auto resize = [&](const VImage& from) {
    return from.resize(across, VImage::option()->set("vscale", down));
  };
  if (!image.has_alpha()) return resize(image);
  return resize(image.premultiply()).unpremultiply().cast(image.format());
}

VImage cropped(const VImage& image, const Area& kept) {
  if (kept == Area{0, 0, image.width(), image.height()}) return image;
  return image.extract_area(static_cast<int>(kept.left), static_cast<int>(kept.top),
                            static_cast<int>(kept.width), static_cast<int>(kept.height));
}

Placement all_of(Size size) { return {size, {0, 0, size.width, size.height}}; }

// EXIF 2.32, 4.6.4 A, tag Orientation: what has to be done to the stored picture.
VImage upright(const VImage& stored, int orientation) {
  switch (orientation) {
    case 2:
      return stored.fliphor();
    case 3:
      return stored.rot180();
    case 4:
      return stored.flipver();
    case 5:
      return stored.rot90().fliphor();
    case 6:
      return stored.rot90();
    case 7:
      return stored.rot270().fliphor();
    case 8:
      return stored.rot270();
    default:
      return stored;
  }
}

VImage on_white(const VImage& image) {
  if (!image.has_alpha()) return image;
  const std::vector<double> white(static_cast<std::size_t>(image.bands()) - 1, 255.0);
  return image.flatten(VImage::option()->set("background", white));
}

OutputFormat format_that_stands_for(const Source& source) {
  switch (source.format) {
    case SourceFormat::Png:
      return OutputFormat::Png;
    case SourceFormat::Webp:
      return OutputFormat::Webp;
    case SourceFormat::Gif:
      return OutputFormat::Gif;
    case SourceFormat::Tiff:
      return source.has_alpha ? OutputFormat::Png : OutputFormat::Jpeg;
    case SourceFormat::Jpeg:
    case SourceFormat::Avif:
    case SourceFormat::Heic:
      break;
  }
  return OutputFormat::Jpeg;
}

}  // namespace

ImageStage::ImageStage(const Source& source, const ipc::RunLimits& limits, TaskWatch& watch)
    : source_(source), limits_(limits), watch_(watch), size_(source.upright()) {
  encoding_.format = format_that_stands_for(source);
  jpeg_quality_pct_ = source.jpeg_quality_pct;
}

bool ImageStage::has_alpha() const { return image_ ? image_->has_alpha() : source_.has_alpha; }

base::Result<void> ImageStage::check_result(Size size) const {
  const std::uint64_t pixels =
      static_cast<std::uint64_t>(size.width) * static_cast<std::uint64_t>(size.height);
  const std::int64_t side_max = limits_.result_side_px_max;
  if (size.width > side_max || size.height > side_max || pixels > limits_.result_max.count) {
    return base::fail(
        Reason::ResultTooLarge,
        fmt::format(
            "The result would be {}x{} px; at most {} px a side and {} px in all are allowed.",
            size.width, size.height, side_max, limits_.result_max.count));
  }
  return {};
}

base::Result<VImage> ImageStage::placed(const Placement& placement) {
  if (image_) return cropped(resized(*image_, placement.whole), placement.kept);
  const int orientation = source_.orientation;
  const Size wanted = turned(placement.whole, orientation);
  VImage image = open_picture_for(source_.bytes, source_.format, source_.stored, wanted);
  image = resized(to_device_space(image), wanted);
  image = cropped(image, stored_area(placement.kept, placement.whole, orientation));
  bool profile_ignored = false;
  image = to_srgb(image, profile_ignored);
  if (profile_ignored) headers_[std::string(kNoteHeader)] = "icc-profile-ignored";
  // To turn it, its lines are needed in another order than the decoder gives them.
  if (orientation > 2) {
    auto memory = in_memory(image, watch_);
    if (!memory) return memory;
    image = *memory;
  }
  return upright(image, orientation);
}

base::Result<void> ImageStage::scale_and_crop(const Placement& placement) {
  const Size kept{placement.kept.width, placement.kept.height};
  if (auto fits = check_result(kept); !fits) return fits;
  auto image = placed(placement);
  if (!image) return base::fail(std::move(image.error()));
  image_ = *image;
  size_ = kept;
  return {};
}

base::Result<void> ImageStage::encode_as(const Encoding& encoding) {
  if (auto fits = check_result(size_); !fits) return fits;
  const bool webp = encoding.format == OutputFormat::Webp;
  if (webp && (size_.width > kWebpSidePxMax || size_.height > kWebpSidePxMax)) {
    return base::fail(Reason::ResultTooLarge,
                      fmt::format("The result would be {}x{} px; WebP holds at most {} px a side.",
                                  size_.width, size_.height, kWebpSidePxMax));
  }
  if (encoding.format == OutputFormat::Avif && size_.width * size_.height > kAvifPxMax) {
    return base::fail(
        Reason::ResultTooLarge,
        fmt::format("The result would be {}x{} px; as AVIF at most {} px in all are allowed.",
                    size_.width, size_.height, kAvifPxMax));
  }
  if (!image_) {
    auto image = placed(all_of(size_));
    if (!image) return base::fail(std::move(image.error()));
    image_ = *image;
  }
  encoding_ = encoding;
  jpeg_quality_pct_.reset();
  if (encoding.format == OutputFormat::Jpeg) {
    image_ = on_white(*image_);
    jpeg_quality_pct_ = encoding.quality_pct;
  }
  return {};
}

base::Result<VImage> ImageStage::preview(std::int64_t side_px_max) {
  const double scale = std::min(1.0, static_cast<double>(side_px_max) /
                                         static_cast<double>(std::max(size_.width, size_.height)));
  const auto side = [scale](std::int64_t length) {
    return std::max<std::int64_t>(1, std::llround(static_cast<double>(length) * scale));
  };
  if (image_) {
    auto memory = in_memory(*image_, watch_);
    if (!memory) return memory;
    image_ = *memory;
  }
  auto small = placed(all_of({side(size_.width), side(size_.height)}));
  if (!small) return small;
  return in_memory(on_white(*small), watch_);
}

base::Result<VImage> ImageStage::picture() {
  if (image_) return *image_;
  return placed(all_of(size_));
}

base::Result<std::string> ImageStage::encoded() {
  std::string file;
  if (!image_) {
    file.assign(reinterpret_cast<const char*>(source_.bytes.data()), source_.bytes.size());
    return file;
  }
  auto saved =
      save_picture(*image_, encoding_, source_.copyright, watch_,
                   [&file](std::span<const std::byte> bytes) -> base::Result<void> {
                     file.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
                     return {};
                   });
  if (!saved) return base::fail(std::move(saved.error()));
  return file;
}

void ImageStage::answer_json(std::string document, bool cacheable_by_clients) {
  json_ = std::move(document);
  cacheable_by_clients_ = cacheable_by_clients;
}

}  // namespace millrace::workers::image
