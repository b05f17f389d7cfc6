// SPDX-License-Identifier: Apache-2.0
#include "workers/image/readers/bmp_reader.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

namespace millrace::workers::image {
namespace {

using base::Reason;

constexpr std::size_t kFileHeaderBytes = 14;
constexpr std::size_t kCoreHeaderBytes = 12;
constexpr std::size_t kOs2HeaderBytes = 64;
constexpr std::array<std::size_t, 7> kHeaderBytes = {kCoreHeaderBytes, 40,  52, 56,
                                                     kOs2HeaderBytes,  108, 124};

enum Compression : std::uint32_t { Rgb, Rle8, Rle4, Bitfields, Jpeg, Png, AlphaBitfields };

base::Failure corrupt(const char* what) { return base::fail(Reason::CorruptMedia, what); }
base::Failure unsupported() {
  return base::fail(Reason::UnsupportedMedia, "The source is a kind of bmp that cannot be read.");
}

struct Headers {
  std::size_t header_bytes = 0;
  std::int64_t width = 0;
  std::int64_t height = 0;  // negative: top-down
  std::uint32_t bits_per_pixel = 0;
  std::uint32_t compression = Rgb;
  std::uint32_t colors_used = 0;
  [[nodiscard]] bool core() const { return header_bytes == kCoreHeaderBytes; }
  // Of a bitmap with 40 bytes of header the masks stand behind it, as part of the palette.
  [[nodiscard]] std::size_t masks_behind() const {
    if (header_bytes != 40) return 0;
    if (compression == Bitfields) return 3;
    return compression == AlphaBitfields ? 4 : 0;
  }
  [[nodiscard]] std::size_t palette_at() const { return header_bytes + 4 * masks_behind(); }
  [[nodiscard]] std::size_t palette_entries() const {
    if (bits_per_pixel > 8) return 0;
    return colors_used == 0 ? std::size_t{1} << bits_per_pixel : colors_used;
  }
};

base::Result<Headers> read_headers(ByteSpan bitmap) {
  Headers headers;
  headers.header_bytes = little_endian(bitmap, 0, 4);
  if (std::ranges::find(kHeaderBytes, headers.header_bytes) == kHeaderBytes.end() ||
      bitmap.size() < headers.header_bytes) {
    return corrupt("The BMP file has no header that is known.");
  }
  if (headers.core()) {
    headers.width = little_endian(bitmap, 4, 2);
    headers.height = little_endian(bitmap, 6, 2);
    headers.bits_per_pixel = little_endian(bitmap, 10, 2);
  } else {
    headers.width = static_cast<std::int32_t>(little_endian(bitmap, 4, 4));
    headers.height = static_cast<std::int32_t>(little_endian(bitmap, 8, 4));
    headers.bits_per_pixel = little_endian(bitmap, 14, 2);
    headers.compression = little_endian(bitmap, 16, 4);
    headers.colors_used = little_endian(bitmap, 32, 4);
  }
  if (headers.width < 1 || headers.height == 0) {
    return corrupt("The BMP file says that it has no pixels.");
  }
  return headers;
}

std::optional<BmpChannel> channel_of(std::uint32_t mask) {
  if (mask == 0) return BmpChannel{};
  const int shift = std::countr_zero(mask);
  const std::uint32_t max = mask >> shift;
  if ((max & (max + 1)) != 0) return std::nullopt;  // a hole in it
  return BmpChannel{mask, shift, max};
}

base::Result<void> read_channels(ByteSpan bitmap, const Headers& headers, bool icon,
                                 BmpPicture& picture) {
  std::array<std::uint32_t, 4> masks = {0xFF0000, 0xFF00, 0xFF, icon ? 0xFF000000 : 0};
  if (headers.bits_per_pixel == 16) masks = {0x7C00, 0x3E0, 0x1F, 0};
  if (headers.compression == Bitfields || headers.compression == AlphaBitfields) {
    constexpr std::size_t kMasksAt = 40;
    const std::size_t inside = headers.header_bytes >= 56 ? 4 : 3;
    const std::size_t count = headers.header_bytes == 40 ? headers.masks_behind() : inside;
    if (bitmap.size() < kMasksAt + 4 * count) return corrupt("The BMP file ends in its header.");
    masks[3] = 0;
    for (std::size_t i = 0; i < count; ++i) {
      masks.at(i) = little_endian(bitmap, kMasksAt + 4 * i, 4);
    }
  }
  for (std::size_t i = 0; i < masks.size(); ++i) {
    const auto channel = channel_of(masks.at(i));
    if (!channel) return corrupt("A mask of the BMP file has holes.");
    picture.channels.at(i) = *channel;
  }
  picture.layout.alpha = masks[3] != 0;
  return {};
}

base::Result<void> choose_coding(const Headers& headers, BmpPicture& picture) {
  const std::uint32_t bits = headers.bits_per_pixel;
  if (bits == 0 || bits > 32 || (!std::has_single_bit(bits) && bits != 24)) return unsupported();
  const bool os2_coding = headers.header_bytes == kOs2HeaderBytes && headers.compression > Rle4;
  const bool masks = headers.compression == Bitfields || headers.compression == AlphaBitfields;
  if (os2_coding || headers.compression > AlphaBitfields || headers.compression == Jpeg ||
      headers.compression == Png || (masks && bits != 16 && bits != 32)) {
    return unsupported();
  }
  if (headers.compression == Rle8 || headers.compression == Rle4) {
    if (bits != (headers.compression == Rle8 ? 8U : 4U) || headers.height < 0) {
      return corrupt("The BMP file contradicts itself about its coding.");
    }
    picture.coding = headers.compression == Rle8 ? BmpCoding::Rle8 : BmpCoding::Rle4;
  }
  picture.bits_per_pixel = static_cast<int>(bits);
  return {};
}

// ICC.1 has no say here: Microsoft's V5 header names the profile's place from the header's begin.
ByteSpan embedded_profile(ByteSpan bitmap, const Headers& headers) {
  constexpr std::uint32_t kEmbedded = 0x4D424544;  // "MBED"
  if (headers.header_bytes < 124 || little_endian(bitmap, 56, 4) != kEmbedded) return {};
  const std::size_t at = little_endian(bitmap, 112, 4);
  const std::size_t bytes = little_endian(bitmap, 116, 4);
  const ByteSpan profile = slice(bitmap, at, bytes);
  return profile.size() == bytes ? profile : ByteSpan{};
}

// `pixels_at` counts from the bitmap's begin; nullopt: they follow the palette.
base::Result<BmpPicture> read_bitmap(ByteSpan bitmap, std::optional<std::size_t> pixels_at,
                                     bool icon) {
  const auto headers = read_headers(bitmap);
  if (!headers) return base::fail(headers.error());
  BmpPicture picture;
  picture.layout.size = {headers->width, headers->height < 0 ? -headers->height : headers->height};
  picture.top_down = headers->height < 0;
  if (auto chosen = choose_coding(*headers, picture); !chosen) {
    return base::fail(std::move(chosen.error()));
  }
  if (headers->bits_per_pixel == 16 || headers->bits_per_pixel == 32) {
    if (auto read = read_channels(bitmap, *headers, icon, picture); !read) {
      return base::fail(std::move(read.error()));
    }
  }
  picture.palette_entry_bytes = headers->core() ? 3 : 4;
  const std::size_t palette_at = headers->palette_at();
  const std::size_t entries = headers->palette_entries();
  if (!pixels_at) pixels_at = palette_at + entries * picture.palette_entry_bytes;
  if (*pixels_at < headers->header_bytes || *pixels_at >= bitmap.size()) {
    return corrupt("The BMP file ends before its pixels.");
  }
  picture.pixels = slice(bitmap, *pixels_at);
  if (headers->bits_per_pixel <= 8) {
    const std::size_t room = *pixels_at > palette_at ? *pixels_at - palette_at : 0;
    const std::size_t used = std::min(entries, std::size_t{1} << headers->bits_per_pixel);
    picture.palette = slice(bitmap, palette_at, std::min(room, used * picture.palette_entry_bytes));
  }
  picture.icc = embedded_profile(bitmap, *headers);
  return picture;
}

using Rgb8 = std::array<std::uint8_t, 3>;

// An index that has no entry is black.
std::array<Rgb8, 256> palette_of(const BmpPicture& picture) {
  std::array<Rgb8, 256> colors{};
  const std::size_t step = picture.palette_entry_bytes;
  const std::size_t count = std::min<std::size_t>(picture.palette.size() / step, colors.size());
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* entry = &picture.palette[i * step];
    colors.at(i) = {entry[2], entry[1], entry[0]};
  }
  return colors;
}

std::uint8_t eight_bits_of(std::uint32_t pixel, const BmpChannel& channel) {
  if (channel.max == 0) return 0;
  const std::uint64_t value = (pixel & channel.mask) >> channel.shift;
  return static_cast<std::uint8_t>((value * 255 + channel.max / 2) / channel.max);
}

class LineDecoder {
 public:
  explicit LineDecoder(const BmpPicture& picture)
      : picture_(picture),
        palette_(palette_of(picture)),
        bands_(picture.layout.bands()),
        width_(static_cast<std::size_t>(picture.layout.size.width)) {}

