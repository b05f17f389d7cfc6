// SPDX-License-Identifier: Apache-2.0
#include "tests/codecs/png/made_png.h"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <utility>
#include <zlib.h>

namespace millrace::codecs::test {
namespace {

constexpr std::uint8_t kSignature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

std::size_t samples_of(int color_type) {
  switch (color_type) {
    case 2:
      return 3;
    case 4:
      return 2;
    case 6:
      return 4;
    default:
      return 1;
  }
}

void append_word(Samples& bytes, std::uint32_t word) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<std::uint8_t>(word >> shift));
  }
}

std::uint32_t word_at(std::span<const std::byte> file, std::size_t at) {
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < 4; ++i)
    word = word << 8 | std::to_integer<std::uint32_t>(file[at + i]);
  return word;
}

int nearest(int a, int b, int c) {
  const int p = a + b - c;
  const int pa = std::abs(p - a);
  const int pb = std::abs(p - b);
  const int pc = std::abs(p - c);
  if (pa <= pb && pa <= pc) return a;
  return pb <= pc ? b : c;
}

int predicted(int filter, int a, int b, int c) {
  switch (filter) {
    case 1:
      return a;
    case 2:
      return b;
    case 3:
      return (a + b) / 2;
    case 4:
      return nearest(a, b, c);
    default:
      return 0;
  }
}

int entries_of(const PngRecipe& recipe) {
  return recipe.palette_entries > 0 ? recipe.palette_entries : 1 << recipe.depth_bits;
}

// Sample values of a row, one number each.
std::vector<unsigned> values_of(const PngRecipe& recipe, int y, std::mt19937& random) {
  const std::size_t samples = samples_of(recipe.color_type);
  const unsigned greatest = recipe.color_type == 3 ? static_cast<unsigned>(entries_of(recipe)) - 1
                                                   : (1U << recipe.depth_bits) - 1;
  std::vector<unsigned> values;
  for (int x = 0; x < recipe.width; ++x) {
    for (std::size_t i = 0; i < samples; ++i) {
      const bool flat = (x / 5 + y / 3) % 3 == 0;
      const auto slope = static_cast<unsigned>(x * 3 + y * 5) + static_cast<unsigned>(i) * 40U;
      const unsigned noise = flat ? 0U : static_cast<unsigned>(random() % 9);
      values.push_back(flat ? greatest
                            : (slope * (greatest > 255 ? 200U : 1U) + noise) % (greatest + 1));
    }
  }
  return values;
}

Samples packed(const std::vector<unsigned>& values, int depth_bits) {
  Samples row;
  if (depth_bits == 16) {
    for (const unsigned value : values) {
      row.push_back(static_cast<std::uint8_t>(value >> 8));
      row.push_back(static_cast<std::uint8_t>(value));
    }
    return row;
  }
  row.resize((values.size() * static_cast<std::size_t>(depth_bits) + 7) / 8);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t bit = i * static_cast<std::size_t>(depth_bits);
    const auto shift = 8U - static_cast<unsigned>(depth_bits) - static_cast<unsigned>(bit % 8);
    row[bit / 8] = static_cast<std::uint8_t>(row[bit / 8] | values[i] << shift);
  }
  return row;
}

Samples rows_of(const PngRecipe& recipe, std::mt19937& random) {
  const std::size_t bits =
      samples_of(recipe.color_type) * static_cast<std::size_t>(recipe.depth_bits);
  const std::size_t pixel_bytes = std::max<std::size_t>(1, bits / 8);
  Samples rows;
  Samples above((static_cast<std::size_t>(recipe.width) * bits + 7) / 8);
  for (int y = 0; y < recipe.height; ++y) {
    const Samples row = packed(values_of(recipe, y, random), recipe.depth_bits);
    const int filter = recipe.filter >= 0 ? recipe.filter : static_cast<int>(random() % 5);
    const Samples told = filtered(filter, pixel_bytes, above, row);
    rows.push_back(static_cast<std::uint8_t>(filter));
    rows.insert(rows.end(), told.begin(), told.end());
    above = row;
  }
  return rows;
}

Chunk palette_of(const PngRecipe& recipe, std::mt19937& random) {
  Chunk chunk{"PLTE", {}};
  for (int i = 0; i < 3 * entries_of(recipe); ++i) {
    chunk.body.push_back(static_cast<std::uint8_t>(random()));
  }
  return chunk;
}

// Of a palette alpha for its first half; else the colour of the flat parts.
Chunk transparency_of(const PngRecipe& recipe, std::mt19937& random) {
  Chunk chunk{"tRNS", {}};
  if (recipe.color_type == 3) {
    for (int i = 0; i < (entries_of(recipe) + 1) / 2; ++i) {
      chunk.body.push_back(static_cast<std::uint8_t>(random()));
    }
    return chunk;
  }
  for (std::size_t i = 0; i < samples_of(recipe.color_type); ++i) {
    const unsigned value = (1U << recipe.depth_bits) - 1;
    chunk.body.push_back(static_cast<std::uint8_t>(value >> 8));
    chunk.body.push_back(static_cast<std::uint8_t>(value));
  }
  return chunk;
}

Chunk header_of(const PngRecipe& recipe) {
  Chunk chunk{"IHDR", {}};
  append_word(chunk.body, static_cast<std::uint32_t>(recipe.width));
  append_word(chunk.body, static_cast<std::uint32_t>(recipe.height));
  for (const int byte : {recipe.depth_bits, recipe.color_type, 0, 0, recipe.interlace}) {
    chunk.body.push_back(static_cast<std::uint8_t>(byte));
  }
  return chunk;
}

}  // namespace

