// SPDX-License-Identifier: Apache-2.0
#include "codecs/png/encoder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <libdeflate.h>
#include <memory>
#include <new>
#include <string_view>
#include <utility>

#include "codecs/png/filter.h"

namespace millrace::codecs {
namespace {

using namespace std::string_view_literals;
using base::Reason;
using Bytes = std::span<const std::uint8_t>;

constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n"sv;
constexpr std::size_t kWordBytes = 4;
constexpr std::size_t kMarginBytes = 64;
constexpr std::int32_t kRowsPerCheck = 256;
constexpr double kInchesPerMetre = 1 / 0.0254;

// Of a photograph more effort takes three times the time for one to four per cent. What comes to so
// little is none, costs little, and becomes smaller by a sixth; and there filters may do harm,
// which is tried on a part of the picture. So it is with what is small as it is.
constexpr int kQuickLevel = 1;
constexpr int kThoroughLevel = 6;
constexpr double kSmallPart = 0.3;
constexpr std::size_t kSmallBytes = std::size_t{48} << 10;
constexpr std::size_t kSampledPart = 4;
constexpr std::size_t kSampleBytesMin = std::size_t{128} << 10;
constexpr std::size_t kSampleBytesMax = std::size_t{512} << 10;
constexpr std::size_t kSampleRows = 32;

constexpr const char* kNoMemory = "The task needs more memory than one task may use.";

struct CompressorRelease {
  void operator()(libdeflate_compressor* c) const { libdeflate_free_compressor(c); }
};
using Compressor = std::unique_ptr<libdeflate_compressor, CompressorRelease>;

std::uint8_t color_type_of(int bands) {
  constexpr std::array<std::uint8_t, 4> kTypes = {0, 4, 2, 6};
  return kTypes.at(static_cast<std::size_t>(bands - 1));
}

// The file while it grows.
class Writer {
 public:
  void append(Bytes bytes) {
    const auto raw = std::as_bytes(bytes);
    file_.insert(file_.end(), raw.begin(), raw.end());
  }
  void append(std::string_view text) {
    append(Bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
  }
  void append_word(std::uint32_t word) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      file_.push_back(static_cast<std::byte>(word >> shift & 0xff));
    }
  }
  void append_byte(std::uint8_t byte) { file_.push_back(std::byte{byte}); }

  void begin_chunk(std::string_view name) {
    chunk_ = file_.size();
    append_word(0);
    append(name);
  }
  void end_chunk() {
    const std::size_t length = file_.size() - chunk_ - 2 * kWordBytes;
    for (std::size_t i = 0; i < kWordBytes; ++i) {
      file_[chunk_ + i] = static_cast<std::byte>(length >> (24 - 8 * i) & 0xff);
    }
    append_word(libdeflate_crc32(0, file_.data() + chunk_ + kWordBytes, length + kWordBytes));
  }
  // A zlib stream of `bytes`; false: no memory.
  bool deflate(Bytes bytes, int level) {
    const Compressor compressor(libdeflate_alloc_compressor(level));
    if (!compressor) return false;
    const std::size_t first = file_.size();
    const std::size_t bound = libdeflate_zlib_compress_bound(compressor.get(), bytes.size());
    file_.resize(first + bound);
    const std::size_t length = libdeflate_zlib_compress(compressor.get(), bytes.data(),
                                                        bytes.size(), file_.data() + first, bound);
    file_.resize(first + length);
    return length > 0;
  }
  [[nodiscard]] std::size_t size() const { return file_.size(); }
  void cut(std::size_t size_bytes) { file_.resize(size_bytes); }
  std::vector<std::byte> take() { return std::move(file_); }

 private:
  std::vector<std::byte> file_;
  std::size_t chunk_ = 0;
};

// All rows behind the numbers of their filters. Memory that need not be zero.
class Rows {
 public:
  explicit Rows(const PngPixels& pixels)
      : stride_(pixels.stored_bytes() / static_cast<std::size_t>(pixels.height_px)),
        size_(pixels.stored_bytes()),
        bytes_(new(std::nothrow) std::uint8_t[size_]) {}
  [[nodiscard]] bool has_memory() const { return bytes_ != nullptr; }
  [[nodiscard]] std::uint8_t* row(std::int32_t y) {
    return bytes_.get() + static_cast<std::size_t>(y) * stride_;
  }
  [[nodiscard]] Bytes all() const { return {bytes_.get(), size_}; }
  // Some rows here and there.
  [[nodiscard]] std::vector<std::uint8_t> sample() const {
    const std::size_t wanted = std::clamp(size_ / kSampledPart, kSampleBytesMin, kSampleBytesMax);
    const std::size_t strip = kSampleRows * stride_;
    const std::size_t strips = std::max<std::size_t>(1, wanted / strip);
    const std::size_t step = std::max(strip, size_ / strips / stride_ * stride_);
    std::vector<std::uint8_t> sampled;
    for (std::size_t at = 0; at < size_; at += step) {
      const std::size_t end = std::min(size_, at + strip);
      sampled.insert(sampled.end(), bytes_.get() + at, bytes_.get() + end);
    }
    return sampled;
  }

