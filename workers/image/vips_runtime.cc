// SPDX-License-Identifier: Apache-2.0
#include "workers/image/vips_runtime.h"

#include <array>
#include <cstdlib>
#include <utility>

#include <vips/vips8>

namespace millrace::workers::image {
namespace {

using base::Reason;

// libvips warns on standard error about every odd file; what matters comes back as an error.
void drop_message(const gchar*, GLogLevelFlags, const gchar*, gpointer) {}

bool has_operation(const char* nickname) { return vips_type_find("VipsOperation", nickname) != 0; }

// A format is usable when the operation exists and libheif has a codec for it, which only a try
// tells.
bool heif_can_write_avif() {
  try {
    VipsBlob* blob = nullptr;
    const vips::VImage image = vips::VImage::black(16, 16, vips::VImage::option()->set("bands", 3));
    blob = image.copy(vips::VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB))
               .heifsave_buffer(vips::VImage::option()
                                    ->set("compression", VIPS_FOREIGN_HEIF_COMPRESSION_AV1)
                                    ->set("effort", 0));
    vips_area_unref(VIPS_AREA(blob));
    return true;
  } catch (const vips::VError&) {
    vips_error_clear();
    return false;
  }
}

bool start_once() {
  // Before the first use: libvips reads them when it starts.
  setenv("VIPS_CONCURRENCY", "1", 1);  // NOLINT(concurrency-mt-unsafe): no thread exists yet
  if (VIPS_INIT("millrace-image-worker") != 0) return false;
  vips_concurrency_set(1);
  vips_cache_set_max(0);
  vips_cache_set_max_mem(0);
  vips_cache_set_max_files(0);
  vips_block_untrusted_set(TRUE);
  // By name too: what a later libvips may come to trust is still not ours to read.
  for (const char* loader :
       {"VipsForeignLoadMagick", "VipsForeignLoadMagick6", "VipsForeignLoadMagick7",
        "VipsForeignLoadSvg", "VipsForeignLoadPdf", "VipsForeignLoadJp2k", "VipsForeignLoadJxl",
        "VipsForeignLoadOpenexr", "VipsForeignLoadCsv", "VipsForeignLoadMatrix",
        "VipsForeignLoadVips", "VipsForeignLoadPpm", "VipsForeignLoadRad", "VipsForeignLoadRaw",
        "VipsForeignLoadOpenslide", "VipsForeignLoadMat", "VipsForeignLoadFits",
        "VipsForeignLoadAnalyze", "VipsForeignLoadNifti"}) {
    vips_operation_block_set(loader, TRUE);
  }
  g_log_set_handler("VIPS",
                    static_cast<GLogLevelFlags>(G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE |
                                                G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG),
                    drop_message, nullptr);
  return true;
}

}  // namespace

base::Result<void> start_vips() {
  static const bool started = start_once();
  if (!started) {
    return base::fail(Reason::Internal, "Libvips cannot be started", vips_error_buffer());
  }
  return {};
}

bool can_read(SourceFormat format) {
  switch (format) {
    case SourceFormat::Jpeg:
      return has_operation("jpegload_buffer");
    case SourceFormat::Png:
      return has_operation("pngload_buffer");
    case SourceFormat::Webp:
      return has_operation("webpload_buffer");
    case SourceFormat::Gif:
      return has_operation("gifload_buffer");
    case SourceFormat::Tiff:
      return has_operation("tiffload_buffer");
    case SourceFormat::Avif:
    case SourceFormat::Heic:
      return has_operation("heifload_buffer");
  }
  return false;
}

bool can_write(OutputFormat format) {
  switch (format) {
    case OutputFormat::Jpeg:
      return true;
    case OutputFormat::Png:
      return has_operation("pngsave_buffer");
    case OutputFormat::Webp:
      return has_operation("webpsave_buffer");
    case OutputFormat::Gif:
      return has_operation("gifsave_buffer");
    case OutputFormat::Avif: {
      static const bool works = has_operation("heifsave_buffer") && heif_can_write_avif();
      return works;
    }
  }
  return false;
}

std::vector<std::string> missing_formats() {
  std::vector<std::string> notes;
  for (const SourceFormat format :
       {SourceFormat::Jpeg, SourceFormat::Png, SourceFormat::Webp, SourceFormat::Gif,
        SourceFormat::Tiff, SourceFormat::Avif, SourceFormat::Heic}) {
    if (!can_read(format)) {
      notes.push_back("the installed libvips cannot read " + std::string(word_of(format)));
    }
  }
  for (const OutputFormat format : {OutputFormat::Jpeg, OutputFormat::Png, OutputFormat::Webp,
                                    OutputFormat::Gif, OutputFormat::Avif}) {
    if (!can_write(format)) {
      notes.push_back("the installed libvips cannot write " + std::string(word_of(format)));
    }
  }
  return notes;
}

base::Error error_of_vips(std::string_view text, Reason otherwise, std::string what) {
  std::string detail(text);
  while (!detail.empty() && detail.back() == '\n') detail.pop_back();
  // libheif calls it so when a header claims more pixels than it is willing to decode.
  const bool claims_too_much = text.find("Security limit exceeded") != std::string_view::npos;
  for (const std::string_view sign :
       {"out of memory", "Out of memory", "Out of Memory", "OUT_OF_MEMORY",
        "Cannot allocate memory", "Insufficient memory", "insufficient memory",
        "unable to allocate", "Unable to allocate", "Memory allocation error"}) {
    if (!claims_too_much && text.find(sign) != std::string_view::npos) {
      return base::make_error(Reason::TaskTooExpensive,
                              "The task needs more memory than one task may use.",
                              std::move(detail));
    }
  }
  return base::make_error(otherwise, std::move(what), std::move(detail));
}

}  // namespace millrace::workers::image
