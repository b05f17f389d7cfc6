// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace millrace::codecs::test {

using Bytes = std::vector<std::byte>;
using Samples = std::vector<std::uint8_t>;

// A PNG file, told by what may be chosen in one.
struct PngRecipe {
  int width = 9;
  int height = 7;
  int depth_bits = 8;
  int color_type = 2;        // as the file has it: 0, 2, 3, 4 or 6
  int filter = -1;           // 0..4 for all rows; -1: now this, now that
  int palette_entries = 0;   // 0: as many as the depth allows
  bool transparent = false;  // a tRNS chunk
  int interlace = 0;         // what the header says; the pixels are not
  std::size_t idat_bytes = 4096;
  int level = 6;  // zlib's
  std::uint32_t seed = 1;
};

// Every combination of type and depth that may be, with a tRNS chunk and without.
std::vector<PngRecipe> png_kinds();
std::string name_of(const PngRecipe& recipe);

// Gradients with some noise and some flat parts. The same recipe makes the same bytes.
Bytes make_png(const PngRecipe& recipe);

struct Chunk {
  std::string name;
  Samples body;
};

// What the file consists of up to where it makes no sense, and a file of that with right sums.
std::vector<Chunk> chunks_of(std::span<const std::byte> file);
Bytes file_of(const std::vector<Chunk>& chunks);
// The IDAT chunks joined, and the same chunks with others in their place.
Samples pixels_of(const std::vector<Chunk>& chunks);
std::vector<Chunk> with_pixels(const std::vector<Chunk>& chunks, const Samples& stream,
                               std::size_t idat_bytes);

// zlib streams.
Samples deflated(const Samples& bytes, int level);
std::optional<Samples> inflated(const Samples& stream);

// The bytes of a row as a filter tells them (PNG, 9.2).
Samples filtered(int filter, std::size_t pixel_bytes, const Samples& above, const Samples& row);
// And back, by the same definition.
Samples unfiltered(int filter, std::size_t pixel_bytes, const Samples& above, const Samples& row);

}  // namespace millrace::codecs::test