  // `stored` holds the whole line.
  void decode(const std::uint8_t* stored, std::uint8_t* line) {
    switch (picture_.bits_per_pixel) {
      case 16:
        return masked(stored, 2, line);
      case 24:
        return bgr(stored, line);
      case 32:
        return masked(stored, 4, line);
      default:
        return indexed(stored, line);
    }
  }
  void put(std::uint8_t* pixel, std::uint8_t index) const {
    std::memcpy(pixel, palette_.at(index).data(), 3);
    if (bands_ == 4) pixel[3] = 255;
  }
  [[nodiscard]] bool any_alpha() const { return any_alpha_ != 0; }

 private:
  void indexed(const std::uint8_t* stored, std::uint8_t* line) const {
    const int bits = picture_.bits_per_pixel;
    const auto per_byte = static_cast<std::size_t>(8 / bits);
    const int mask = (1 << bits) - 1;
    for (std::size_t x = 0; x < width_; ++x) {
      const int shift = 8 - bits * (static_cast<int>(x % per_byte) + 1);
      put(line + x * bands_, static_cast<std::uint8_t>((stored[x / per_byte] >> shift) & mask));
    }
  }
  void bgr(const std::uint8_t* stored, std::uint8_t* line) const {
    for (std::size_t x = 0; x < width_; ++x) {
      std::uint8_t* pixel = line + x * bands_;
      pixel[0] = stored[3 * x + 2];
      pixel[1] = stored[3 * x + 1];
      pixel[2] = stored[3 * x];
      if (bands_ == 4) pixel[3] = 255;
    }
  }
  void masked(const std::uint8_t* stored, std::size_t bytes, std::uint8_t* line) {
    for (std::size_t x = 0; x < width_; ++x) {
      const std::uint32_t value = little_endian({stored + x * bytes, bytes}, 0, bytes);
      std::uint8_t* pixel = line + x * bands_;
      for (std::size_t i = 0; i < 3; ++i) pixel[i] = eight_bits_of(value, picture_.channels.at(i));
      if (bands_ < 4) continue;
      pixel[3] = picture_.channels[3].max == 0 ? 255 : eight_bits_of(value, picture_.channels[3]);
      any_alpha_ |= pixel[3];
    }
  }

