// SPDX-License-Identifier: Apache-2.0
#include "gateway/disposition.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "net/headers.h"

namespace millrace::gateway {
namespace {

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

bool is_unsafe(char c) { return is_control(c) || c == '"' || c == '\\' || c == '/'; }

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Length of the UTF-8 sequence at the front, 0 if there is none (RFC 3629: no overlong forms, no
// surrogates).
std::size_t utf8_sequence(std::string_view text) {
  const auto at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  if ((first == 0xe0 && at(1) < 0xa0) || (first == 0xed && at(1) > 0x9f)) return 0;
  if ((first == 0xf0 && at(1) < 0x90) || (first == 0xf4 && at(1) > 0x8f)) return 0;
  return length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_sequence(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

// attr-char of RFC 5987.
bool is_attr_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         std::string_view("!#$&+-.^_`|~").find(c) != std::string_view::npos;
}

std::string ext_value(std::string_view utf8) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text = "UTF-8''";
  for (const char c : utf8) {
    if (is_attr_char(c)) {
      text += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      text += '%';
      text += kDigits[byte >> 4];
      text += kDigits[byte & 0xf];
    }
  }
  return text;
}

// One "_" for each character that ASCII does not have.
std::string ascii_form(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else if ((byte & 0xc0) != 0x80) {
      text += '_';
    }
  }
  return text;
}

}  // namespace

std::string content_disposition(std::string_view name, std::string_view key) {
  if (name.empty()) {
    const std::size_t slash = key.rfind('/');
    name = slash == std::string_view::npos ? key : key.substr(slash + 1);
  }
  std::string safe(name);
  std::ranges::replace_if(safe, is_unsafe, '_');
  if (is_ascii(safe)) return "attachment;filename=\"" + safe + "\"";
  std::string text = "attachment;filename=\"" + ascii_form(safe) + "\"";
  if (is_utf8(safe)) text += ";filename*=" + ext_value(safe);
  return text;
}

bool needs_sandbox(std::string_view media_type) {
  std::string_view type = media_type.substr(0, media_type.find(';'));
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  constexpr std::array<std::string_view, 4> kInert = {"application/octet-stream", "application/pdf",
                                                      "application/json", "text/plain"};
  const auto is_type = [type](std::string_view other) {
    return net::equal_ignoring_case(type, other);
  };
  if (std::ranges::any_of(kInert, is_type)) return false;
  if (is_type("image/svg+xml") || is_type("image/svg")) return true;
  constexpr std::array<std::string_view, 3> kMedia = {"image/", "audio/", "video/"};
  return std::ranges::none_of(kMedia, [type](std::string_view prefix) {
    return net::equal_ignoring_case(type.substr(0, prefix.size()), prefix);
  });
}

}  // namespace millrace::gateway
