// SPDX-License-Identifier: Apache-2.0
#include "storage/media_type.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace millrace::storage {
namespace {

struct Row {
  std::string_view extension;  // lower case, without the dot
  std::string_view media_type;
};

// Names as registered with IANA, where there is a registration. Sorted by extension.
constexpr std::array kRows = {
    Row{"3gp", "video/3gpp"},
    Row{"aac", "audio/aac"},
    Row{"ac3", "audio/ac3"},
    Row{"aif", "audio/aiff"},
    Row{"aiff", "audio/aiff"},
    Row{"amr", "audio/AMR"},
    Row{"apng", "image/apng"},
    Row{"avi", "video/x-msvideo"},
    Row{"avif", "image/avif"},
    Row{"bmp", "image/bmp"},
    Row{"css", "text/css"},
    Row{"csv", "text/csv"},
    Row{"doc", "application/msword"},
    Row{"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    Row{"flac", "audio/flac"},
    Row{"flv", "video/x-flv"},
    Row{"gif", "image/gif"},
    Row{"gz", "application/gzip"},
    Row{"heic", "image/heic"},
    Row{"heif", "image/heif"},
    Row{"htm", "text/html"},
    Row{"html", "text/html"},
    Row{"ico", "image/vnd.microsoft.icon"},
    Row{"jp2", "image/jp2"},
    Row{"jpe", "image/jpeg"},
    Row{"jpeg", "image/jpeg"},
    Row{"jpg", "image/jpeg"},
    Row{"js", "text/javascript"},
    Row{"json", "application/json"},
    Row{"jxl", "image/jxl"},
    Row{"m2ts", "video/mp2t"},
    Row{"m3u8", "application/vnd.apple.mpegurl"},
    Row{"m4a", "audio/mp4"},
    Row{"m4s", "video/iso.segment"},
    Row{"m4v", "video/mp4"},
    Row{"md", "text/markdown"},
    Row{"mkv", "video/matroska"},
    Row{"mov", "video/quicktime"},
    Row{"mp3", "audio/mpeg"},
    Row{"mp4", "video/mp4"},
    Row{"mpd", "application/dash+xml"},
    Row{"mpeg", "video/mpeg"},
    Row{"mpg", "video/mpeg"},
    Row{"oga", "audio/ogg"},
    Row{"ogg", "audio/ogg"},
    Row{"ogv", "video/ogg"},
    Row{"opus", "audio/ogg"},
    Row{"pdf", "application/pdf"},
    Row{"png", "image/png"},
    Row{"ppt", "application/vnd.ms-powerpoint"},
    Row{"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    Row{"psd", "image/vnd.adobe.photoshop"},
    Row{"srt", "application/x-subrip"},
    Row{"svg", "image/svg+xml"},
    Row{"tar", "application/x-tar"},
    Row{"tif", "image/tiff"},
    Row{"tiff", "image/tiff"},
    Row{"ts", "video/mp2t"},
    Row{"txt", "text/plain"},
    Row{"vtt", "text/vtt"},
    Row{"wav", "audio/vnd.wave"},
    Row{"weba", "audio/webm"},
    Row{"webm", "video/webm"},
    Row{"webp", "image/webp"},
    Row{"wma", "audio/x-ms-wma"},
    Row{"wmv", "video/x-ms-wmv"},
    Row{"xls", "application/vnd.ms-excel"},
    Row{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    Row{"xml", "application/xml"},
    Row{"zip", "application/zip"},
};
static_assert(std::ranges::is_sorted(kRows, {}, &Row::extension));

constexpr std::size_t kExtensionMax = 8;
constexpr std::string_view kUnknown = "application/octet-stream";

}  // namespace

std::string_view media_type_of_key(std::string_view key) {
  const std::string_view name = key.substr(key.rfind('/') + 1);  // npos + 1 is 0
  const std::size_t dot = name.rfind('.');
  // A name that begins with its only dot (".png") is hidden, not a picture.
  if (dot == std::string_view::npos || dot == 0) return kUnknown;
  const std::string_view given = name.substr(dot + 1);
  if (given.empty() || given.size() > kExtensionMax) return kUnknown;
  std::array<char, kExtensionMax> lower{};
  std::ranges::transform(given, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const std::string_view extension(lower.data(), given.size());
  const auto row = std::ranges::lower_bound(kRows, extension, {}, &Row::extension);
  return row != kRows.end() && row->extension == extension ? row->media_type : kUnknown;
}

}  // namespace millrace::storage
