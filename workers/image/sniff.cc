// SPDX-License-Identifier: Apache-2.0
#include "workers/image/sniff.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "workers/image/readers/svg_check.h"

namespace millrace::workers::image {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::size_t at;
  std::string_view bytes;
  std::string_view seen;
};

// Kinds that are known and not read: only for the sentence.
constexpr std::array kOthers = {
    Magic{0, "\0\0\2\0"sv, "a cursor"},
    Magic{0, "\x76\x2F\x31\x01"sv, "an OpenEXR picture"},
    Magic{0, "#?R"sv, "a Radiance picture"},
    Magic{0, "%!PS"sv, "a PostScript document"},
    Magic{0, "<?xml"sv, "an XML document that is no SVG"},
    Magic{0, "<!DOCTYPE"sv, "an XML or HTML document"},
    Magic{0, "<html"sv, "an HTML document"},
    Magic{0, "#EXTM3U"sv, "a playlist"},
    Magic{0, "PK\3\4"sv, "a ZIP archive"},
    Magic{0, "\x1F\x8B"sv, "a gzip archive"},
    Magic{0,
          "\x7F"
          "ELF"sv,
          "a program"},
    Magic{0, "ID3"sv, "an audio file"},
    Magic{0, "fLaC"sv, "an audio file"},
    Magic{0, "OggS"sv, "an audio or video file"},
    Magic{0, "\x1A\x45\xDF\xA3"sv, "a Matroska or WebM video"},
    Magic{4, "ftyp"sv, "an audio or video file of the MP4 family"},
    Magic{0, "RIFF"sv, "a RIFF file"},
    Magic{0, "P4"sv, "a Netpbm picture"},
    Magic{0, "P5"sv, "a Netpbm picture"},
    Magic{0, "P6"sv, "a Netpbm picture"},
};

// The brands of an ISO base media file (ISO/IEC 14496-12, 4.3): major first, then the compatible
// ones.
std::optional<SourceFormat> heif_kind(ByteSpan bytes) {
  if (!has_bytes(bytes, 4, "ftyp")) return std::nullopt;
  const std::size_t box = big_endian(bytes, 0, 4);
  const std::size_t end = std::min({box, bytes.size(), std::size_t{256}});
  std::optional<SourceFormat> kind;
  for (std::size_t at = 8; at + 4 <= end; at += at == 8 ? 8 : 4) {
    for (const std::string_view brand : {"avif"sv, "avis"sv}) {
      if (has_bytes(bytes, at, brand)) return SourceFormat::Avif;
    }
    for (const std::string_view brand :
         {"heic"sv, "heix"sv, "heim"sv, "heis"sv, "hevc"sv, "hevx"sv}) {
      if (has_bytes(bytes, at, brand)) kind = SourceFormat::Heic;
    }
  }
  return kind;
}

// Two letters are too few: the length of the header behind the file header has few values.
bool is_bmp(ByteSpan bytes) {
  if (!has_bytes(bytes, 0, "BM")) return false;
  const std::uint32_t header_bytes = little_endian(bytes, 14, 4);
  constexpr std::array kKnown = {12U, 40U, 52U, 56U, 64U, 108U, 124U};
  return std::ranges::find(kKnown, header_bytes) != kKnown.end();
}

// Four bytes, three of them 0, are too few: the first entry of the directory has a byte that is 0,
// and is not at the file's begin.
bool is_icon(ByteSpan bytes) {
  return has_bytes(bytes, 0, "\0\0\1\0"sv) && little_endian(bytes, 4, 2) > 0 &&
         has_bytes(bytes, 9, "\0"sv) && little_endian(bytes, 18, 4) >= 22;
}

bool is_jxl(ByteSpan bytes) {
  return has_bytes(bytes, 0, "\xFF\x0A"sv) || has_bytes(bytes, 0, "\0\0\0\x0CJXL \r\n\x87\n"sv);
}

bool is_jp2(ByteSpan bytes) {
  return has_bytes(bytes, 0, "\0\0\0\x0CjP  \r\n\x87\n"sv) ||
         has_bytes(bytes, 0, "\xFF\x4F\xFF\x51"sv);
}

std::optional<SourceFormat> allowed_kind(ByteSpan bytes) {
  if (has_bytes(bytes, 0, "\xFF\xD8\xFF"sv)) return SourceFormat::Jpeg;
  if (has_bytes(bytes, 0, "\x89PNG\r\n\x1A\n"sv)) return SourceFormat::Png;
  if (has_bytes(bytes, 0, "RIFF") && has_bytes(bytes, 8, "WEBP")) return SourceFormat::Webp;
  if (has_bytes(bytes, 0, "GIF87a") || has_bytes(bytes, 0, "GIF89a")) return SourceFormat::Gif;
  for (const std::string_view magic : {"II*\0"sv, "MM\0*"sv, "II+\0"sv, "MM\0+"sv}) {
    if (has_bytes(bytes, 0, magic)) return SourceFormat::Tiff;
  }
  if (is_jxl(bytes)) return SourceFormat::Jxl;
  if (is_jp2(bytes)) return SourceFormat::Jp2;
  if (is_bmp(bytes)) return SourceFormat::Bmp;
  if (is_icon(bytes)) return SourceFormat::Ico;
  if (has_bytes(bytes, 0, "8BPS")) return SourceFormat::Psd;
  if (has_bytes(bytes, 0, "%PDF-")) return SourceFormat::Pdf;
  if (const auto heif = heif_kind(bytes)) return heif;
  if (begins_like_svg(bytes)) return SourceFormat::Svg;
  return std::nullopt;
}

}  // namespace

Sniffed sniff(ByteSpan bytes) {
  Sniffed result;
  result.format = allowed_kind(bytes);
  if (result.format) {
    result.seen = word_of(*result.format);
    return result;
  }
  if (bytes.empty()) {
    result.seen = "an empty file";
    return result;
  }
  for (const Magic& other : kOthers) {
    if (has_bytes(bytes, other.at, other.bytes)) {
      result.seen = other.seen;
      return result;
    }
  }
  result.seen = "bytes of no known kind";
  return result;
}

}  // namespace millrace::workers::image
