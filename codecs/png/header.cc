// SPDX-License-Identifier: Apache-2.0
#include "codecs/png/header.h"

#include <algorithm>
#include <cstring>
#include <libdeflate.h>
#include <string_view>

namespace millrace::codecs {
namespace {

using namespace std::string_view_literals;
using base::Reason;
using Bytes = std::span<const std::byte>;

constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n"sv;
constexpr std::size_t kWordBytes = 4;
constexpr std::size_t kFrameBytes = 12;  // length, name, check sum
constexpr std::size_t kIhdrBytes = 13;
constexpr std::uint32_t kSideMax = 0x7fffffff;
constexpr std::size_t kPaletteMax = 256;
constexpr std::size_t kEntryBytes = 3;

std::uint32_t byte_at(Bytes bytes, std::size_t at) {
  return std::to_integer<std::uint32_t>(bytes[at]);
}
std::uint32_t word_at(Bytes bytes, std::size_t at) {
  return byte_at(bytes, at) << 24 | byte_at(bytes, at + 1) << 16 | byte_at(bytes, at + 2) << 8 |
         byte_at(bytes, at + 3);
}

bool is_letter(std::byte byte) {
  const auto lower = std::to_integer<unsigned>(byte) | 0x20U;
  return lower >= 'a' && lower <= 'z';
}

std::optional<PngColor> color_of(std::uint32_t type) {
  switch (type) {
    case 0:
      return PngColor::Grey;
    case 2:
      return PngColor::Rgb;
    case 3:
      return PngColor::Palette;
    case 4:
      return PngColor::GreyAlpha;
    case 6:
      return PngColor::RgbAlpha;
    default:
      return std::nullopt;
  }
}

// 11.2.2, "Allowed combinations of colour type and bit depth".
bool may_have(PngColor color, int depth_bits) {
  switch (depth_bits) {
    case 1:
    case 2:
    case 4:
      return color == PngColor::Grey || color == PngColor::Palette;
    case 8:
      return true;
    case 16:
      return color != PngColor::Palette;
    default:
      return false;
  }
}

// Reads chunks up to the pixels. What makes no sense leaves `regular` false: a stricter reader then
// decides what becomes of the file.
class ChunkReader {
 public:
  void read(const PngChunk& chunk) {
    if (!chunk.right) odd();
    if (chunk.is("PLTE")) return palette(chunk.body);
    if (chunk.is("tRNS")) return transparency(chunk.body);
    if (chunk.critical()) odd();
  }

  base::Result<void> ihdr(Bytes body) {
    const auto color = color_of(byte_at(body, 9));
    const std::uint32_t width = word_at(body, 0);
    const std::uint32_t height = word_at(body, 4);
    header_.depth_bits = static_cast<int>(byte_at(body, 8));
    const bool possible = color && may_have(*color, header_.depth_bits) && width >= 1 &&
                          height >= 1 && width <= kSideMax && height <= kSideMax &&
                          byte_at(body, 10) == 0 && byte_at(body, 11) == 0 &&
                          byte_at(body, 12) <= 1;
    if (!possible) {
      return base::fail(Reason::CorruptMedia, "The header of the PNG makes no sense.");
    }
    header_.color = *color;
    header_.width_px = static_cast<std::int32_t>(width);
    header_.height_px = static_cast<std::int32_t>(height);
    header_.interlaced = byte_at(body, 12) == 1;
    return {};
  }

  PngHeader finish(std::size_t pixels_offset_bytes) {
    if (header_.color == PngColor::Palette && header_.palette_entries == 0) odd();
    header_.pixels_offset_bytes = pixels_offset_bytes;
    return header_;
  }

  void odd() { header_.regular = false; }

 private:
  void palette(Bytes body) {
    const std::size_t entries = body.size() / kEntryBytes;
    const bool is_palette = header_.color == PngColor::Palette;
    const std::size_t entries_max = is_palette ? std::size_t{1} << header_.depth_bits : kPaletteMax;
    const bool may_be =
        is_palette || header_.color == PngColor::Rgb || header_.color == PngColor::RgbAlpha;
    if (!may_be || seen_palette_ || seen_transparency_ || body.size() % kEntryBytes != 0 ||
        entries < 1 || entries > entries_max) {
      return odd();
    }
    seen_palette_ = true;
    // A suggestion to those who show fewer colours, otherwise.
    if (!is_palette) return;
    header_.palette_entries = static_cast<int>(entries);
    for (std::size_t i = 0; i < entries; ++i) {
      const auto sample = [&](std::size_t k) {
        return std::to_integer<std::uint8_t>(body[kEntryBytes * i + k]);
      };
      header_.palette.at(i) = {sample(0), sample(1), sample(2), 255};
    }
  }

