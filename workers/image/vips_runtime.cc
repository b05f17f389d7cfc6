// SPDX-License-Identifier: Apache-2.0
#include "workers/image/vips_runtime.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include <vips/vips8>

#include "workers/image/bytes.h"
#include "workers/image/heif_samples.h"
#include "workers/runtime/threads.h"

namespace millrace::workers::image {
namespace {

using base::Reason;

// libvips warns on standard error about every odd file; what matters comes back as an error.
void drop_message(const gchar*, GLogLevelFlags, const gchar*, gpointer) {}

bool has_operation(const char* nickname) { return vips_type_find("VipsOperation", nickname) != 0; }

// A format of libheif is usable when the operation exists and libheif has a codec for it, which
// only a try tells.
bool heif_can_write(VipsForeignHeifCompression compression) {
  if (!has_operation("heifsave_buffer")) return false;
  try {
    const vips::VImage image = vips::VImage::black(64, 64, vips::VImage::option()->set("bands", 3));
    VipsBlob* blob =
        image.copy(vips::VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB))
            .heifsave_buffer(
                vips::VImage::option()->set("compression", compression)->set("effort", 0));
    vips_area_unref(VIPS_AREA(blob));
    return true;
  } catch (const vips::VError&) {
    vips_error_clear();
    return false;
  }
}

bool heif_can_read(ByteSpan sample) {
  if (!has_operation("heifload_buffer")) return false;
  VipsBlob* blob = vips_blob_new(nullptr, sample.data(), sample.size());
  bool works = false;
  try {
    vips::VImage::heifload_buffer(blob).avg();
    works = true;
  } catch (const vips::VError&) {
    vips_error_clear();
  }
  vips_area_unref(VIPS_AREA(blob));
  return works;
}

// What libheif has codecs for, as bits.
enum class HeifCodec : unsigned { ReadsAvif = 1, ReadsHeic = 2, WritesAvif = 4, WritesHeic = 8 };

unsigned try_heif_codecs() {
  unsigned found = 0;
  const auto add = [&found](HeifCodec codec) { found |= static_cast<unsigned>(codec); };
  if (heif_can_read(kAvifSample)) add(HeifCodec::ReadsAvif);
  if (heif_can_read(kHeicSample)) add(HeifCodec::ReadsHeic);
  if (heif_can_write(VIPS_FOREIGN_HEIF_COMPRESSION_AV1)) add(HeifCodec::WritesAvif);
  if (heif_can_write(VIPS_FOREIGN_HEIF_COMPRESSION_HEVC)) add(HeifCodec::WritesHeic);
  return found;
}

// Tried in a process of its own: the codecs keep ten megabytes of tables and libvips three threads
// after their first picture, which most workers never need. One that dies of it has none. Before
// libvips has any thread, for a child would wait for it.
unsigned heif_codecs_of_a_child() {
  constexpr unsigned kSecondsMax = 60;
  if (threads_of_process() != 1) return try_heif_codecs();
  const pid_t child = ::fork();
  if (child < 0) return try_heif_codecs();
  if (child == 0) {
    ::alarm(kSecondsMax);
    ::_exit(static_cast<int>(try_heif_codecs()));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? static_cast<unsigned>(WEXITSTATUS(status)) : 0;
}

bool has_heif(HeifCodec codec) {
  static const unsigned codecs = heif_codecs_of_a_child();
  return (codecs & static_cast<unsigned>(codec)) != 0;
}

bool start_once() {
  // Before the first use: libvips reads them when it starts.
  setenv("VIPS_CONCURRENCY", "1", 1);  // NOLINT(concurrency-mt-unsafe): no thread exists yet
  // librsvg before 2.60 decodes pictures inside an SVG with gdk-pixbuf: without its list of modules
  // that has its own PNG and JPEG left, and not the old formats beside them.
  setenv("GDK_PIXBUF_MODULE_FILE", "/dev/null", 1);  // NOLINT(concurrency-mt-unsafe): likewise
  if (VIPS_INIT("millrace-image-worker") != 0) return false;
  vips_concurrency_set(1);
  vips_cache_set_max(0);
  vips_cache_set_max_mem(0);
  vips_cache_set_max_files(0);
  vips_block_untrusted_set(TRUE);
  // What libvips does not trust and is let in all the same, behind checks of our own
  // (docs/decisions/0066).
  for (const char* allowed :
       {"VipsForeignLoadSvg", "VipsForeignLoadPdf", "VipsForeignLoadJp2k", "VipsForeignSaveJxl"}) {
    vips_operation_block_set(allowed, FALSE);
  }
  // By name too: what a later libvips may come to trust is still not ours to read.
  for (const char* loader :
       {"VipsForeignLoadMagick", "VipsForeignLoadMagick6", "VipsForeignLoadMagick7",
        "VipsForeignSaveMagick", "VipsForeignLoadJxl", "VipsForeignLoadOpenexr",
        "VipsForeignLoadCsv", "VipsForeignLoadMatrix", "VipsForeignLoadVips", "VipsForeignLoadPpm",
        "VipsForeignLoadRad", "VipsForeignLoadRaw", "VipsForeignLoadOpenslide",
        "VipsForeignLoadMat", "VipsForeignLoadFits", "VipsForeignLoadAnalyze",
        "VipsForeignLoadNifti"}) {
    vips_operation_block_set(loader, TRUE);
  }
  g_log_set_handler("VIPS",
                    static_cast<GLogLevelFlags>(G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE |
                                                G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG),
                    drop_message, nullptr);
  (void)has_heif(HeifCodec::ReadsAvif);  // while there is one thread
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
      return has_heif(HeifCodec::ReadsAvif);
    case SourceFormat::Heic:
      return has_heif(HeifCodec::ReadsHeic);
    case SourceFormat::Jp2:
      return has_operation("jp2kload_buffer");
    case SourceFormat::Svg:
      return has_operation("svgload_buffer");
    case SourceFormat::Pdf:
      return has_operation("pdfload_buffer");
    case SourceFormat::Jxl:
    case SourceFormat::Bmp:
    case SourceFormat::Ico:
    case SourceFormat::Psd:
      return true;
  }
  return false;
}

bool can_write(OutputFormat format) {
  switch (format) {
    case OutputFormat::Jpeg:
    case OutputFormat::Bmp:
      return true;
    case OutputFormat::Png:
      return has_operation("pngsave_buffer");
    case OutputFormat::Webp:
      return has_operation("webpsave_buffer");
    case OutputFormat::Gif:
      return has_operation("gifsave_buffer");
    case OutputFormat::Avif:
      return has_heif(HeifCodec::WritesAvif);
    case OutputFormat::Heic:
      return has_heif(HeifCodec::WritesHeic);
    case OutputFormat::Jxl:
      return has_operation("jxlsave_buffer");
    case OutputFormat::Tiff:
      return has_operation("tiffsave_buffer");
  }
  return false;
}

std::vector<std::string> missing_formats() {
  std::vector<std::string> notes;
  for (const SourceFormat format : kSourceFormats) {
    if (!can_read(format)) {
      notes.push_back("the installed libvips cannot read " + std::string(word_of(format)));
    }
  }
  for (const OutputFormat format : kOutputFormats) {
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
