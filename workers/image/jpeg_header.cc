// SPDX-License-Identifier: Apache-2.0
#include "workers/image/jpeg_header.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "workers/image/exif.h"

namespace millrace::workers::image {
namespace {

using base::Reason;

// Table K.1 in zigzag order, as DQT segments have it.
constexpr std::array<std::uint16_t, 64> kLuminance = {
    16, 11, 12,  14,  12,  10, 16, 14,  13,  14,  18,  17,  16, 19,  24,  40,
    26, 24, 22,  22,  24,  49, 35, 37,  29,  40,  58,  51,  61, 60,  57,  51,
    56, 55, 64,  72,  92,  78, 64, 68,  87,  69,  55,  56,  80, 109, 81,  87,
    95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99};

constexpr std::string_view kIccName("ICC_PROFILE\0", 12);

bool is_frame_header(std::uint8_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

class HeaderReader {
 public:
  // One segment without its marker and length.
  void segment(std::uint8_t marker, ByteSpan body) {
    if (is_frame_header(marker)) frame(body);
    if (marker == 0xDB) tables(body);
    if (marker == 0xE1 && has_bytes(body, 0, std::string_view("Exif\0\0", 6))) {
      const ExifFacts facts = read_exif(body);
      if (has_exif_) return;  // as everybody else: the first one counts
      has_exif_ = true;
      header_.orientation = facts.orientation;
      header_.says_orientation = facts.says_orientation;
      header_.copyright = facts.copyright;
    }
    if (marker == 0xE2 && has_bytes(body, 0, kIccName)) profile_part(body.subspan(kIccName.size()));
    if (marker == 0xED && iptc_copyright_.empty()) iptc_copyright_ = read_iptc_copyright(body);
  }
  base::Result<JpegHeader> finish() {
    if (!has_frame_) return base::fail(Reason::CorruptMedia, "The JPEG file has no frame header.");
    if (header_.size.width < 1 || header_.size.height < 1) {
      return base::fail(Reason::CorruptMedia, "The JPEG file says that it has no pixels.");
    }
    if (header_.copyright.empty()) header_.copyright = iptc_copyright_;
    header_.has_icc = !profile_parts_.empty();
    if (profile_parts_.size() == profile_parts_said_) {
      for (const ByteSpan part : profile_parts_) {
        header_.icc.insert(header_.icc.end(), part.begin(), part.end());
      }
    }
    return header_;
  }

 private:
  void frame(ByteSpan body) {
    if (body.size() < 6 || has_frame_) return;
    has_frame_ = true;
    header_.size.height = big_endian(body, 1, 2);
    header_.size.width = big_endian(body, 3, 2);
    header_.components = body[5];
  }
  void tables(ByteSpan body) {
    while (!body.empty()) {
      const bool wide = (body[0] >> 4) != 0;
      const int id = body[0] & 15;
      const std::size_t bytes = wide ? 128 : 64;
      if (body.size() < 1 + bytes) return;
      std::array<std::uint16_t, 64> table{};
      for (std::size_t i = 0; i < 64; ++i) {
        table[i] = static_cast<std::uint16_t>(wide ? big_endian(body, 1 + 2 * i, 2) : body[1 + i]);
      }
      if (id == 0) header_.quality_pct = estimate_jpeg_quality(table);
      body = body.subspan(1 + bytes);
    }
  }

  // Which part it is of how many, then the part (ICC.1:2022, annex B.4). Parts out of order are no
  // profile to anybody.
  void profile_part(ByteSpan body) {
    if (body.size() < 2) return;
    profile_parts_said_ = body[1];
    const bool is_next = body[0] == profile_parts_.size() + 1;
    profile_parts_.push_back(is_next ? body.subspan(2) : ByteSpan());
    if (!is_next) profile_parts_said_ = SIZE_MAX;
  }

  JpegHeader header_;
  std::vector<ByteSpan> profile_parts_;
  std::size_t profile_parts_said_ = 0;
  bool has_frame_ = false;
  bool has_exif_ = false;
  std::string iptc_copyright_;
};

}  // namespace

int estimate_jpeg_quality(std::span<const std::uint16_t, 64> table) {
  int best = 1;
  std::int64_t best_distance = INT64_MAX;
  for (int quality = 1; quality <= 100; ++quality) {
    const int scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
    std::int64_t distance = 0;
    for (std::size_t i = 0; i < 64 && distance < best_distance; ++i) {
      const int value = std::clamp((kLuminance[i] * scale + 50) / 100, 1, 255);
      distance += std::abs(value - static_cast<int>(table[i]));
    }
    if (distance < best_distance) {
      best_distance = distance;
      best = quality;
    }
  }
  return best;
}

base::Result<JpegHeader> read_jpeg_header(std::span<const std::uint8_t> bytes) {
  HeaderReader reader;
  std::size_t at = 2;
  while (at + 4 <= bytes.size()) {
    // Like libjpeg: garbage before a marker is stepped over, fill bytes too.
    if (bytes[at] != 0xFF) {
      ++at;
      continue;
    }
    const std::uint8_t marker = bytes[at + 1];
    if (marker == 0xFF) {
      ++at;
      continue;
    }
    const bool alone = marker == 0x00 || marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8);
    if (alone) {
      at += 2;
      continue;
    }
    if (marker == 0xD9) break;
    const std::size_t length = big_endian(bytes, at + 2, 2);
    if (length < 2 || length > bytes.size() - at - 2) {
      return base::fail(base::Reason::CorruptMedia, "The JPEG file ends inside its header.");
    }
    if (marker == 0xDA) return reader.finish();
    reader.segment(marker, bytes.subspan(at + 4, length - 2));
    at += 2 + length;
  }
  return base::fail(base::Reason::CorruptMedia, "The JPEG file has no picture in it.");
}

}  // namespace millrace::workers::image
