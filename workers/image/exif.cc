// SPDX-License-Identifier: Apache-2.0
#include "workers/image/exif.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace millrace::workers::image {
namespace {

constexpr std::uint16_t kOrientationTag = 0x0112;
constexpr std::uint16_t kCopyrightTag = 0x8298;
constexpr std::uint16_t kAsciiType = 2;
constexpr std::uint16_t kShortType = 3;
constexpr std::size_t kCopyrightBytesMax = 65'000;  // an APP1 segment holds 65,533
constexpr std::size_t kEntryBytes = 12;

// Bounds-checked numbers of either byte order.
class TiffReader {
 public:
  static std::optional<TiffReader> open(ByteSpan block) {
    if (block.size() < 8) return std::nullopt;
    if (block[0] == 'I' && block[1] == 'I') return TiffReader(block, true);
    if (block[0] == 'M' && block[1] == 'M') return TiffReader(block, false);
    return std::nullopt;
  }
  [[nodiscard]] std::optional<std::uint32_t> number(std::size_t at, std::size_t bytes) const {
    if (at > block_.size() || block_.size() - at < bytes) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      const std::size_t from = little_ ? at + bytes - 1 - i : at + i;
      value = (value << 8) | block_[from];
    }
    return value;
  }
  [[nodiscard]] std::string text(std::size_t at, std::size_t length) const {
    if (at > block_.size() || block_.size() - at < length) return {};
    const auto begin = block_.begin() + static_cast<std::ptrdiff_t>(at);
    std::string text(begin, begin + static_cast<std::ptrdiff_t>(length));
    while (!text.empty() && (text.back() == '\0' || text.back() == ' ')) text.pop_back();
    return text;
  }

 private:
  TiffReader(ByteSpan block, bool little) : block_(block), little_(little) {}
  ByteSpan block_;
  bool little_;
};

ByteSpan without_prefix(ByteSpan block, std::string_view prefix) {
  return has_bytes(block, 0, prefix) ? block.subspan(prefix.size()) : block;
}

void read_entry(const TiffReader& tiff, std::size_t at, ExifFacts& facts) {
  const auto tag = tiff.number(at, 2);
  const auto type = tiff.number(at + 2, 2);
  const auto count = tiff.number(at + 4, 4);
  if (!tag || !type || !count) return;
  if (*tag == kOrientationTag && *type == kShortType && *count >= 1) {
    const auto value = tiff.number(at + 8, 2);
    if (value && *value >= 1 && *value <= 8) {
      facts.orientation = static_cast<int>(*value);
      facts.says_orientation = true;
    }
  }
  if (*tag == kCopyrightTag && *type == kAsciiType) {
    // Up to four bytes stand in the entry itself.
    const std::size_t from = *count <= 4 ? at + 8 : tiff.number(at + 8, 4).value_or(UINT32_MAX);
    facts.copyright = tiff.text(from, *count);
  }
}

// The IPTC block inside Photoshop's image resources; the whole when it is bare.
ByteSpan iptc_records(ByteSpan block) {
  using namespace std::string_view_literals;
  const ByteSpan resources = without_prefix(block, "Photoshop 3.0\0"sv);
  if (resources.size() < 4 || resources[0] != '8') return resources;
  std::size_t at = 0;
  while (at + 12 <= resources.size() && resources[at] == '8' && resources[at + 1] == 'B') {
    const std::uint32_t id = big_endian(resources, at + 4, 2);
    std::size_t name_bytes = 1U + resources[at + 6];
    name_bytes += name_bytes % 2;
    const std::size_t size_at = at + 6 + name_bytes;
    if (size_at + 4 > resources.size()) return {};
    const std::size_t size = big_endian(resources, size_at, 4);
    if (size > resources.size() - size_at - 4) return {};
    if (id == 0x0404) return resources.subspan(size_at + 4, size);
    at = size_at + 4 + size + size % 2;
  }
  return {};
}

}  // namespace

ExifFacts read_exif(ByteSpan block) {
  using namespace std::string_view_literals;
  ExifFacts facts;
  const auto tiff = TiffReader::open(without_prefix(block, "Exif\0\0"sv));
  if (!tiff) return facts;
  const auto ifd = tiff->number(4, 4);
  if (!ifd) return facts;
  const auto entries = tiff->number(*ifd, 2);
  for (std::size_t i = 0; entries && i < *entries; ++i) {
    read_entry(*tiff, *ifd + 2 + i * kEntryBytes, facts);
  }
  return facts;
}

std::string read_iptc_copyright(ByteSpan block) {
  const ByteSpan records = iptc_records(block);
  std::size_t at = 0;
  while (at + 5 <= records.size() && records[at] == 0x1c) {
    const std::size_t size = big_endian(records, at + 3, 2);
    if (size >= 0x8000 || size > records.size() - at - 5) return {};
    if (records[at + 1] == 2 && records[at + 2] == 116) {
      const auto begin = records.begin() + static_cast<std::ptrdiff_t>(at + 5);
      std::string text(begin, begin + static_cast<std::ptrdiff_t>(size));
      while (!text.empty() && text.back() == '\0') text.pop_back();
      return text;
    }
    at += 5 + size;
  }
  return {};
}

std::vector<std::uint8_t> exif_with_copyright(const std::string& copyright) {
  return exif_with(1, copyright);
}

std::vector<std::uint8_t> exif_with(int orientation, const std::string& copyright) {
  const std::string text = copyright.substr(0, kCopyrightBytesMax);
  const bool says_orientation = orientation != 1;
  const std::size_t entries = (says_orientation ? 1U : 0U) + (text.empty() ? 0U : 1U);
  if (entries == 0) return {};
  std::vector<std::uint8_t> block;
  const auto put = [&block](std::uint64_t value, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) {
      block.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }
  };
  const auto put_entry = [&put](int tag, int type, std::uint64_t count, std::uint64_t value) {
    put(static_cast<std::uint64_t>(tag), 2);
    put(static_cast<std::uint64_t>(type), 2);
    put(count, 4);
    put(value, 4);
  };
  for (const char c : {'E', 'x', 'i', 'f', '\0', '\0', 'I', 'I'})
    put(static_cast<std::uint8_t>(c), 1);
  put(42, 2);
  put(8, 4);  // IFD0 follows the header
  put(entries, 2);
  // In the order of their tags.
  if (says_orientation) {
    put_entry(kOrientationTag, kShortType, 1, static_cast<std::uint64_t>(orientation));
  }
  // Long enough to stand behind the IFD.
  const std::size_t count = std::max<std::size_t>(text.size() + 1, 5);
  if (!text.empty()) put_entry(kCopyrightTag, kAsciiType, count, 8 + 2 + entries * kEntryBytes + 4);
  put(0, 4);  // no further IFD
  if (text.empty()) return block;
  for (const char c : text) put(static_cast<std::uint8_t>(c), 1);
  put(0, std::min<std::size_t>(count - text.size(), 8));
  return block;
}

}  // namespace millrace::workers::image
