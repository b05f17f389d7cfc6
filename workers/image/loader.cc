// SPDX-License-Identifier: Apache-2.0
#include "workers/image/loader.h"

#include <algorithm>
#include <memory>

namespace millrace::workers::image {
namespace {

using vips::VImage;
using vips::VOption;

struct BlobRelease {
  void operator()(VipsBlob* blob) const { vips_area_unref(VIPS_AREA(blob)); }
};

VOption* common_options() {
  return VImage::option()
      ->set("access", VIPS_ACCESS_SEQUENTIAL)
      ->set("fail_on", VIPS_FAIL_ON_TRUNCATED);
}

VImage load(InputBytes bytes, SourceFormat format, VOption* options) {
  const std::unique_ptr<VipsBlob, BlobRelease> blob(
      vips_blob_new(nullptr, bytes.data(), bytes.size()));
  switch (format) {
    case SourceFormat::Jpeg:
      return VImage::jpegload_buffer(blob.get(), options);
    case SourceFormat::Png:
      return VImage::pngload_buffer(blob.get(), options);
    case SourceFormat::Webp:
      return VImage::webpload_buffer(blob.get(), options);
    case SourceFormat::Gif:
      return VImage::gifload_buffer(blob.get(), options);
    case SourceFormat::Tiff:
      return VImage::tiffload_buffer(blob.get(), options);
    case SourceFormat::Avif:
    case SourceFormat::Heic:
      break;
  }
  return VImage::heifload_buffer(blob.get(), options);
}

// libjpeg's reduced decoding is a plain block average: half of the way is left to the better
// filter.
int jpeg_shrink(double shrink) {
  if (shrink >= 16) return 8;
  if (shrink >= 8) return 4;
  if (shrink >= 4) return 2;
  return 1;
}

}  // namespace

VImage open_picture(InputBytes bytes, SourceFormat format) {
  return load(bytes, format, common_options());
}

VImage open_picture_for(InputBytes bytes, SourceFormat format, Size stored, Size wanted) {
  const double shrink =
      std::min(static_cast<double>(stored.width) / static_cast<double>(wanted.width),
               static_cast<double>(stored.height) / static_cast<double>(wanted.height));
  if (format == SourceFormat::Jpeg && jpeg_shrink(shrink) > 1) {
    return load(bytes, format, common_options()->set("shrink", jpeg_shrink(shrink)));
  }
  if (format == SourceFormat::Webp && shrink > 1.0) {
    return load(bytes, format, common_options()->set("scale", 1.0 / shrink));
  }
  return open_picture(bytes, format);
}

}  // namespace millrace::workers::image
