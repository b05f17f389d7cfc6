// SPDX-License-Identifier: Apache-2.0
#include "workers/image/readers/jp2_header.h"

#include <optional>
#include <string_view>

namespace millrace::workers::image {
namespace {

using namespace std::string_view_literals;
using base::Reason;

// A file has half a dozen.
constexpr int kBoxesMax = 1000;

base::Failure corrupt() {
  return base::fail(Reason::CorruptMedia, "The header of the JPEG 2000 file is damaged.");
}
base::Failure unsupported() {
  return base::fail(Reason::UnsupportedMedia, "The source is a kind of jp2 that cannot be read.");
}

struct Box {
  std::string_view type;
  ByteSpan body;
  std::size_t end = 0;
};

// With a length of its own; the two special lengths (to the end of the file, 64 bits) are for the
// codestream alone here.
std::optional<Box> box_at(ByteSpan bytes, std::size_t at) {
  if (at > bytes.size() || bytes.size() - at < 8) return std::nullopt;
  const std::size_t length = big_endian(bytes, at, 4);
  if (length < 8 || length > bytes.size() - at) return std::nullopt;
  return Box{{reinterpret_cast<const char*>(&bytes[at + 4]), 4},
             bytes.subspan(at + 8, length - 8),
             at + length};
}

bool has_palette(ByteSpan header_box) {
  std::size_t at = 0;
  for (int i = 0; i < kBoxesMax && at < header_box.size(); ++i) {
    const auto box = box_at(header_box, at);
    // What cannot be walked may hide anything.
    if (!box || box->type == "pclr"sv || box->type == "cmap"sv) return true;
    at = box->end;
  }
  return false;
}

// OpenJPEG reads boxes in the order of the file, those of the header also where they stand outside
// of it, and stops at the codestream: so does this.
base::Result<ByteSpan> codestream_of(ByteSpan file) {
  if (has_bytes(file, 0, "\xFF\x4F"sv)) return file;
  std::size_t at = 0;
  for (int i = 0; i < kBoxesMax; ++i) {
    if (has_bytes(file, at + 4, "jp2c")) {
      const std::size_t header_bytes = big_endian(file, at, 4) == 1 ? 16 : 8;
      return slice(file, at + header_bytes);
    }
    const auto box = box_at(file, at);
    if (!box) return corrupt();
    if (box->type == "pclr"sv || box->type == "cmap"sv) return unsupported();
    if (box->type == "jp2h"sv && has_palette(box->body)) return unsupported();
    at = box->end;
  }
  return corrupt();
}

}  // namespace

base::Result<Jp2Header> read_jp2_header(ByteSpan file) {
  const auto stream = codestream_of(file);
  if (!stream) return base::fail(stream.error());
  // SOC, SIZ, and its fixed part (A.5.1).
  constexpr std::size_t kComponentsAt = 42;
  if (!has_bytes(*stream, 0, "\xFF\x4F\xFF\x51"sv) || stream->size() < kComponentsAt) {
    return corrupt();
  }
  const auto number = [&stream](std::size_t at) {
    return static_cast<std::int64_t>(big_endian(*stream, at, 4));
  };
  Jp2Header header;
  header.size = {number(8), number(12)};
  header.components = static_cast<int>(big_endian(*stream, 40, 2));
  const bool grid_at_0 = number(16) == 0 && number(20) == 0 && number(32) == 0 && number(36) == 0;
  const bool has_tiles = number(24) > 0 && number(28) > 0;
  if (header.size.width < 1 || header.size.height < 1 || header.components < 1 || !has_tiles) {
    return corrupt();
  }
  if (header.components > 4 || !grid_at_0) return unsupported();
  if (stream->size() < kComponentsAt + static_cast<std::size_t>(header.components) * 3) {
    return corrupt();
  }
  const std::uint8_t depth = (*stream)[kComponentsAt];
  header.bits = (depth & 0x7F) + 1;
  if ((depth & 0x80) != 0 || header.bits > 16) return unsupported();
  for (std::size_t i = 0; i < static_cast<std::size_t>(header.components); ++i) {
    const std::uint8_t* component = &(*stream)[kComponentsAt + 3 * i];
    if (component[0] != depth || component[1] != 1 || component[2] != 1) return unsupported();
  }
  return header;
}

}  // namespace millrace::workers::image
