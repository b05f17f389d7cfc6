// SPDX-License-Identifier: Apache-2.0

// JPEG on libjpeg itself. libvips' saver pulls its pixels through two threads that idle afterwards;
// here the strips go from the resampler to the encoder while they are in the cache. libjpeg reports
// errors by longjmp: the functions that can be left so hold no object with a destructor.
#include <cstddef>
#include <vector>

#include "codecs/encode/jpeg_output.h"
#include "workers/image/color.h"
#include "workers/image/exif.h"
#include "workers/image/pixels.h"
#include "workers/image/planes_road.h"
#include "workers/image/saver.h"

namespace millrace::workers::image {
namespace {

// From here on colour is worth its full resolution; libvips draws the line at the same place.
constexpr int kFullColorQualityPct = 90;

class JpegFile {
 public:
  JpegFile() { info_.err = errors_.use(); }
  ~JpegFile() { jpeg_destroy_compress(&info_); }
  JpegFile(const JpegFile&) = delete;
  JpegFile& operator=(const JpegFile&) = delete;

  bool begin(int width, int height, int bands, const Encoding& encoding) {
    if (setjmp(errors_.where) != 0) return false;
    jpeg_create_compress(&info_);
    destination_.attach(info_);
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
    const bool small = static_cast<std::int64_t>(width) * height <= kOwnTablesPxMax;
    info_.optimize_coding = small ? TRUE : FALSE;
    if (encoding.interlace) jpeg_simple_progression(&info_);
    if (encoding.density_dpi > 0) {
      info_.density_unit = 1;  // JFIF 1.02: dots per inch
      info_.X_density = static_cast<UINT16>(encoding.density_dpi);
      info_.Y_density = static_cast<UINT16>(encoding.density_dpi);
    }
    jpeg_start_compress(&info_, TRUE);
    return true;
  }
  bool put_exif(const std::uint8_t* block, std::size_t size_bytes) {
    if (setjmp(errors_.where) != 0) return false;
    jpeg_write_marker(&info_, JPEG_APP0 + 1, block, static_cast<unsigned>(size_bytes));
    return true;
  }
  // In as many segments as it takes (ICC.1:2022, annex B.4).
  bool put_profile(const std::uint8_t* profile, std::size_t size_bytes) {
    if (setjmp(errors_.where) != 0) return false;
    jpeg_write_icc_profile(&info_, profile, static_cast<unsigned>(size_bytes));
    return true;
  }
  bool put_lines(const Strip& strip) {
    if (setjmp(errors_.where) != 0) return false;
    for (int line = 0; line < strip.lines; ++line) {
      // libjpeg's row type is not const, though it only reads.
      auto* row =
          const_cast<JSAMPROW>(strip.first + static_cast<std::size_t>(line) * strip.stride_bytes);
      jpeg_write_scanlines(&info_, &row, 1);
    }
    return true;
  }
  bool end() {
    if (setjmp(errors_.where) != 0) return false;
    jpeg_finish_compress(&info_);
    return true;
  }
  [[nodiscard]] std::span<const std::byte> bytes() const { return destination_.bytes(); }
  [[nodiscard]] base::Failure failure() const {
    return errors_.failure("The picture cannot be written as JPEG.");
  }

 private:
  jpeg_compress_struct info_{};
  codecs::JpegErrors errors_;
  codecs::JpegDestination destination_;
};

}  // namespace

base::Result<void> save_jpeg(const vips::VImage& image, const Encoding& encoding,
                             const std::string& copyright, const TaskWatch& watch,
                             const TakeFile& take) {
  JpegFile file;
  if (!file.begin(image.width(), image.height(), image.bands(), encoding)) return file.failure();
  const std::vector<std::uint8_t> block = exif_with(encoding.orientation, copyright);
  if (!block.empty()) {
    if (!file.put_exif(block.data(), block.size())) return file.failure();
  }
  if (has_profile(image)) {
    std::size_t bytes = 0;
    const void* profile = image.get_blob(VIPS_META_ICC_NAME, &bytes);
    if (!file.put_profile(static_cast<const std::uint8_t*>(profile), bytes)) return file.failure();
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
