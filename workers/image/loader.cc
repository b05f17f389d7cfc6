// SPDX-License-Identifier: Apache-2.0
#include "workers/image/loader.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "workers/image/bytes.h"
#include "workers/image/png_picture.h"
#include "workers/image/readers/bmp_reader.h"
#include "workers/image/readers/ico_reader.h"
#include "workers/image/readers/jxl_reader.h"
#include "workers/image/readers/psd_reader.h"

namespace millrace::workers::image {
namespace {

using base::Reason;
using vips::VImage;
using vips::VOption;

// A drawing may be asked for at any size: no more pixels than any other source may have.
constexpr std::int64_t kDrawnSidePxMax = 30'000;
constexpr std::int64_t kDrawnPxMax = 150'000'000;

struct BlobRelease {
  void operator()(VipsBlob* blob) const { vips_area_unref(VIPS_AREA(blob)); }
};

ByteSpan bytes_of(const Source& source) {
  return {reinterpret_cast<const std::uint8_t*>(source.bytes.data()), source.bytes.size()};
}

VOption* common_options() {
  return VImage::option()
      ->set("access", VIPS_ACCESS_SEQUENTIAL)
      ->set("fail_on", VIPS_FAIL_ON_TRUNCATED);
}

// The profile that libvips 8.14 gives to an AVIF or HEIC ends with the loader, but is handed on to
// every picture that is made of it, and some of them live longer.
VImage with_lasting_profile(VImage image) {
  if (image.get_typeof(VIPS_META_ICC_NAME) == 0) return image;
  std::size_t bytes = 0;
  const void* profile = image.get_blob(VIPS_META_ICC_NAME, &bytes);
  VImage lasting = image.copy();
  vips_image_set_blob_copy(lasting.get_image(), VIPS_META_ICC_NAME, profile, bytes);
  return lasting;
}

VImage with_coded_color(VImage image, const Source& source) {
  if (source.coded_icc.empty()) return image;
  image = image.copy();
  vips_image_set_blob_copy(image.get_image(), VIPS_META_ICC_NAME, source.coded_icc.data(),
                           source.coded_icc.size());
  return image;
}

// For the formats that hold several pictures.
VOption* page_options(const Source& source) {
  VOption* options = common_options();
  if (!source.choice.page) return options;
  return options->set("page", static_cast<int>(*source.choice.page));
}

VImage load(ByteSpan bytes, SourceFormat format, VOption* options) {
  const std::unique_ptr<VipsBlob, BlobRelease> blob(
      vips_blob_new(nullptr, bytes.data(), bytes.size()));
  switch (format) {
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
      return VImage::heifload_buffer(blob.get(), options);
    case SourceFormat::Jp2:
      return VImage::jp2kload_buffer(blob.get(), options);
    case SourceFormat::Svg:
      return VImage::svgload_buffer(blob.get(), options);
    case SourceFormat::Pdf:
      return VImage::pdfload_buffer(blob.get(), options);
    case SourceFormat::Jpeg:
    case SourceFormat::Jxl:  // these have readers of their own
    case SourceFormat::Bmp:
    case SourceFormat::Ico:
    case SourceFormat::Psd:
      break;
  }
  return VImage::jpegload_buffer(blob.get(), options);
}

// Memory of libvips' own kind, which the picture takes over.
struct Buffer {
  struct Free {
    void operator()(std::uint8_t* memory) const { g_free(memory); }
  };
  std::unique_ptr<std::uint8_t, Free> bytes;
  std::size_t size = 0;
  [[nodiscard]] PixelSpan span() const { return {bytes.get(), size}; }
};

VipsInterpretation interpretation_of(const RasterLayout& layout) {
  switch (layout.color) {
    case RasterColor::Grey:
      return layout.deep ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W;
    case RasterColor::Cmyk:
      return VIPS_INTERPRETATION_CMYK;
    case RasterColor::Rgb:
    case RasterColor::Lab:
      break;
  }
  return layout.deep ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB;
}

// Integers around the middle of their scale become the numbers that they stand for.
VImage lab_of(const VImage& image, bool alpha, bool deep) {
  const double full = deep ? 65535.0 : 255.0;
  const double step = deep ? 1.0 / 256.0 : 1.0;
  std::vector<double> factors = {100.0 / full, step, step};
  std::vector<double> offsets = {0.0, -128.0, -128.0};
  if (alpha) {
    factors.push_back(255.0 / full);
    offsets.push_back(0.0);
  }
  return image.linear(factors, offsets)
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_LAB));
}

