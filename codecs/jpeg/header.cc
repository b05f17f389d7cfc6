// SPDX-License-Identifier: Apache-2.0
#include "codecs/jpeg/header.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace millrace::codecs {
namespace {

using namespace std::string_view_literals;
using base::Reason;
using Bytes = std::span<const std::byte>;

constexpr std::size_t kComponentsMax = 10;  // libjpeg's
constexpr int kSamplingMax = 4;
constexpr std::size_t kTables = 4;

int byte_at(Bytes bytes, std::size_t at) { return std::to_integer<int>(bytes[at]); }
int word_at(Bytes bytes, std::size_t at) {
  return byte_at(bytes, at) << 8 | byte_at(bytes, at + 1);
}

bool begins_with(Bytes bytes, std::string_view text) {
  return bytes.size() >= text.size() &&
         std::equal(text.begin(), text.end(), bytes.begin(), [](char wanted, std::byte found) {
           return static_cast<std::byte>(wanted) == found;
         });
}

bool is_frame(int marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

JpegProcess process_of(int marker) {
  if (marker == 0xC0) return JpegProcess::Baseline;
  if (marker == 0xC1 || marker == 0xC9) return JpegProcess::Extended;
  if (marker == 0xC2 || marker == 0xCA) return JpegProcess::Progressive;
  if (marker == 0xC3 || marker == 0xCB) return JpegProcess::Lossless;
  return JpegProcess::Hierarchical;
}

// Reads segments, without their markers and lengths. What makes no sense leaves `regular` false: a
// stricter reader then decides what becomes of the file.
class SegmentReader {
 public:
  void read(int marker, Bytes body) {
    if (is_frame(marker)) return frame(marker, body);
    switch (marker) {
      case 0xC4:
        return codes(body);
      case 0xDB:
        return steps(body);
      case 0xDD:
        if (body.size() != 2) return odd();
        header_.restart_interval_mcus = word_at(body, 0);
        return;
      case 0xE0:
        jfif_ = jfif_ || (body.size() >= 14 && begins_with(body, "JFIF\0"sv));
        return;
      case 0xEE:
        if (body.size() >= 12 && begins_with(body, "Adobe"sv)) {
          header_.adobe_transform = static_cast<std::uint8_t>(byte_at(body, 11));
        }
        return;
      default:
        // Other applications' segments, comments and the number of lines say nothing to us; the
        // rest no decoder knows, or it is for arithmetic coding.
        if (marker < 0xE0 || marker > 0xEF) {
          if (marker != 0xFE && marker != 0xDC) odd();
        }
    }
  }

  void scan(Bytes body) {
    const std::size_t count = body.empty() ? 0 : static_cast<std::size_t>(byte_at(body, 0));
    if (count < 1 || count > kTables || body.size() != 4 + 2 * count) return odd();
    for (std::size_t i = 0; i < count; ++i) {
      const auto component = component_of(byte_at(body, 1 + 2 * i));
      const int tables = byte_at(body, 2 + 2 * i);
      if (!component || (tables >> 4) >= 4 || (tables & 15) >= 4) return odd();
      header_.scan.push_back({*component, static_cast<std::uint8_t>(tables >> 4),
                              static_cast<std::uint8_t>(tables & 15)});
    }
    header_.spectral_first = static_cast<std::uint8_t>(byte_at(body, 1 + 2 * count));
    header_.spectral_last = static_cast<std::uint8_t>(byte_at(body, 2 + 2 * count));
    header_.approximation = static_cast<std::uint8_t>(byte_at(body, 3 + 2 * count));
  }

  void odd() { header_.regular = false; }

  base::Result<JpegHeader> finish(std::size_t scan_offset_bytes) {
    if (header_.components.empty()) {
      return base::fail(Reason::CorruptMedia, "The JPEG file has no frame header.");
    }
    if (header_.width_px < 1 || header_.height_px < 1) {
      return base::fail(Reason::CorruptMedia, "The JPEG file says that it has no pixels.");
    }
    header_.scan_offset_bytes = scan_offset_bytes;
    header_.color = color();
    if (!header_.regular) header_.scan.clear();
    return std::move(header_);
  }

 private:
  void frame(int marker, Bytes body) {
    if (!header_.components.empty() || body.size() < 6) return odd();
    const auto count = static_cast<std::size_t>(byte_at(body, 5));
    if (count < 1 || count > kComponentsMax || body.size() != 6 + 3 * count) return odd();
    header_.process = process_of(marker);
    header_.arithmetic = marker > 0xC8;
    header_.precision_bits = byte_at(body, 0);
    header_.height_px = word_at(body, 1);
    header_.width_px = word_at(body, 3);
    for (std::size_t i = 0; i < count; ++i) {
      const int sampling = byte_at(body, 7 + 3 * i);
      const int table = byte_at(body, 8 + 3 * i);
      const JpegComponent component{static_cast<std::uint8_t>(byte_at(body, 6 + 3 * i)),
                                    static_cast<std::uint8_t>(sampling >> 4),
                                    static_cast<std::uint8_t>(sampling & 15),
                                    static_cast<std::uint8_t>(table & 3)};
      if (component_of(component.id)) odd();
      const auto in_range = [](int factor) { return factor >= 1 && factor <= kSamplingMax; };
      if (!in_range(component.across) || !in_range(component.down) || table > 3) odd();
      header_.components.push_back(component);
    }
    // What cannot be is made harmless, and another decoder refuses it.
    for (JpegComponent& component : header_.components) {
      component.across = std::clamp<std::uint8_t>(component.across, 1, kSamplingMax);
      component.down = std::clamp<std::uint8_t>(component.down, 1, kSamplingMax);
    }
  }

  void codes(Bytes body) {
    while (body.size() > 16) {
      const int slot = byte_at(body, 0);
      JpegCode code;
      for (std::size_t length = 1; length <= 16; ++length) {
        code.codes_of_length[length] = static_cast<std::uint8_t>(byte_at(body, length));
        code.symbol_count += code.codes_of_length[length];
      }
      body = body.subspan(17);
      const auto count = static_cast<std::size_t>(code.symbol_count);
      if (count > 256 || count > body.size() || (slot & 0xEF) >= 4) return odd();
      for (std::size_t i = 0; i < count; ++i) {
        code.symbols[i] = static_cast<std::uint8_t>(byte_at(body, i));
      }
      auto& codes = (slot & 0x10) != 0 ? header_.ac_codes : header_.dc_codes;
      codes[static_cast<std::size_t>(slot & 3)] = code;
      body = body.subspan(count);
    }
    if (!body.empty()) odd();
  }

  void steps(Bytes body) {
    while (!body.empty()) {
      const bool wide = (byte_at(body, 0) >> 4) != 0;
      const auto slot = static_cast<std::size_t>(byte_at(body, 0) & 15);
      const std::size_t bytes = wide ? 128 : 64;
      if (slot >= kTables || body.size() < 1 + bytes) return odd();
      JpegSteps steps{};
      for (std::size_t i = 0; i < 64; ++i) {
        steps[i] =
            static_cast<std::uint16_t>(wide ? word_at(body, 1 + 2 * i) : byte_at(body, 1 + i));
      }
      header_.steps[slot] = steps;
      body = body.subspan(1 + bytes);
    }
  }

  [[nodiscard]] std::optional<std::uint8_t> component_of(int id) const {
    for (std::size_t i = 0; i < header_.components.size(); ++i) {
      if (header_.components[i].id == id) return static_cast<std::uint8_t>(i);
    }
    return std::nullopt;
  }

  [[nodiscard]] JpegColor color() const {
    const auto& components = header_.components;
    if (components.size() == 1) return JpegColor::Grey;
    if (components.size() != 3) return JpegColor::Other;
    if (jfif_) return JpegColor::YCbCr;
    if (header_.adobe_transform) {
      return *header_.adobe_transform == 0 ? JpegColor::Other : JpegColor::YCbCr;
    }
    const bool rgb = components[0].id == 'R' && components[1].id == 'G' && components[2].id == 'B';
    return rgb ? JpegColor::Other : JpegColor::YCbCr;
  }

  JpegHeader header_;
  bool jfif_ = false;
};

// Restart markers and the temporary one stand alone; so does a second start, which libjpeg refuses.
bool stands_alone(int marker) { return marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8); }

}  // namespace

