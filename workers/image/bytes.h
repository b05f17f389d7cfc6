// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace millrace::workers::image {

using ByteSpan = std::span<const std::uint8_t>;

// Whether `wanted` stands at `at`.
inline bool has_bytes(ByteSpan bytes, std::size_t at, std::string_view wanted) {
  return at <= bytes.size() && bytes.size() - at >= wanted.size() &&
         std::equal(wanted.begin(), wanted.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

// The big-endian number of `count` (1..4) bytes at `at`; 0 where the bytes end before it does.
inline std::uint32_t big_endian(ByteSpan bytes, std::size_t at, std::size_t count) {
  if (at > bytes.size() || bytes.size() - at < count) return 0;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = (value << 8) | bytes[at + i];
  return value;
}

// The same, little-endian.
inline std::uint32_t little_endian(ByteSpan bytes, std::size_t at, std::size_t count) {
  if (at > bytes.size() || bytes.size() - at < count) return 0;
  std::uint32_t value = 0;
  for (std::size_t i = count; i > 0; --i) value = (value << 8) | bytes[at + i - 1];
  return value;
}

// What lies from `at` on, at most `count` bytes of it; empty where there is nothing.
inline ByteSpan slice(ByteSpan bytes, std::size_t at, std::size_t count = SIZE_MAX) {
  if (at >= bytes.size()) return {};
  return bytes.subspan(at, std::min(count, bytes.size() - at));
}

}  // namespace millrace::workers::image
