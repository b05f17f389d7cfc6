// SPDX-License-Identifier: Apache-2.0
#include "workers/image/saver.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "workers/image/palette.h"
#include "workers/image/pixels.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;
using vips::VOption;

// Half of the time of libvips' default, at sizes within a few percent.
constexpr int kAvifEffort = 3;
constexpr int kGifColorsDefault = 256;

struct BlobRelease {
  void operator()(VipsBlob* blob) const { vips_area_unref(VIPS_AREA(blob)); }
};
using Blob = std::unique_ptr<VipsBlob, BlobRelease>;

bool holds_alpha(OutputFormat format) { return format != OutputFormat::Jpeg; }

VImage on_white(const VImage& image) {
  const std::vector<double> white(static_cast<std::size_t>(image.bands()) - 1, 255.0);
  return image.flatten(VImage::option()->set("background", white));
}

// libvips writes whatever metadata the picture carries, and makes up EXIF of its own.
void keep_only_copyright(VImage& image, const std::string& copyright) {
  gchar** fields = vips_image_get_fields(image.get_image());
  for (gchar** field = fields; *field != nullptr; ++field) image.remove(*field);
  g_strfreev(fields);
  if (copyright.empty()) return;
  std::string text = copyright;
  std::replace(text.begin(), text.end(), '\0', ';');  // photographer and editor are parted by a NUL
  const std::string length = std::to_string(text.size() + 1);
  const std::string value =
      text + " (" + text + ", ASCII, " + length + " components, " + length + " bytes)";
  image.set("exif-ifd0-Copyright", value.c_str());
}

int palette_bits(int colors) {
  int bits = 1;
  while ((1 << bits) < colors) ++bits;
  return bits;
}

Blob encoded(const VImage& image, const Encoding& encoding, VOption* options) {
  switch (encoding.format) {
    case OutputFormat::Png:
      return Blob(image.pngsave_buffer(options->set("interlace", encoding.interlace)));
    case OutputFormat::Webp:
      return Blob(image.webpsave_buffer(options->set("Q", encoding.quality_pct)));
    case OutputFormat::Gif:
      return Blob(image.gifsave_buffer(
          options->set("interlace", encoding.interlace)
              ->set("bitdepth",
                    palette_bits(encoding.colors > 0 ? encoding.colors : kGifColorsDefault))));
    case OutputFormat::Avif:
    case OutputFormat::Jpeg:
      break;
  }
  return Blob(image.heifsave_buffer(options->set("Q", encoding.quality_pct)
                                        ->set("compression", VIPS_FOREIGN_HEIF_COMPRESSION_AV1)
                                        ->set("bitdepth", 8)
                                        ->set("effort", kAvifEffort)));
}

}  // namespace

base::Result<void> save_picture(VImage image, const Encoding& encoding,
                                const std::string& copyright, const TaskWatch& watch,
                                const TakeFile& take) {
  if (image.has_alpha() && !holds_alpha(encoding.format)) image = on_white(image);
  if (encoding.format == OutputFormat::Jpeg) {
    return save_jpeg(image, encoding, copyright, watch, take);
  }
  // The decoding and the scaling happen here, on this thread and under the watch's eye.
  auto pixels = in_memory(image, watch);
  if (!pixels) return base::fail(std::move(pixels.error()));
  keep_only_copyright(*pixels, copyright);
  if (encoding.format == OutputFormat::Png && encoding.colors > 0) {
    return save_palette_png(*pixels, encoding, copyright, take);
  }
  const Blob blob = encoded(*pixels, encoding, VImage::option()->set("strip", copyright.empty()));
  std::size_t bytes = 0;
  const void* data = vips_blob_get(blob.get(), &bytes);
  return take({static_cast<const std::byte*>(data), bytes});
}

}  // namespace millrace::workers::image
