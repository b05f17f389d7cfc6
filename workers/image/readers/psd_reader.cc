// SPDX-License-Identifier: Apache-2.0
#include "workers/image/readers/psd_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <vector>

namespace millrace::workers::image {
namespace {

using base::Reason;

constexpr std::size_t kHeaderBytes = 26;
constexpr std::size_t kChannelsMax = 56;
constexpr std::int64_t kSideMax = 30'000;

base::Failure corrupt(const char* what) { return base::fail(Reason::CorruptMedia, what); }
base::Failure unsupported(const char* what) { return base::fail(Reason::UnsupportedMedia, what); }
base::Failure ends_early() { return corrupt("The PSD file ends before its pixels do."); }

// A stretch of the file that begins with its own length.
struct Section {
  ByteSpan body;
  std::size_t end = 0;
};

std::optional<Section> section_at(ByteSpan file, std::size_t at) {
  if (at > file.size() || file.size() - at < 4) return std::nullopt;
  const std::size_t bytes = big_endian(file, at, 4);
  if (bytes > file.size() - at - 4) return std::nullopt;
  return Section{file.subspan(at + 4, bytes), at + 4 + bytes};
}

std::optional<PsdMode> mode_of(std::uint32_t number) {
  switch (number) {
    case 0:
      return PsdMode::Bitmap;
    case 1:
    case 8:  // duotone: its inks are not described, everybody shows it as grey
      return PsdMode::Grey;
    case 2:
      return PsdMode::Indexed;
    case 3:
      return PsdMode::Rgb;
    case 4:
      return PsdMode::Cmyk;
    case 9:
      return PsdMode::Lab;
    default:
      return std::nullopt;
  }
}

RasterColor color_of(PsdMode mode) {
  switch (mode) {
    case PsdMode::Bitmap:
    case PsdMode::Grey:
      return RasterColor::Grey;
    case PsdMode::Cmyk:
      return RasterColor::Cmyk;
    case PsdMode::Lab:
      return RasterColor::Lab;
    case PsdMode::Indexed:
    case PsdMode::Rgb:
      break;
  }
  return RasterColor::Rgb;
}

std::size_t planes_of_color(PsdMode mode) {
  switch (mode) {
    case PsdMode::Bitmap:
    case PsdMode::Grey:
    case PsdMode::Indexed:
      return 1;
    case PsdMode::Cmyk:
      return 4;
    case PsdMode::Rgb:
    case PsdMode::Lab:
      break;
  }
  return 3;
}

base::Result<PsdPicture> read_header(ByteSpan file) {
  if (file.size() < kHeaderBytes) return corrupt("The PSD file ends in its header.");
  if (big_endian(file, 4, 2) != 1) {
    return unsupported("The source is a large Photoshop document (PSB), which cannot be read.");
  }
  PsdPicture picture;
  picture.channels = big_endian(file, 12, 2);
  picture.layout.size = {big_endian(file, 18, 4), big_endian(file, 14, 4)};
  const std::uint32_t depth = big_endian(file, 22, 2);
  const auto mode = mode_of(big_endian(file, 24, 2));
  const auto [width, height] = picture.layout.size;
  if (width < 1 || height < 1 || width > kSideMax || height > kSideMax || picture.channels < 1 ||
      picture.channels > kChannelsMax) {
    return corrupt("The header of the PSD file is damaged.");
  }
  if (!mode || depth == 32) {
    return unsupported("The source is a kind of psd that cannot be read.");
  }
  const bool bits_fit = *mode == PsdMode::Bitmap    ? depth == 1
                        : *mode == PsdMode::Indexed ? depth == 8
                                                    : depth == 8 || depth == 16;
  if (!bits_fit || picture.channels < planes_of_color(*mode)) {
    return corrupt("The header of the PSD file contradicts itself.");
  }
  picture.mode = *mode;
  picture.layout.color = color_of(*mode);
  picture.layout.deep = depth == 16;
  return picture;
}

// "8BIM", number, name (padded), length, body (padded).
base::Result<void> read_resources(ByteSpan resources, PsdPicture& picture) {
  std::size_t at = 0;
  while (at + 12 <= resources.size() && has_bytes(resources, at, "8BIM")) {
    const std::uint32_t id = big_endian(resources, at + 4, 2);
    const std::size_t name = (std::size_t{1} + resources[at + 6] + 1) / 2 * 2;
    const auto block = section_at(resources, at + 6 + name);
    if (!block) break;
    if (id == 0x040F) picture.icc = block->body;
    if (id == 0x0404) picture.iptc = block->body;
    if (id == 0x0422) picture.exif = block->body;
    constexpr std::size_t kHasMergedDataAt = 4;
    if (id == 0x0421 && block->body.size() > kHasMergedDataAt &&
        block->body[kHasMergedDataAt] == 0) {
      return unsupported("The Photoshop document was saved without its flat picture.");
    }
    at = block->end + block->end % 2;
  }
  return {};
}

// A negative number of layers: the first plane behind the colours is the merged picture's
// transparency. Otherwise such planes are masks that somebody saved.
bool says_transparency(ByteSpan layers_and_masks) {
  const auto layers = section_at(layers_and_masks, 0);
  return layers && layers->body.size() >= 2 && (layers->body[0] & 0x80) != 0;
}

// Undoes PackBits (Apple, 1990), and wants the line to come out exactly.
bool unpack(ByteSpan packed, std::span<std::uint8_t> line) {
  std::size_t to = 0;
  std::size_t from = 0;
  while (from < packed.size() && to < line.size()) {
    const std::uint8_t mark = packed[from++];
    if (mark == 128) continue;
    if (mark < 128) {
      const std::size_t count = std::size_t{mark} + 1;
      if (count > packed.size() - from || count > line.size() - to) return false;
      std::memcpy(&line[to], &packed[from], count);
      from += count;
      to += count;
    } else {
      const std::size_t count = std::size_t{257} - mark;
      if (from >= packed.size() || count > line.size() - to) return false;
      std::memset(&line[to], packed[from++], count);
      to += count;
    }
  }
  return to == line.size();
}

// Gives the stored lines of the planes that count, whatever their compression.
class PlaneReader {
 public:
  explicit PlaneReader(const PsdPicture& picture)
      : picture_(picture),
        height_(static_cast<std::size_t>(picture.layout.size.height)),
        line_bytes_(stored_line_bytes(picture)),
        line_(line_bytes_) {}