VImage picture_of(Buffer buffer, const RasterLayout& layout, ByteSpan icc) {
  const std::size_t bytes = buffer.size;
  const VImage raw = VImage::new_from_memory_steal(
      buffer.bytes.release(), bytes, static_cast<int>(layout.size.width),
      static_cast<int>(layout.size.height), static_cast<int>(layout.bands()),
      layout.deep ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR);
  if (layout.color == RasterColor::Lab) return lab_of(raw, layout.alpha, layout.deep);
  VImage image = raw.copy(VImage::option()->set("interpretation", interpretation_of(layout)));
  if (!icc.empty()) {
    vips_image_set_blob_copy(image.get_image(), VIPS_META_ICC_NAME, icc.data(), icc.size());
  }
  return image;
}

base::Result<VImage> open_bmp(const Source& source) {
  const auto bmp = read_bmp(bytes_of(source));
  if (!bmp) return base::fail(bmp.error());
  return decoded_picture(bmp->layout, bmp->icc,
                         [&bmp](PixelSpan pixels) { return decode_bmp(*bmp, pixels); });
}

base::Result<VImage> open_icon(const Source& source) {
  const auto icon = read_icon(bytes_of(source), source.choice.page);
  if (!icon) return base::fail(icon.error());
  if (!icon->png.empty()) {
    return decoded_here(load(icon->png, SourceFormat::Png, common_options()),
                        std::as_bytes(icon->png));
  }
  return decoded_picture(icon->bitmap.layout, {},
                         [&icon](PixelSpan pixels) { return decode_icon(*icon, pixels); });
}

base::Result<VImage> open_psd(const Source& source) {
  const auto psd = read_psd(bytes_of(source));
  if (!psd) return base::fail(psd.error());
  return decoded_picture(psd->layout, psd->icc,
                         [&psd](PixelSpan pixels) { return decode_psd(*psd, pixels); });
}

base::Result<VImage> open_jxl(const Source& source) {
  const auto jxl = read_jxl(bytes_of(source), INT64_MAX - 1);
  if (!jxl) return base::fail(jxl.error());
  const auto first = static_cast<std::size_t>(source.choice.page.value_or(0));
  return decoded_picture(jxl->layout, jxl->icc, [&](PixelSpan pixels) {
    return JxlDecoding(bytes_of(source), *jxl, first).next(pixels);
  });
}

// Paper is white and hides what is below.
VImage on_paper(const VImage& page) {
  return page.bands() == 4 ? page.extract_band(0, VImage::option()->set("n", 3)) : page;
}

VImage draw(const Source& source, double scale) {
  VOption* options = source.format == SourceFormat::Pdf ? page_options(source) : common_options();
  options->set("dpi", static_cast<double>(source.choice.dpi))->set("scale", scale);
  const VImage drawn = load(bytes_of(source), source.format, options);
  return source.format == SourceFormat::Pdf ? on_paper(drawn) : drawn;
}

// At the size that is wanted, to the pixel where the rounding of both agrees.
VImage draw_for(const Source& source, Size wanted) {
  const auto across = static_cast<double>(wanted.width) / static_cast<double>(source.stored.width);
  const auto down = static_cast<double>(wanted.height) / static_cast<double>(source.stored.height);
  const double scale = std::max(across, down);
  const auto width = static_cast<double>(source.stored.width) * scale;
  const auto height = static_cast<double>(source.stored.height) * scale;
  const bool too_large = width > static_cast<double>(kDrawnSidePxMax) ||
                         height > static_cast<double>(kDrawnSidePxMax) ||
                         width * height > static_cast<double>(kDrawnPxMax);
  constexpr double kScaleMin = 0.001;  // libvips' own
  return draw(source, too_large ? 1.0 : std::max(scale, kScaleMin));
}

