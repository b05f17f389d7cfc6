// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace millrace::storage {

inline constexpr std::size_t kKeyBytesMax = 4'096;

// What no bucket serves, whatever its kind: the empty key, more than kKeyBytesMax, a NUL, and "."
// or ".." as a segment, which file systems and web servers alike would resolve to something that
// has another name.
bool is_key(std::string_view key);
// A key that names a file by its one path: is_key, and no empty segment either ("/a", "a//b",
// "a/").
bool is_path_key(std::string_view key);

// For a request target: everything but RFC 3986's unreserved characters and "/" as %XX.
std::string percent_encode_key(std::string_view key);

}  // namespace millrace::storage