  // Plain lines have equal lengths; packed ones have theirs in a table in front.
  base::Result<void> begin(std::size_t planes) {
    if (!picture_.run_lengths) {
      if (planes * height_ * line_bytes_ > picture_.pixels.size()) return ends_early();
      return {};
    }
    const std::size_t all = picture_.channels * height_;
    if (all * 2 > picture_.pixels.size()) return ends_early();
    std::size_t at = all * 2;
    const std::size_t wanted = planes * height_;
    starts_.reserve(wanted + 1);
    for (std::size_t i = 0; i < wanted; ++i) {
      starts_.push_back(at);
      at += big_endian(picture_.pixels, i * 2, 2);
      if (at > picture_.pixels.size()) return ends_early();
    }
    starts_.push_back(at);
    return {};
  }
  // nullopt: damaged. Valid until the next call.
  std::optional<ByteSpan> line(std::size_t plane, std::size_t y) {
    const std::size_t index = plane * height_ + y;
    if (!picture_.run_lengths) {
      return picture_.pixels.subspan(index * line_bytes_, line_bytes_);
    }
    const ByteSpan packed =
        picture_.pixels.subspan(starts_[index], starts_[index + 1] - starts_[index]);
    if (!unpack(packed, line_)) return std::nullopt;
    return ByteSpan(line_);
  }

 private:
  static std::size_t stored_line_bytes(const PsdPicture& picture) {
    const auto width = static_cast<std::size_t>(picture.layout.size.width);
    if (picture.mode == PsdMode::Bitmap) return (width + 7) / 8;
    return width * picture.layout.sample_bytes();
  }

  const PsdPicture& picture_;
  std::size_t height_;
  std::size_t line_bytes_;
  std::vector<std::uint8_t> line_;
  std::vector<std::size_t> starts_;
};

class PsdDecoder {
 public:
  PsdDecoder(const PsdPicture& picture, PixelSpan pixels)
      : picture_(picture),
        pixels_(pixels),
        planes_(picture),
        width_(static_cast<std::size_t>(picture.layout.size.width)),
        bands_(picture.layout.bands()) {}

  base::Result<void> decode() {
    const std::size_t colors = planes_of_color(picture_.mode);
    const std::size_t wanted = colors + (picture_.layout.alpha ? 1 : 0);
    if (auto begun = planes_.begin(wanted); !begun) return begun;
    const auto height = static_cast<std::size_t>(picture_.layout.size.height);
    for (std::size_t plane = 0; plane < wanted; ++plane) {
      const std::size_t band = plane < colors ? plane : bands_ - 1;
      for (std::size_t y = 0; y < height; ++y) {
        const auto stored = planes_.line(plane, y);
        if (!stored) return corrupt("The PSD file is damaged: a line of it has a wrong length.");
        put(*stored, y, band);
      }
    }
    const bool light =
        picture_.layout.color == RasterColor::Rgb || picture_.layout.color == RasterColor::Grey;
    if (picture_.layout.alpha && light) take_white_out();
    return {};
  }

