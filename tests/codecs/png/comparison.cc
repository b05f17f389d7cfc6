// SPDX-License-Identifier: Apache-2.0
#include "tests/codecs/png/comparison.h"

#include "codecs/png/decoder.h"

namespace millrace::codecs::test {

std::optional<PngReading> read_here(std::span<const std::byte> file) {
  const auto header = read_png_header(file);
  if (!header) return std::nullopt;
  auto decoder = PngDecoder::open(file, *header);
  if (!decoder) return std::nullopt;
  PngReading reading{header->width_px, header->height_px, decoder->bands(), {}};
  const std::size_t row_bytes =
      static_cast<std::size_t>(reading.width) * static_cast<std::size_t>(reading.bands);
  reading.samples.resize(row_bytes * static_cast<std::size_t>(reading.height));
  for (std::int32_t y = 0; y < reading.height; ++y) {
    decoder->read({y, 0, reading.width},
                  reading.samples.data() + static_cast<std::size_t>(y) * row_bytes);
  }
  return reading;
}

std::string difference(std::span<const std::byte> file, bool& given) {
  const auto ours = read_here(file);
  given = ours.has_value();
  if (!ours) return "";
  const auto theirs = read_by_libpng(file);
  if (!theirs) return "libpng refuses it";
  if (ours->bands != theirs->bands) return "other bands";
  return ours == theirs ? "" : "other pixels";
}

}  // namespace millrace::codecs::test
