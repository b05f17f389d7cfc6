// SPDX-License-Identifier: Apache-2.0

// JPEG on libjpeg itself. libvips' saver pulls its pixels through two threads that idle afterwards;
// here the strips go from the resampler to the encoder while they are in the cache. libjpeg reports
// errors by longjmp: the functions that can be left so hold no object with a destructor.
#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <vector>

// jpeglib.h needs <cstdio> before it.
#include <jpeglib.h>

#include "workers/image/exif.h"
#include "workers/image/pixels.h"
#include "workers/image/saver.h"

namespace millrace::workers::image {
namespace {

using base::Reason;

// From here on colour is worth its full resolution; libvips draws the line at the same place.
constexpr int kFullColorQualityPct = 90;

struct ErrorState {
  jpeg_error_mgr methods{};
  std::jmp_buf where{};
  char message[JMSG_LENGTH_MAX] = {};
};

[[noreturn]] void leave(j_common_ptr info) {
  auto* state = reinterpret_cast<ErrorState*>(info->err);
  (*info->err->format_message)(info, state->message);
  std::longjmp(state->where, 1);
}

void stay_silent(j_common_ptr) {}

class JpegFile {
 public:
  JpegFile() {
    info_.err = jpeg_std_error(&error_.methods);
    error_.methods.error_exit = leave;
    error_.methods.output_message = stay_silent;
  }
  ~JpegFile() {
    jpeg_destroy_compress(&info_);
    std::free(bytes_);
  }
  JpegFile(const JpegFile&) = delete;
  JpegFile& operator=(const JpegFile&) = delete;

  bool begin(int width, int height, int bands, const Encoding& encoding) {
    if (setjmp(error_.where) != 0) return false;
    jpeg_create_compress(&info_);
    jpeg_mem_dest(&info_, &bytes_, &size_bytes_);
    info_.image_width = static_cast<JDIMENSION>(width);
    info_.image_height = static_cast<JDIMENSION>(height);
    info_.input_components = bands;
    info_.in_color_space = bands == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&info_);
    jpeg_set_quality(&info_, encoding.quality_pct, TRUE);
    if (bands == 3 && encoding.quality_pct >= kFullColorQualityPct) {
      info_.comp_info[0].h_samp_factor = 1;
      info_.comp_info[0].v_samp_factor = 1;
    }
    if (encoding.interlace) jpeg_simple_progression(&info_);
    jpeg_start_compress(&info_, TRUE);
    return true;
  }
  bool put_exif(const std::uint8_t* block, std::size_t size_bytes) {
    if (setjmp(error_.where) != 0) return false;
    jpeg_write_marker(&info_, JPEG_APP0 + 1, block, static_cast<unsigned>(size_bytes));
    return true;
  }
  bool put_lines(const Strip& strip) {
    if (setjmp(error_.where) != 0) return false;
    for (int line = 0; line < strip.lines; ++line) {
      // libjpeg's row type is not const, though it only reads.
      auto* row =
          const_cast<JSAMPROW>(strip.first + static_cast<std::size_t>(line) * strip.stride_bytes);
      jpeg_write_scanlines(&info_, &row, 1);
    }
    return true;
  }
  bool end() {
    if (setjmp(error_.where) != 0) return false;
    jpeg_finish_compress(&info_);
    return true;
  }
  [[nodiscard]] std::span<const std::byte> bytes() const {
    return std::as_bytes(std::span(bytes_, size_bytes_));
  }
  [[nodiscard]] base::Failure failure() const {
    const bool memory =
        error_.methods.msg_code == 0
            ? false
            : std::string_view(error_.message).find("memory") != std::string_view::npos;
    return base::fail(memory ? Reason::TaskTooExpensive : Reason::Internal,
                      memory ? "the task needs more memory than one task may use"
                             : "the picture cannot be written as JPEG",
                      error_.message);
  }

 private:
  jpeg_compress_struct info_{};
  ErrorState error_;
  unsigned char* bytes_ = nullptr;  // libjpeg's, by malloc
  unsigned long size_bytes_ = 0;    // NOLINT(google-runtime-int): libjpeg's type
};

}  // namespace

base::Result<void> save_jpeg(const vips::VImage& image, const Encoding& encoding,
                             const std::string& copyright, const TaskWatch& watch,
                             const TakeFile& take) {
  JpegFile file;
  if (!file.begin(image.width(), image.height(), image.bands(), encoding)) return file.failure();
  if (!copyright.empty()) {
    const std::vector<std::uint8_t> block = exif_with_copyright(copyright);
    if (!file.put_exif(block.data(), block.size())) return file.failure();
  }
  auto pulled = for_each_strip(image, watch, [&file](const Strip& strip) -> base::Result<void> {
    if (!file.put_lines(strip)) return file.failure();
    return {};
  });
  if (!pulled) return pulled;
  if (!file.end()) return file.failure();
  return take(file.bytes());
}

}  // namespace millrace::workers::image
