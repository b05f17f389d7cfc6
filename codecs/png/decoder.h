// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "codecs/png/header.h"

namespace millrace::codecs {

// The pixels of a PNG file: 8-bit samples side by side, grey or RGB, alpha straight and last.
//
// The file is read whole and checked before it gives anything: what is damaged, or may be read in
// more than one way, is refused, and somebody else decides what becomes of it. So a picture that is
// given is the one that libpng gives. (libdeflate knows no code for a distance where zlib misses
// one: such a stream, which only a program writes that means to, gives a picture where libpng gives
// an error; its check sum is right all the same.)
//
// Memory: the rows as they are stored, height x (1 + ceil(width x bits / 8)) bytes and at most
// kBytesMax; while it opens also the compressed file. One thread at a time.
class PngDecoder {
 public:
  // Of a larger picture libpng keeps no more than two rows.
  static constexpr std::size_t kBytesMax = std::size_t{64} << 20;

  // 1 to 4; nullopt: not on this road, whatever its pixels. That is what is interlaced, has 16
  // bits, is larger than kBytesMax, or whose header is not regular.
  static std::optional<int> bands_of(const PngHeader& header);

  // `header` is read_png_header(file). nullopt: not on this road. O(file + pixels).
  static std::optional<PngDecoder> open(std::span<const std::byte> file, const PngHeader& header);

  [[nodiscard]] int bands() const { return bands_; }

  struct Row {
    std::int32_t y = 0;
    std::int32_t first_column = 0;
    std::int32_t columns = 0;
  };
  // Those pixels, columns x bands samples. Rows may be read in any order; the first time costs all
  // rows above too.
  void read(const Row& row, std::uint8_t* pixels);

 private:
  // How a stored sample becomes pixels.
  enum class Form { AsStored, Keyed, Looked };

  PngDecoder(const PngHeader& header, int bands);
  bool inflate(std::span<const std::uint8_t> stream);
  [[nodiscard]] bool filters_are_known() const;
  // Whether each is one of the palette's.
  bool indices_are_known();
  void make_table(const PngHeader& header);
  void unfilter_to(std::int32_t end_row);
  [[nodiscard]] std::uint8_t* row_at(std::int32_t y) {
    return stored_.get() + static_cast<std::size_t>(y) * (row_bytes_ + 1) + 1;
  }
  [[nodiscard]] const std::uint8_t* row_at(std::int32_t y) const {
    return stored_.get() + static_cast<std::size_t>(y) * (row_bytes_ + 1) + 1;
  }
  [[nodiscard]] std::size_t stored_bytes() const {
    return static_cast<std::size_t>(height_px_) * (row_bytes_ + 1);
  }
  void read_keyed(const std::uint8_t* stored, std::int32_t columns, std::uint8_t* pixels) const;
  void read_looked(const std::uint8_t* stored, const Row& row, std::uint8_t* pixels) const;

  std::int32_t width_px_;
  std::int32_t height_px_;
  int depth_bits_;
  int samples_;
  int bands_;
  std::size_t row_bytes_;
  Form form_ = Form::AsStored;
  std::array<std::uint8_t, 3> key_{};
  std::array<std::array<std::uint8_t, 4>, 256> table_{};  // Looked: the pixel of each sample
  int palette_entries_ = 0;
  // Each row behind the number of its filter.
  std::unique_ptr<std::uint8_t[]> stored_;  // NOLINT(modernize-avoid-c-arrays): not initialised
  std::vector<std::uint8_t> no_row_;        // above the first one
  std::int32_t rows_done_ = 0;
};

}  // namespace millrace::codecs
