// SPDX-License-Identifier: Apache-2.0
#include "pipeline/wording.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <utility>

namespace millrace::pipeline {
namespace {

// Longer names than any command has are not worth comparing: refusing must stay cheap.
constexpr std::size_t kComparedBytesMax = 32;
constexpr std::size_t kSuggestionsMax = 3;

std::uint8_t byte_at(std::string_view bytes, std::size_t index) {
  return static_cast<std::uint8_t>(bytes[index]);
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Levenshtein's distance without regard to ASCII case; both at most kComparedBytesMax long.
std::size_t edits_between(std::string_view a, std::string_view b) {
  std::array<std::size_t, kComparedBytesMax + 1> row{};
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::size_t utf8_sequence_bytes(std::string_view bytes) {
  if (bytes.empty()) return 0;
  const std::uint8_t first = byte_at(bytes, 0);
  if (first < 0x80) return 1;
  std::size_t length = 0;
  // The second byte's bounds keep out overlong forms, surrogates and what lies beyond U+10FFFF.
  std::uint8_t low = 0x80;
  std::uint8_t high = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  }
  if (length == 0 || bytes.size() < length) return 0;
  if (byte_at(bytes, 1) < low || byte_at(bytes, 1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte_at(bytes, i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

std::string in_quotes(std::string_view bytes, std::size_t bytes_max) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text = "\"";
  std::size_t at = 0;
  while (at < bytes.size()) {
    const std::size_t length = utf8_sequence_bytes(bytes.substr(at));
    if (at + std::max<std::size_t>(length, 1) > bytes_max) {
      text += "…";
      break;
    }
    const std::uint8_t byte = byte_at(bytes, at);
    const bool plain =
        length > 1 || (length == 1 && byte >= 0x20 && byte != 0x7F && byte != '"' && byte != '\\');
    if (plain) {
      text.append(bytes.substr(at, length));
      at += length;
    } else {
      text += "\\x";
      text += kHex[byte >> 4U];
      text += kHex[byte & 0x0FU];
      ++at;
    }
  }
  text += '"';
  return text;
}

std::vector<std::string_view> nearest(std::string_view given,
                                      const std::vector<std::string_view>& names) {
  std::vector<std::string_view> result;
  if (given.empty() || given.size() > kComparedBytesMax) return result;
  const std::size_t edits_max = std::clamp<std::size_t>(given.size() / 3, 1, 3);
  std::vector<std::pair<std::size_t, std::string_view>> found;
  for (const std::string_view name : names) {
    if (name.empty() || name.size() > kComparedBytesMax) continue;
    const std::size_t edits = edits_between(given, name);
    // A single letter is one edit away from every other one: that is no likeness.
    const bool alike = edits == 0 || (edits <= edits_max && edits < name.size());
    if (alike) {
      found.emplace_back(edits, name);
    } else if (given.starts_with(name) || name.starts_with(given)) {
      found.emplace_back(edits_max + 1, name);
    }
  }
  // By likeness, and equal likeness in the order of `names`.
  for (std::size_t edits = 0; edits <= edits_max + 1; ++edits) {
    for (const auto& [count, name] : found) {
      if (count == edits && result.size() < kSuggestionsMax) result.push_back(name);
    }
  }
  return result;
}

std::string listed(const std::vector<std::string_view>& names, std::size_t count_max) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += ", ";
    if (i == count_max) return text + "…";
    text += names[i];
  }
  return text;
}

}  // namespace millrace::pipeline