// libjpeg's reduced decoding is a plain block average: half of the way is left to the better
// filter.
int jpeg_shrink(double shrink) {
  if (shrink >= 16) return 8;
  if (shrink >= 8) return 4;
  if (shrink >= 4) return 2;
  return 1;
}

// Of a JPEG 2000 file the "pages" of libvips are its resolutions, each half of the one before.
int halvings(double shrink, const VImage& whole) {
  const int resolutions =
      whole.get_typeof(VIPS_META_N_PAGES) != 0 ? whole.get_int(VIPS_META_N_PAGES) : 1;
  int count = 0;
  while (count + 1 < resolutions && shrink >= 4) {
    shrink /= 2;
    ++count;
  }
  return count;
}

VImage open_jp2_for(const Source& source, double shrink) {
  const ByteSpan bytes = bytes_of(source);
  VImage whole = load(bytes, SourceFormat::Jp2, common_options());
  const int count = halvings(shrink, whole);
  if (count == 0) return whole;
  return load(bytes, SourceFormat::Jp2, common_options()->set("page", count));
}

}  // namespace

base::Result<VImage> decoded_picture(const RasterLayout& layout, ByteSpan icc,
                                     const std::function<base::Result<void>(PixelSpan)>& decode) {
  Buffer buffer;
  buffer.size = layout.bytes();
  buffer.bytes.reset(static_cast<std::uint8_t*>(g_try_malloc(buffer.size)));
  if (!buffer.bytes) {
    return base::fail(Reason::TaskTooExpensive,
                      "The task needs more memory than one task may use.");
  }
  if (auto done = decode(buffer.span()); !done) return base::fail(std::move(done.error()));
  return picture_of(std::move(buffer), layout, icc);
}

base::Result<VImage> open_picture(const Source& source) {
  switch (source.format) {
    case SourceFormat::Bmp:
      return open_bmp(source);
    case SourceFormat::Ico:
      return open_icon(source);
    case SourceFormat::Psd:
      return open_psd(source);
    case SourceFormat::Jxl:
      return open_jxl(source);
    case SourceFormat::Svg:
    case SourceFormat::Pdf:
      return draw(source, 1.0);
    case SourceFormat::Jpeg:
    case SourceFormat::Jp2:
      return load(bytes_of(source), source.format, common_options());
    case SourceFormat::Png:
      return with_coded_color(
          decoded_here(load(bytes_of(source), source.format, common_options()), source.bytes),
          source);
    case SourceFormat::Avif:
    case SourceFormat::Heic:
      return with_coded_color(
          with_lasting_profile(load(bytes_of(source), source.format, page_options(source))),
          source);
    case SourceFormat::Webp:
    case SourceFormat::Gif:
    case SourceFormat::Tiff:
      break;
  }
  return load(bytes_of(source), source.format, page_options(source));
}

base::Result<VImage> open_picture_for(const Source& source, Size wanted) {
  const Size stored = source.stored;
  const double shrink =
      std::min(static_cast<double>(stored.width) / static_cast<double>(wanted.width),
               static_cast<double>(stored.height) / static_cast<double>(wanted.height));
  if (source.format == SourceFormat::Jpeg && jpeg_shrink(shrink) > 1) {
    return load(bytes_of(source), source.format,
                common_options()->set("shrink", jpeg_shrink(shrink)));
  }
  if (source.format == SourceFormat::Webp && shrink > 1.0) {
    return load(bytes_of(source), source.format, page_options(source)->set("scale", 1.0 / shrink));
  }
  if (source.format == SourceFormat::Jp2) return open_jp2_for(source, shrink);
  if (is_document(source.format)) return draw_for(source, wanted);
  return open_picture(source);
}

VImage open_roll(const Source& source) {
  return load(bytes_of(source), source.format, common_options()->set("n", -1));
}

}  // namespace millrace::workers::image