 private:
  void put(ByteSpan stored, std::size_t y, std::size_t band) {
    std::uint8_t* line = &pixels_[y * picture_.layout.line_bytes()];
    const bool ink = picture_.mode == PsdMode::Cmyk && band < 4;
    for (std::size_t x = 0; x < width_; ++x) {
      std::uint8_t* pixel = line + x * bands_ * picture_.layout.sample_bytes();
      if (picture_.mode == PsdMode::Bitmap && band == 0) {
        pixel[0] = ((stored[x / 8] >> (7 - x % 8)) & 1) != 0 ? 0 : 255;
      } else if (picture_.mode == PsdMode::Indexed && band == 0) {
        for (std::size_t i = 0; i < 3; ++i) pixel[i] = picture_.palette[i * 256 + stored[x]];
      } else if (picture_.layout.deep) {
        const auto value = static_cast<std::uint16_t>(big_endian(stored, 2 * x, 2));
        // Ink is stored the other way round.
        const auto sample = static_cast<std::uint16_t>(ink ? 65535 - value : value);
        std::memcpy(pixel + 2 * band, &sample, 2);
      } else {
        pixel[band] = ink ? static_cast<std::uint8_t>(255 - stored[x]) : stored[x];
      }
    }
  }
  // merged = color * alpha + white * (1 - alpha)
  void take_white_out() {
    if (picture_.layout.deep) {
      take_white_out_of<std::uint16_t>(65535);
    } else {
      take_white_out_of<std::uint8_t>(255);
    }
  }
  template <class Sample>
  void take_white_out_of(std::int64_t full) {
    const std::size_t step = bands_ * sizeof(Sample);
    std::array<Sample, 4> pixel{};
    for (std::size_t at = 0; at < pixels_.size(); at += step) {
      std::memcpy(pixel.data(), &pixels_[at], step);
      const std::int64_t alpha = pixel.at(bands_ - 1);
      if (alpha == 0 || alpha == full) continue;
      for (std::size_t i = 0; i + 1 < bands_; ++i) {
        const std::int64_t value = (pixel.at(i) - (full - alpha)) * full / alpha;
        pixel.at(i) = static_cast<Sample>(std::clamp<std::int64_t>(value, 0, full));
      }
      std::memcpy(&pixels_[at], pixel.data(), step);
    }
  }

  const PsdPicture& picture_;
  PixelSpan pixels_;
  PlaneReader planes_;
  std::size_t width_;
  std::size_t bands_;
};

}  // namespace

base::Result<PsdPicture> read_psd(ByteSpan file) {
  auto picture = read_header(file);
  if (!picture) return picture;
  const auto color_mode = section_at(file, kHeaderBytes);
  const auto resources = color_mode ? section_at(file, color_mode->end) : std::nullopt;
  const auto layers = resources ? section_at(file, resources->end) : std::nullopt;
  if (!layers || file.size() - layers->end < 2) return ends_early();
  if (auto read = read_resources(resources->body, *picture); !read) {
    return base::fail(std::move(read.error()));
  }
  if (picture->mode == PsdMode::Indexed) {
    if (color_mode->body.size() < 768) return corrupt("The PSD file has no palette.");
    picture->palette = color_mode->body.subspan(0, 768);
  }
  const bool may_be_transparent =
      picture->mode != PsdMode::Indexed && picture->mode != PsdMode::Bitmap;
  picture->layout.alpha = may_be_transparent && says_transparency(layers->body) &&
                          picture->channels > planes_of_color(picture->mode);
  const std::uint32_t compression = big_endian(file, layers->end, 2);
  if (compression > 1) return unsupported("The source is a kind of psd that cannot be read.");
  picture->run_lengths = compression == 1;
  picture->pixels = slice(file, layers->end + 2);
  return picture;
}

base::Result<void> decode_psd(const PsdPicture& picture, PixelSpan pixels) {
  if (pixels.size() != picture.layout.bytes()) {
    return base::fail(Reason::Internal, "The worker failed.", "a buffer of another size");
  }
  return PsdDecoder(picture, pixels).decode();
}

}  // namespace millrace::workers::image