  const BmpPicture& picture_;
  std::array<Rgb8, 256> palette_;
  std::size_t bands_;
  std::size_t width_;
  std::uint8_t any_alpha_ = 0;
};

base::Result<void> decode_raw(const BmpPicture& picture, LineDecoder& lines, PixelSpan pixels) {
  const auto [width, height] = picture.layout.size;
  const std::size_t stored = stored_line_bytes(picture);
  // Of the last line the padding may be missing.
  const std::size_t last =
      (static_cast<std::size_t>(width) * static_cast<std::size_t>(picture.bits_per_pixel) + 7) / 8;
  const auto count = static_cast<std::size_t>(height);
  if ((count - 1) * stored + last > picture.pixels.size()) {
    return corrupt("The BMP file ends before its pixels do.");
  }
  const std::size_t line_bytes = picture.layout.line_bytes();
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t y = picture.top_down ? i : count - 1 - i;
    lines.decode(&picture.pixels[i * stored], &pixels[y * line_bytes]);
  }
  return {};
}

// Runs, literal stretches and jumps (Microsoft: Bitmap Compression). What no run has painted is
// entry 0.
class RleDecoder {
 public:
  RleDecoder(const BmpPicture& picture, const LineDecoder& lines, PixelSpan pixels)
      : code_(picture.pixels),
        nibbles_(picture.coding == BmpCoding::Rle4),
        width_(static_cast<std::size_t>(picture.layout.size.width)),
        height_(static_cast<std::size_t>(picture.layout.size.height)),
        bands_(picture.layout.bands()),
        lines_(lines),
        pixels_(pixels) {}

  base::Result<void> decode() {
    for (std::size_t y = 0; y < height_; ++y) {
      for (std::size_t x = 0; x < width_; ++x) lines_.put(at(x, y), 0);
    }
    while (y_ < height_) {
      if (at_ + 2 > code_.size()) {
        // Some writers leave the last marks out.
        if (y_ + 1 == height_ && x_ >= width_) return {};
        return corrupt("The BMP file ends before its pixels do.");
      }
      const std::uint8_t count = code_[at_];
      const std::uint8_t value = code_[at_ + 1];
      at_ += 2;
      if (count > 0) {
        run(count, value);
      } else if (value == 1) {
        return {};
      } else if (auto done = escape(value); !done) {
        return done;
      }
    }
    return {};
  }

