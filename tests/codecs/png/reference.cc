// SPDX-License-Identifier: Apache-2.0
#include "tests/codecs/png/reference.h"

#include <csetjmp>
#include <cstring>
#include <png.h>
#include <utility>

namespace millrace::codecs::test {
namespace {

class Reader {
 public:
  Reader(std::span<const std::byte> file, std::size_t px_max) : file_(file), px_max_(px_max) {
    png_ = png_create_read_struct(
        PNG_LIBPNG_VER_STRING, this, [](png_structp png, png_const_charp) { png_longjmp(png, 1); },
        [](png_structp, png_const_charp) {});
    facts_ = png_create_info_struct(png_);
    png_set_read_fn(png_, this, [](png_structp png, png_bytep bytes, std::size_t count) {
      static_cast<Reader*>(png_get_io_ptr(png))->give(png, bytes, count);
    });
  }
  ~Reader() { png_destroy_read_struct(&png_, &facts_, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // Nothing is constructed between the places of the jump.
  bool begin() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_read_info(png_, facts_);
    width_ = png_get_image_width(png_, facts_);
    height_ = png_get_image_height(png_, facts_);
    const int type = png_get_color_type(png_, facts_);
    const int depth = png_get_bit_depth(png_, facts_);
    if (depth > 8 || std::size_t{width_} * height_ > px_max_) return false;
    if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png_);
    if (png_get_valid(png_, facts_, PNG_INFO_tRNS) != 0) png_set_tRNS_to_alpha(png_);
    if (type == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(png_);
    interlaced_ = png_get_interlace_type(png_, facts_) != PNG_INTERLACE_NONE;
    if (interlaced_) png_set_interlace_handling(png_);
    png_read_update_info(png_, facts_);
    row_bytes_ = png_get_rowbytes(png_, facts_);
    return true;
  }
  bool read(png_bytepp rows) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    if (interlaced_) {
      png_read_image(png_, rows);
    } else {
      for (png_uint_32 y = 0; y < height_; ++y) png_read_row(png_, rows[y], nullptr);
    }
    png_read_end(png_, nullptr);
    return true;
  }

  std::optional<PngReading> reading() {
    if (!begin()) return std::nullopt;
    PngReading reading;
    reading.width = static_cast<std::int32_t>(width_);
    reading.height = static_cast<std::int32_t>(height_);
    reading.bands = static_cast<int>(row_bytes_ / width_);
    reading.samples.resize(row_bytes_ * height_);
    std::vector<png_bytep> rows;
    for (std::size_t y = 0; y < height_; ++y) {
      rows.push_back(reading.samples.data() + y * row_bytes_);
    }
    if (!read(rows.data())) return std::nullopt;
    return reading;
  }

 private:
  void give(png_structp png, png_bytep bytes, std::size_t count) {
    if (count > file_.size() - at_) png_error(png, "the end");
    std::memcpy(bytes, file_.data() + at_, count);
    at_ += count;
  }

  std::span<const std::byte> file_;
  std::size_t px_max_;
  std::size_t at_ = 0;
  png_structp png_ = nullptr;
  png_infop facts_ = nullptr;
  png_uint_32 width_ = 0;
  png_uint_32 height_ = 0;
  bool interlaced_ = false;
  std::size_t row_bytes_ = 0;
};

}  // namespace

std::optional<PngReading> read_by_libpng(std::span<const std::byte> file, std::size_t px_max) {
  return Reader(file, px_max).reading();
}

}  // namespace millrace::codecs::test
