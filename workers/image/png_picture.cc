// SPDX-License-Identifier: Apache-2.0
#include "workers/image/png_picture.h"

#include <cstring>
#include <mutex>
#include <optional>
#include <utility>

#include "codecs/png/decoder.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

// What stands behind a picture, and ends with it.
class PngPicture {
 public:
  PngPicture(VImage library, InputBytes file, codecs::PngHeader header)
      : library_(std::move(library)), file_(file), header_(header) {}

  [[nodiscard]] VipsImage* library() const { return library_.get_image(); }

  // False: not on this road.
  bool fill(VipsRegion* out) {
    const std::scoped_lock lock(mutex_);
    if (!std::exchange(sought_, true)) decoder_ = codecs::PngDecoder::open(file_, header_);
    if (!decoder_) return false;
    const VipsRect& area = out->valid;
    for (int y = area.top; y < VIPS_RECT_BOTTOM(&area); ++y) {
      decoder_->read({y, area.left, area.width}, VIPS_REGION_ADDR(out, area.left, y));
    }
    return true;
  }

 private:
  VImage library_;
  InputBytes file_;
  codecs::PngHeader header_;
  std::mutex mutex_;  // libvips may ask from several threads
  bool sought_ = false;
  std::optional<codecs::PngDecoder> decoder_;
};

int copy_from(VipsRegion* in, VipsRegion* out) {
  const VipsRect& area = out->valid;
  if (vips_region_prepare(in, &area) != 0) return -1;
  const std::size_t line_bytes = VIPS_REGION_SIZEOF_LINE(out);
  for (int y = area.top; y < VIPS_RECT_BOTTOM(&area); ++y) {
    std::memcpy(VIPS_REGION_ADDR(out, area.left, y), VIPS_REGION_ADDR(in, area.left, y),
                line_bytes);
  }
  return 0;
}

int generate(VipsRegion* out, void* in, void*, void* picture, gboolean*) {
  if (static_cast<PngPicture*>(picture)->fill(out)) return 0;
  return copy_from(static_cast<VipsRegion*>(in), out);
}

std::optional<codecs::PngHeader> header_for_here(InputBytes file) {
  auto header = codecs::read_png_header(file);
  if (!header || !codecs::PngDecoder::bands_of(*header)) return std::nullopt;
  return *header;
}

}  // namespace

bool is_decoded_here(const Source& source) {
  return source.format == SourceFormat::Png && header_for_here(source.bytes).has_value();
}

VImage decoded_here(const VImage& library, InputBytes file) {
  const auto header = header_for_here(file);
  if (!header || library.format() != VIPS_FORMAT_UCHAR ||
      library.bands() != codecs::PngDecoder::bands_of(*header) ||
      library.width() != header->width_px || library.height() != header->height_px) {
    return library;
  }
  VipsImage* image = vips_image_new();
  if (image == nullptr) throw vips::VError();
  VImage decoded(image);  // owns it
  // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): the picture's, below
  auto* picture = new PngPicture(library, file, *header);
  g_object_set_data_full(G_OBJECT(image), "millrace-png", picture,
                         [](gpointer data) { delete static_cast<PngPicture*>(data); });
  if (vips_image_pipelinev(image, VIPS_DEMAND_STYLE_THINSTRIP, picture->library(), nullptr) != 0 ||
      vips_image_generate(image, vips_start_one, generate, vips_stop_one, picture->library(),
                          picture) != 0) {
    throw vips::VError();
  }
  return decoded;
}

}  // namespace millrace::workers::image