std::vector<PngRecipe> png_kinds() {
  std::vector<PngRecipe> kinds;
  for (const int type : {0, 2, 3, 4, 6}) {
    for (const int depth : {1, 2, 4, 8, 16}) {
      if (depth < 8 && type != 0 && type != 3) continue;
      if (depth == 16 && type == 3) continue;
      for (const bool transparent : {false, true}) {
        if (transparent && type >= 4) continue;
        PngRecipe recipe;
        recipe.color_type = type;
        recipe.depth_bits = depth;
        recipe.transparent = transparent;
        kinds.push_back(recipe);
      }
    }
  }
  return kinds;
}

std::string name_of(const PngRecipe& recipe) {
  return "type " + std::to_string(recipe.color_type) + ", " + std::to_string(recipe.depth_bits) +
         " bits, filter " + std::to_string(recipe.filter) + ", " + std::to_string(recipe.width) +
         "x" + std::to_string(recipe.height) + (recipe.transparent ? ", tRNS" : "");
}

Bytes make_png(const PngRecipe& recipe) {
  std::mt19937 random(recipe.seed);
  std::vector<Chunk> chunks = {header_of(recipe)};
  if (recipe.color_type == 3) chunks.push_back(palette_of(recipe, random));
  if (recipe.transparent) chunks.push_back(transparency_of(recipe, random));
  chunks.push_back({"IDAT", deflated(rows_of(recipe, random), recipe.level)});
  chunks.push_back({"IEND", {}});
  return file_of(with_pixels(chunks, pixels_of(chunks), recipe.idat_bytes));
}

std::vector<Chunk> chunks_of(std::span<const std::byte> file) {
  std::vector<Chunk> chunks;
  for (std::size_t at = sizeof(kSignature); at + 12 <= file.size();) {
    const std::size_t length = word_at(file, at);
    if (length > file.size() - at - 12) break;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(file.data()) + at + 4;
    chunks.push_back({std::string(bytes, bytes + 4), Samples(bytes + 4, bytes + 4 + length)});
    at += 12 + length;
  }
  return chunks;
}

Bytes file_of(const std::vector<Chunk>& chunks) {
  Samples file(std::begin(kSignature), std::end(kSignature));
  for (const Chunk& chunk : chunks) {
    append_word(file, static_cast<std::uint32_t>(chunk.body.size()));
    const std::size_t named = file.size();
    file.insert(file.end(), chunk.name.begin(), chunk.name.end());
    file.insert(file.end(), chunk.body.begin(), chunk.body.end());
    const auto sum = ::crc32(0, file.data() + named, static_cast<uInt>(file.size() - named));
    append_word(file, static_cast<std::uint32_t>(sum));
  }
  const auto bytes = std::as_bytes(std::span(file));
  return {bytes.begin(), bytes.end()};
}

Samples pixels_of(const std::vector<Chunk>& chunks) {
  Samples joined;
  for (const Chunk& chunk : chunks) {
    if (chunk.name == "IDAT") joined.insert(joined.end(), chunk.body.begin(), chunk.body.end());
  }
  return joined;
}

std::vector<Chunk> with_pixels(const std::vector<Chunk>& chunks, const Samples& stream,
                               std::size_t idat_bytes) {
  std::vector<Chunk> result;
  bool put = false;
  for (const Chunk& chunk : chunks) {
    if (chunk.name != "IDAT") {
      result.push_back(chunk);
      continue;
    }
    if (std::exchange(put, true)) continue;
    for (std::size_t at = 0; at < stream.size(); at += idat_bytes) {
      const auto first = stream.begin() + static_cast<std::ptrdiff_t>(at);
      const auto end =
          stream.begin() + static_cast<std::ptrdiff_t>(std::min(stream.size(), at + idat_bytes));
      result.push_back({"IDAT", Samples(first, end)});
    }
  }
  return result;
}

Samples deflated(const Samples& bytes, int level) {
  uLongf length = ::compressBound(static_cast<uLong>(bytes.size()));
  Samples stream(length);
  if (::compress2(stream.data(), &length, bytes.data(), static_cast<uLong>(bytes.size()), level) !=
      Z_OK) {
    std::abort();
  }
  stream.resize(length);
  return stream;
}

std::optional<Samples> inflated(const Samples& stream) {
  constexpr std::size_t kBytesMax = std::size_t{1} << 21;
  Samples bytes(kBytesMax);
  uLongf length = bytes.size();
  if (::uncompress(bytes.data(), &length, stream.data(), static_cast<uLong>(stream.size())) !=
      Z_OK) {
    return std::nullopt;
  }
  bytes.resize(length);
  return bytes;
}

Samples filtered(int filter, std::size_t pixel_bytes, const Samples& above, const Samples& row) {
  Samples told(row.size());
  for (std::size_t i = 0; i < row.size(); ++i) {
    const int a = i >= pixel_bytes ? row[i - pixel_bytes] : 0;
    const int c = i >= pixel_bytes ? above[i - pixel_bytes] : 0;
    told[i] = static_cast<std::uint8_t>(row[i] - predicted(filter, a, above[i], c));
  }
  return told;
}

Samples unfiltered(int filter, std::size_t pixel_bytes, const Samples& above, const Samples& row) {
  Samples samples(row.size());
  for (std::size_t i = 0; i < row.size(); ++i) {
    const int a = i >= pixel_bytes ? samples[i - pixel_bytes] : 0;
    const int c = i >= pixel_bytes ? above[i - pixel_bytes] : 0;
    samples[i] = static_cast<std::uint8_t>(row[i] + predicted(filter, a, above[i], c));
  }
  return samples;
}

}  // namespace millrace::codecs::test
