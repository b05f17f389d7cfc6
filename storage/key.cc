// SPDX-License-Identifier: Apache-2.0
#include "storage/key.h"

namespace millrace::storage {
namespace {

// Calls `refused` with each segment; true when it refuses one.
template <class Refused>
bool any_segment(std::string_view key, Refused refused) {
  std::size_t begin = 0;
  while (true) {
    const std::size_t slash = key.find('/', begin);
    if (refused(key.substr(begin, slash == std::string_view::npos ? slash : slash - begin))) {
      return true;
    }
    if (slash == std::string_view::npos) return false;
    begin = slash + 1;
  }
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

}  // namespace

bool is_key(std::string_view key) {
  if (key.empty() || key.size() > kKeyBytesMax) return false;
  if (key.find('\0') != std::string_view::npos) return false;
  return !any_segment(key, [](std::string_view s) { return s == "." || s == ".."; });
}

bool is_path_key(std::string_view key) {
  return is_key(key) && !any_segment(key, [](std::string_view s) { return s.empty(); });
}

std::string percent_encode_key(std::string_view key) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string text;
  text.reserve(key.size());
  for (const char c : key) {
    if (is_unreserved(c) || c == '/') {
      text += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    text += '%';
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

}  // namespace millrace::storage