  void transparency(Bytes body) {
    if (seen_transparency_) return odd();
    seen_transparency_ = true;
    switch (header_.color) {
      case PngColor::Palette:
        if (body.empty() || body.size() > static_cast<std::size_t>(header_.palette_entries)) {
          return odd();
        }
        header_.palette_has_alpha = true;
        for (std::size_t i = 0; i < body.size(); ++i) {
          header_.palette.at(i).alpha = std::to_integer<std::uint8_t>(body[i]);
        }
        return;
      case PngColor::Grey:
        return transparent_color(body, 1);
      case PngColor::Rgb:
        return transparent_color(body, 3);
      case PngColor::GreyAlpha:
      case PngColor::RgbAlpha:
        return odd();
    }
  }

  void transparent_color(Bytes body, std::size_t samples) {
    if (body.size() != 2 * samples) return odd();
    std::array<std::uint16_t, 3> color{};
    for (std::size_t i = 0; i < samples; ++i) {
      const std::uint32_t value = byte_at(body, 2 * i) << 8 | byte_at(body, 2 * i + 1);
      // Bits that a sample cannot have: readers do not agree on what they mean.
      if (value >> header_.depth_bits != 0) return odd();
      color.at(i) = static_cast<std::uint16_t>(value);
    }
    header_.transparent = color;
  }

  PngHeader header_;
  bool seen_palette_ = false;
  bool seen_transparency_ = false;
};

}  // namespace

int PngHeader::samples() const {
  switch (color) {
    case PngColor::Grey:
    case PngColor::Palette:
      return 1;
    case PngColor::GreyAlpha:
      return 2;
    case PngColor::Rgb:
      return 3;
    case PngColor::RgbAlpha:
      break;
  }
  return 4;
}

bool PngChunk::is(const char* four) const {
  return std::memcmp(name.data(), four, kWordBytes) == 0;
}

bool PngChunk::critical() const { return (name[0] & std::byte{0x20}) == std::byte{0}; }

std::optional<PngChunk> png_chunk_at(Bytes file, std::size_t at_bytes) {
  if (at_bytes > file.size() || file.size() - at_bytes < kFrameBytes) return std::nullopt;
  const std::size_t length = word_at(file, at_bytes);
  if (length > file.size() - at_bytes - kFrameBytes) return std::nullopt;
  const Bytes named = file.subspan(at_bytes + kWordBytes, kWordBytes + length);
  const std::uint32_t sum = libdeflate_crc32(0, named.data(), named.size());
  PngChunk chunk{named.first(kWordBytes), named.subspan(kWordBytes),
                 at_bytes + kFrameBytes + length, false};
  chunk.right = sum == word_at(file, chunk.end_bytes - kWordBytes) &&
                std::ranges::all_of(chunk.name, is_letter);
  return chunk;
}

base::Result<PngHeader> read_png_header(Bytes file) {
  if (file.size() < kSignature.size() ||
      std::memcmp(file.data(), kSignature.data(), kSignature.size()) != 0) {
    return base::fail(Reason::CorruptMedia, "The file is no PNG.");
  }
  const auto first = png_chunk_at(file, kSignature.size());
  if (!first || !first->is("IHDR") || first->body.size() != kIhdrBytes) {
    return base::fail(Reason::CorruptMedia, "The PNG does not begin with its header.");
  }
  ChunkReader reader;
  if (auto read = reader.ihdr(first->body); !read) return base::fail(std::move(read.error()));
  if (!first->right) reader.odd();
  for (std::size_t at = first->end_bytes;;) {
    const auto chunk = png_chunk_at(file, at);
    if (!chunk || chunk->is("IEND")) {
      return base::fail(Reason::CorruptMedia, "The PNG ends before its pixels.");
    }
    if (chunk->is("IDAT")) return reader.finish(at);
    reader.read(*chunk);
    at = chunk->end_bytes;
  }
}

}  // namespace millrace::codecs