 private:
  // Lines are stored from the bottom up.
  [[nodiscard]] std::uint8_t* at(std::size_t x, std::size_t y) const {
    return &pixels_[((height_ - 1 - y) * width_ + x) * bands_];
  }
  void put(std::uint8_t index) {
    // A run that is longer than its line is cut, as everybody does.
    if (x_ < width_) lines_.put(at(x_, y_), index);
    ++x_;
  }
  void run(std::size_t count, std::uint8_t value) {
    for (std::size_t i = 0; i < count; ++i) {
      if (!nibbles_) put(value);
      if (nibbles_) put(i % 2 == 0 ? value >> 4 : value & 15);
    }
  }
  base::Result<void> escape(std::uint8_t value) {
    if (value == 0) {
      x_ = 0;
      ++y_;
      return {};
    }
    if (value == 2) {
      if (at_ + 2 > code_.size()) return corrupt("The BMP file ends before its pixels do.");
      x_ = std::min(x_ + code_[at_], width_);
      y_ += code_[at_ + 1];
      at_ += 2;
      return {};
    }
    const std::size_t count = value;
    const std::size_t bytes = nibbles_ ? (count + 1) / 2 : count;
    if (bytes > code_.size() - at_) return corrupt("The BMP file ends before its pixels do.");
    for (std::size_t i = 0; i < count; ++i) {
      if (!nibbles_) put(code_[at_ + i]);
      if (nibbles_) put(i % 2 == 0 ? code_[at_ + i / 2] >> 4 : code_[at_ + i / 2] & 15);
    }
    at_ = std::min(at_ + bytes + bytes % 2, code_.size());
    return {};
  }

  ByteSpan code_;
  bool nibbles_;
  std::size_t width_;
  std::size_t height_;
  std::size_t bands_;
  const LineDecoder& lines_;
  PixelSpan pixels_;
  std::size_t at_ = 0;
  std::size_t x_ = 0;
  std::size_t y_ = 0;  // from the bottom
};

}  // namespace

base::Result<BmpPicture> read_bmp(ByteSpan file) {
  const std::size_t pixels_at = little_endian(file, 10, 4);
  if (file.size() < kFileHeaderBytes + 4 || pixels_at < kFileHeaderBytes) {
    return corrupt("The BMP file ends in its header.");
  }
  return read_bitmap(file.subspan(kFileHeaderBytes), pixels_at - kFileHeaderBytes, false);
}

base::Result<BmpPicture> read_icon_bitmap(ByteSpan bitmap) {
  auto picture = read_bitmap(bitmap, std::nullopt, true);
  if (!picture) return picture;
  if (picture->layout.size.height < 2 || picture->layout.size.height % 2 != 0) {
    return corrupt("The icon's bitmap has no mask.");
  }
  if (picture->coding != BmpCoding::Raw) return unsupported();
  picture->layout.size.height /= 2;
  picture->layout.alpha = true;
  return picture;
}

std::size_t stored_line_bytes(const BmpPicture& picture) {
  const std::size_t bits = static_cast<std::size_t>(picture.layout.size.width) *
                           static_cast<std::size_t>(picture.bits_per_pixel);
  return (bits + 31) / 32 * 4;
}

base::Result<bool> decode_bmp_as_it_is(const BmpPicture& picture, PixelSpan pixels) {
  if (pixels.size() != picture.layout.bytes()) {
    return base::fail(Reason::Internal, "The worker failed.", "a buffer of another size");
  }
  LineDecoder lines(picture);
  auto decoded = picture.coding == BmpCoding::Raw ? decode_raw(picture, lines, pixels)
                                                  : RleDecoder(picture, lines, pixels).decode();
  if (!decoded) return base::fail(std::move(decoded.error()));
  return lines.any_alpha();
}

base::Result<void> decode_bmp(const BmpPicture& picture, PixelSpan pixels) {
  const auto any_alpha = decode_bmp_as_it_is(picture, pixels);
  if (!any_alpha) return base::fail(any_alpha.error());
  if (picture.layout.alpha && !*any_alpha) {
    for (std::size_t i = 3; i < pixels.size(); i += 4) pixels[i] = 255;
  }
  return {};
}

}  // namespace millrace::workers::image
