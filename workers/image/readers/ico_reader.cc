// SPDX-License-Identifier: Apache-2.0
#include "workers/image/readers/ico_reader.h"

#include <string>

namespace millrace::workers::image {
namespace {

using base::Reason;

constexpr std::size_t kDirectoryBytes = 6;
constexpr std::size_t kEntryBytes = 16;
constexpr std::int64_t kPicturesMax = 256;

struct Entry {
  std::uint32_t side_product = 0;  // as the directory claims: good enough to choose by
  std::uint32_t bits = 0;
  ByteSpan bytes;
};

base::Result<Entry> read_entry(ByteSpan file, std::int64_t index) {
  const std::size_t at = kDirectoryBytes + static_cast<std::size_t>(index) * kEntryBytes;
  const auto side = [&](std::size_t from) {
    return file[from] == 0 ? 256U : static_cast<std::uint32_t>(file[from]);
  };
  Entry entry;
  entry.side_product = side(at) * side(at + 1);
  entry.bits = little_endian(file, at + 6, 2);
  const std::size_t bytes = little_endian(file, at + 8, 4);
  entry.bytes = slice(file, little_endian(file, at + 12, 4), bytes);
  if (bytes == 0 || entry.bytes.size() < bytes) {
    return base::fail(Reason::CorruptMedia, "The icon ends before one of its pictures does.");
  }
  return entry;
}

base::Result<std::int64_t> count_pictures(ByteSpan file) {
  const std::int64_t count = little_endian(file, 4, 2);
  if (count < 1 || count > kPicturesMax ||
      file.size() < kDirectoryBytes + static_cast<std::size_t>(count) * kEntryBytes) {
    return base::fail(Reason::CorruptMedia, "The icon's directory is damaged.");
  }
  return count;
}

base::Result<Entry> choose(ByteSpan file, std::int64_t count, std::optional<std::int64_t> page) {
  if (page) {
    if (*page < count) return read_entry(file, *page);
    return base::fail(Reason::BadParameter, "The source has " + std::to_string(count) +
                                                " pages; there is no page " +
                                                std::to_string(*page + 1) + ".");
  }
  std::optional<Entry> best;
  for (std::int64_t i = 0; i < count; ++i) {
    auto entry = read_entry(file, i);
    if (!entry) return entry;
    const bool better = !best || entry->side_product > best->side_product ||
                        (entry->side_product == best->side_product && entry->bits > best->bits);
    if (better) best = *entry;
  }
  return *best;
}

// One bit a pixel, lines from the bottom up, padded to four bytes; 1: nothing is painted there.
void apply_mask(const BmpPicture& bitmap, ByteSpan mask, PixelSpan pixels) {
  const auto width = static_cast<std::size_t>(bitmap.layout.size.width);
  const auto height = static_cast<std::size_t>(bitmap.layout.size.height);
  const std::size_t stride = (width + 31) / 32 * 4;
  // Icons without a mask exist: they are opaque.
  const bool whole = mask.size() >= stride * height;
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      const bool hidden =
          whole && ((mask[(height - 1 - y) * stride + x / 8] >> (7 - x % 8)) & 1) != 0;
      pixels[(y * width + x) * 4 + 3] = hidden ? 0 : 255;
    }
  }
}

}  // namespace

base::Result<IconPicture> read_icon(ByteSpan file, std::optional<std::int64_t> page) {
  const auto count = count_pictures(file);
  if (!count) return base::fail(count.error());
  const auto entry = choose(file, *count, page);
  if (!entry) return base::fail(entry.error());
  IconPicture icon;
  icon.pages = *count;
  if (has_bytes(entry->bytes, 0, "\x89PNG")) {
    icon.png = entry->bytes;
    return icon;
  }
  auto bitmap = read_icon_bitmap(entry->bytes);
  if (!bitmap) return base::fail(std::move(bitmap.error()));
  icon.bitmap = *bitmap;
  return icon;
}

base::Result<void> decode_icon(const IconPicture& icon, PixelSpan pixels) {
  const auto any_alpha = decode_bmp_as_it_is(icon.bitmap, pixels);
  if (!any_alpha) return base::fail(any_alpha.error());
  if (*any_alpha) return {};
  const std::size_t lines =
      stored_line_bytes(icon.bitmap) * static_cast<std::size_t>(icon.bitmap.layout.size.height);
  apply_mask(icon.bitmap, slice(icon.bitmap.pixels, lines), pixels);
  return {};
}

}  // namespace millrace::workers::image