 private:
  std::size_t stride_;
  std::size_t size_;
  std::unique_ptr<std::uint8_t[]> bytes_;  // NOLINT(modernize-avoid-c-arrays): not initialised
};

// A row and the one above, each behind zeros.
class PaddedRows {
 public:
  explicit PaddedRows(std::size_t row_bytes)
      : row_bytes_(row_bytes),
        current_(row_bytes + 2 * kMarginBytes),
        above_(row_bytes + 2 * kMarginBytes) {}
  void next(const std::uint8_t* row) {
    std::swap(current_, above_);
    std::memcpy(current_.data() + kMarginBytes, row, row_bytes_);
  }
  [[nodiscard]] PngRowPair pair(int pixel_bytes) const {
    return {current_.data() + kMarginBytes, above_.data() + kMarginBytes, row_bytes_, pixel_bytes};
  }

 private:
  std::size_t row_bytes_;
  std::vector<std::uint8_t> current_;
  std::vector<std::uint8_t> above_;
};

PngFilter cheapest(const PngFilterCosts& costs) {
  const auto least = std::ranges::min_element(costs);
  return static_cast<PngFilter>(least - costs.begin());
}

class Encoding {
 public:
  Encoding(const PngPixels& pixels, const PngSettings& settings)
      : pixels_(pixels),
        settings_(settings),
        row_bytes_(static_cast<std::size_t>(pixels.width_px) *
                   static_cast<std::size_t>(pixels.bands)) {}

  base::Result<std::vector<std::byte>> file() {
    Rows filtered(pixels_);
    if (!filtered.has_memory()) return no_memory();
    if (auto done = filter(filtered); !done) return base::fail(std::move(done.error()));
    if (!write_head()) return no_memory();
    writer_.begin_chunk("IDAT");
    if (!deflate(filtered)) return no_memory();
    writer_.end_chunk();
    writer_.begin_chunk("IEND");
    writer_.end_chunk();
    return writer_.take();
  }

 private:
  static base::Failure no_memory() { return base::fail(Reason::TaskTooExpensive, kNoMemory); }
  [[nodiscard]] const std::uint8_t* row(std::int32_t y) const {
    return pixels_.first + y * pixels_.stride_bytes;
  }
  [[nodiscard]] base::Result<void> check(std::int32_t y) const {
    return y % kRowsPerCheck == 0 && settings_.check ? settings_.check() : base::Result<void>();
  }

  base::Result<void> filter(Rows& filtered) const {
    PaddedRows padded(row_bytes_);
    for (std::int32_t y = 0; y < pixels_.height_px; ++y) {
      if (auto going = check(y); !going) return going;
      padded.next(row(y));
      const PngRowPair rows = padded.pair(pixels_.bands);
      const PngFilter chosen = cheapest(costs_of_filters(rows));
      filtered.row(y)[0] = static_cast<std::uint8_t>(chosen);
      filter_row(chosen, rows, filtered.row(y) + 1);
    }
    return {};
  }

  bool deflate(const Rows& filtered) {
    const std::size_t whole = filtered.all().size();
    const std::size_t before = writer_.size();
    if (whole > kSmallBytes) {
      if (!writer_.deflate(filtered.all(), kQuickLevel)) return false;
      const auto bytes = static_cast<double>(writer_.size() - before);
      if (bytes > kSmallPart * static_cast<double>(whole)) return true;
      writer_.cut(before);
    }
    return deflate_smaller(filtered);
  }

  // Filtered or not, whichever is smaller in part.
  bool deflate_smaller(const Rows& filtered) {
    Rows plain(pixels_);
    if (!plain.has_memory()) return false;
    for (std::int32_t y = 0; y < pixels_.height_px; ++y) {
      plain.row(y)[0] = static_cast<std::uint8_t>(PngFilter::None);
      std::memcpy(plain.row(y) + 1, row(y), row_bytes_);
    }
    Writer with;
    Writer without;
    if (!with.deflate(filtered.sample(), kThoroughLevel) ||
        !without.deflate(plain.sample(), kThoroughLevel)) {
      return false;
    }
    const Rows& smaller = without.size() < with.size() ? plain : filtered;
    return writer_.deflate(smaller.all(), kThoroughLevel);
  }

  bool write_head() {
    writer_.append(kSignature);
    writer_.begin_chunk("IHDR");
    writer_.append_word(static_cast<std::uint32_t>(pixels_.width_px));
    writer_.append_word(static_cast<std::uint32_t>(pixels_.height_px));
    for (const std::uint8_t byte : {std::uint8_t{8}, color_type_of(pixels_.bands), std::uint8_t{0},
                                    std::uint8_t{0}, std::uint8_t{0}}) {
      writer_.append_byte(byte);
    }
    writer_.end_chunk();
    if (!settings_.profile.empty()) {
      writer_.begin_chunk("iCCP");
      writer_.append("icc\0\0"sv);  // its name and how it is compressed
      if (!writer_.deflate(settings_.profile, kThoroughLevel)) return false;
      writer_.end_chunk();
    }
    if (settings_.density_dpi > 0) {
      const auto per_metre =
          static_cast<std::uint32_t>(std::lround(settings_.density_dpi * kInchesPerMetre));
      writer_.begin_chunk("pHYs");
      writer_.append_word(per_metre);
      writer_.append_word(per_metre);
      writer_.append_byte(1);
      writer_.end_chunk();
    }
    if (!settings_.exif.empty()) {
      writer_.begin_chunk("eXIf");
      writer_.append(settings_.exif);
      writer_.end_chunk();
    }
    return true;
  }

  const PngPixels& pixels_;
  const PngSettings& settings_;
  std::size_t row_bytes_;
  Writer writer_;
};

}  // namespace

base::Result<std::vector<std::byte>> encode_png(const PngPixels& pixels,
                                                const PngSettings& settings) {
  return Encoding(pixels, settings).file();
}

}  // namespace millrace::codecs
