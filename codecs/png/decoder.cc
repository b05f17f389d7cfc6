// SPDX-License-Identifier: Apache-2.0
#include "codecs/png/decoder.h"

#include <algorithm>
#include <cstring>
#include <libdeflate.h>
#include <new>
#include <utility>

#include "codecs/png/unfilter.h"

namespace millrace::codecs {
namespace {

using Bytes = std::span<const std::byte>;
using Stream = std::span<const std::uint8_t>;

// What is read beyond a row's end in vectors.
constexpr std::size_t kSlackBytes = 64;
constexpr std::size_t kWindowBytesMax = 32'768;

struct DecompressorRelease {
  void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
};

std::size_t row_bytes_of(const PngHeader& header) {
  const auto bits =
      static_cast<std::size_t>(header.depth_bits) * static_cast<std::size_t>(header.samples());
  return (static_cast<std::size_t>(header.width_px) * bits + 7) / 8;
}

// The compressed stream: one chunk's where it is, or several joined.
struct Compressed {
  std::vector<std::uint8_t> joined;
  Stream stream;
};

Stream stream_of(Bytes bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

// nullopt: anything that libpng would mend or refuse, when it reads to the end.
std::optional<Compressed> compressed_of(Bytes file, std::size_t first_chunk) {
  Compressed found;
  std::size_t chunks = 0;
  bool before_end = true;
  bool in_pixels = true;
  for (std::size_t at = first_chunk; before_end;) {
    const auto chunk = png_chunk_at(file, at);
    if (!chunk || !chunk->right) return std::nullopt;
    at = chunk->end_bytes;
    if (chunk->is("IDAT")) {
      if (!in_pixels) return std::nullopt;
      const Stream body = stream_of(chunk->body);
      if (chunks == 0) {
        found.stream = body;
      } else {
        // All that may come is not larger than the file.
        if (chunks == 1) {
          found.joined.reserve(file.size() - first_chunk);
          found.joined.assign(found.stream.begin(), found.stream.end());
        }
        found.joined.insert(found.joined.end(), body.begin(), body.end());
      }
      ++chunks;
      continue;
    }
    in_pixels = false;
    before_end = !chunk->is("IEND");
    if (before_end ? chunk->critical() : !chunk->body.empty()) return std::nullopt;
  }
  if (chunks > 1) found.stream = found.joined;
  return found;
}

// zlib holds a stream to the window that it claims, libdeflate does not.
bool claims_its_window(Stream stream, std::size_t whole_bytes) {
  if (stream.empty()) return false;
  const std::size_t window = std::size_t{256} << (stream[0] >> 4);
  return window >= std::min(whole_bytes, kWindowBytesMax);
}

}  // namespace

std::optional<int> PngDecoder::bands_of(const PngHeader& header) {
  if (!header.regular || header.interlaced || header.depth_bits > 8) return std::nullopt;
  const std::size_t rows_max = kBytesMax / (row_bytes_of(header) + 1);
  if (static_cast<std::size_t>(header.height_px) > rows_max) return std::nullopt;
  if (header.color == PngColor::Palette) return header.palette_has_alpha ? 4 : 3;
  return header.samples() + (header.transparent ? 1 : 0);
}

PngDecoder::PngDecoder(const PngHeader& header, int bands)
    : width_px_(header.width_px),
      height_px_(header.height_px),
      depth_bits_(header.depth_bits),
      samples_(header.samples()),
      bands_(bands),
      row_bytes_(row_bytes_of(header)) {
  if (header.color == PngColor::Palette || depth_bits_ < 8) {
    form_ = Form::Looked;
    make_table(header);
  } else if (header.transparent) {
    form_ = Form::Keyed;
    for (std::size_t i = 0; i < key_.size(); ++i) {
      key_.at(i) = static_cast<std::uint8_t>(header.transparent->at(i));
    }
  }
}

void PngDecoder::make_table(const PngHeader& header) {
  if (header.color == PngColor::Palette) {
    palette_entries_ = header.palette_entries;
    for (std::size_t i = 0; i < table_.size(); ++i) {
      const PngPaletteEntry& entry = header.palette.at(i);
      table_.at(i) = {entry.red, entry.green, entry.blue, entry.alpha};
    }
    return;
  }
  const std::size_t greatest = (std::size_t{1} << depth_bits_) - 1;
  for (std::size_t i = 0; i <= greatest; ++i) {
    const bool hidden = header.transparent && header.transparent->front() == i;
    table_.at(i) = {static_cast<std::uint8_t>(i * 255 / greatest),
                    hidden ? std::uint8_t{0} : std::uint8_t{255}, 0, 0};
  }
}

std::optional<PngDecoder> PngDecoder::open(Bytes file, const PngHeader& header) {
  const auto bands = bands_of(header);
  if (!bands) return std::nullopt;
  PngDecoder decoder(header, *bands);
  {
    const auto compressed = compressed_of(file, header.pixels_offset_bytes);
    if (!compressed || !decoder.inflate(compressed->stream)) return std::nullopt;
  }
  if (!decoder.filters_are_known() || !decoder.indices_are_known()) return std::nullopt;
  return decoder;
}

bool PngDecoder::inflate(Stream stream) {
  const std::size_t whole = stored_bytes();
  if (!claims_its_window(stream, whole)) return false;
  const std::unique_ptr<libdeflate_decompressor, DecompressorRelease> decompressor(
      libdeflate_alloc_decompressor());
  stored_.reset(new (std::nothrow) std::uint8_t[whole + kSlackBytes]);
  if (!decompressor || !stored_) return false;
  std::size_t read = 0;
  // Nothing is told of how many bytes come: so they have to be those asked for.
  const libdeflate_result result = libdeflate_zlib_decompress_ex(
      decompressor.get(), stream.data(), stream.size(), stored_.get(), whole, &read, nullptr);
  no_row_.resize(row_bytes_ + kSlackBytes);
  return result == LIBDEFLATE_SUCCESS && read == stream.size();
}

bool PngDecoder::filters_are_known() const {
  for (std::int32_t y = 0; y < height_px_; ++y) {
    if (row_at(y)[-1] > kPngFilterMax) return false;
  }
  return true;
}

bool PngDecoder::indices_are_known() {
  if (palette_entries_ == 0 || palette_entries_ == 1 << depth_bits_) return true;
  unfilter_to(height_px_);
  const int mask = (1 << depth_bits_) - 1;
  for (std::int32_t y = 0; y < height_px_; ++y) {
    const std::uint8_t* row = row_at(y);
    int greatest = 0;
    for (std::int32_t x = 0; x < width_px_; ++x) {
      const int bit = x * depth_bits_;
      greatest = std::max(greatest, row[bit / 8] >> (8 - depth_bits_ - bit % 8) & mask);
    }
    if (greatest >= palette_entries_) return false;
  }
  return true;
}

void PngDecoder::unfilter_to(std::int32_t end_row) {
  const int pixel_bytes = std::max(1, samples_ * depth_bits_ / 8);
  for (; rows_done_ < end_row; ++rows_done_) {
    std::uint8_t* row = row_at(rows_done_);
    const std::uint8_t* above = rows_done_ == 0 ? no_row_.data() : row_at(rows_done_ - 1);
    unfilter_row(static_cast<PngFilter>(row[-1]), pixel_bytes, above, row, row_bytes_);
  }
}

void PngDecoder::read(const Row& row, std::uint8_t* pixels) {
  unfilter_to(row.y + 1);
  const std::uint8_t* stored = row_at(row.y);
  const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(row.first_column) * samples_;
  switch (form_) {
    case Form::AsStored:
      std::memcpy(pixels, stored + first,
                  static_cast<std::size_t>(row.columns) * static_cast<std::size_t>(samples_));
      return;
    case Form::Keyed:
      return read_keyed(stored + first, row.columns, pixels);
    case Form::Looked:
      return read_looked(stored, row, pixels);
  }
}

void PngDecoder::read_keyed(const std::uint8_t* stored, std::int32_t columns,
                            std::uint8_t* pixels) const {
  const std::ptrdiff_t samples = samples_;
  for (std::int32_t x = 0; x < columns; ++x, stored += samples, pixels += samples + 1) {
    bool hidden = true;
    for (std::ptrdiff_t i = 0; i < samples; ++i) {
      hidden = hidden && stored[i] == key_[static_cast<std::size_t>(i)];
      pixels[i] = stored[i];
    }
    pixels[samples] = hidden ? 0 : 255;
  }
}

void PngDecoder::read_looked(const std::uint8_t* stored, const Row& row,
                             std::uint8_t* pixels) const {
  const int mask = (1 << depth_bits_) - 1;
  const auto bands = static_cast<std::size_t>(bands_);
  for (std::int32_t i = 0; i < row.columns; ++i, pixels += bands) {
    const std::int32_t bit = (row.first_column + i) * depth_bits_;
    const int sample = stored[bit / 8] >> (8 - depth_bits_ - bit % 8) & mask;
    std::memcpy(pixels, table_[static_cast<std::size_t>(sample)].data(), bands);
  }
}

}  // namespace millrace::codecs