int JpegHeader::across_max() const {
  int most = 1;
  for (const JpegComponent& component : components) most = std::max<int>(most, component.across);
  return most;
}

int JpegHeader::down_max() const {
  int most = 1;
  for (const JpegComponent& component : components) most = std::max<int>(most, component.down);
  return most;
}

base::Result<JpegHeader> read_jpeg_header(Bytes file) {
  if (!begins_with(file, "\xFF\xD8"sv)) {
    return base::fail(Reason::CorruptMedia, "The file does not begin like a JPEG file.");
  }
  SegmentReader reader;
  std::size_t at = 2;
  while (at + 4 <= file.size()) {
    // Like libjpeg: garbage before a marker is stepped over, fill bytes too.
    const int marker = byte_at(file, at + 1);
    if (byte_at(file, at) != 0xFF || marker == 0xFF) {
      ++at;
      continue;
    }
    if (marker == 0x00 || stands_alone(marker)) {
      if (marker == 0xD8) reader.odd();
      at += 2;
      continue;
    }
    if (marker == 0xD9) break;
    const auto length = static_cast<std::size_t>(word_at(file, at + 2));
    if (length > file.size() - at - 2) {
      return base::fail(Reason::CorruptMedia, "The JPEG file ends inside its header.");
    }
    if (length < 2) reader.odd();
    const std::size_t next = at + 2 + std::max<std::size_t>(length, 2);
    const Bytes body = file.subspan(at + 4, next - at - 4);
    if (marker == 0xDA) {
      reader.scan(body);
      return reader.finish(next);
    }
    reader.read(marker, body);
    at = next;
  }
  return base::fail(Reason::CorruptMedia, "The JPEG file has no picture in it.");
}

}  // namespace millrace::codecs
