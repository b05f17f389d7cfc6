// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"

namespace millrace::codecs {

enum class PngColor { Grey, Rgb, Palette, GreyAlpha, RgbAlpha };

struct PngPaletteEntry {
  std::uint8_t red = 0;
  std::uint8_t green = 0;
  std::uint8_t blue = 0;
  std::uint8_t alpha = 255;
};

// What a decoder must know before the pixels of a PNG file (PNG, third edition). What colours mean
// (profile, gamma) and what the file says beside them is not read here.
struct PngHeader {
  std::int32_t width_px = 0;  // at least 1
  std::int32_t height_px = 0;
  int depth_bits = 8;  // of a sample: 1, 2, 4, 8 or 16
  PngColor color = PngColor::Rgb;
  bool interlaced = false;
  // Beyond the file's entries they are black and opaque.
  std::array<PngPaletteEntry, 256> palette{};
  int palette_entries = 0;
  // Palette: some entry may be transparent.
  bool palette_has_alpha = false;
  // Grey and RGB: samples of the colour that is transparent, as deep as the picture's.
  std::optional<std::array<std::uint16_t, 3>> transparent;
  std::size_t pixels_offset_bytes = 0;  // of the first IDAT, from its length on
  // Nothing stands before the pixels that libpng would refuse, leave out, or mend: lengths, check
  // sums and the order of chunks are right.
  bool regular = true;

  // Of a stored pixel, the palette's index or the alpha among them.
  [[nodiscard]] int samples() const;
};

// One chunk of a PNG file.
struct PngChunk {
  std::span<const std::byte> name;  // four bytes
  std::span<const std::byte> body;
  std::size_t end_bytes = 0;  // where the next one begins
  bool right = false;         // the check sum is, and the name is of letters

  [[nodiscard]] bool is(const char* four) const;
  // A reader that does not know it must give up.
  [[nodiscard]] bool critical() const;
};

// nullopt: the file ends before the chunk that begins at `at_bytes` does.
std::optional<PngChunk> png_chunk_at(std::span<const std::byte> file, std::size_t at_bytes);

// CorruptMedia with a sentence where the file is no PNG, or ends before its pixels. O(what stands
// before the pixels).
base::Result<PngHeader> read_png_header(std::span<const std::byte> file);

}  // namespace millrace::codecs
