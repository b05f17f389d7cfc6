// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::base {

using Digest256 = std::array<std::uint8_t, 32>;

Digest256 sha256(std::string_view text);
// RFC 2104 with SHA-256.
Digest256 hmac_sha256(std::string_view key, std::string_view text);
// The same with SHA-1: 20 bytes. Only for tokens whose form others have fixed; nothing of ours.
std::array<std::uint8_t, 20> hmac_sha1(std::string_view key, std::string_view text);
std::string hex(const Digest256& digest);
// In constant time for equal lengths.
bool equal_constant_time(std::string_view a, std::string_view b);
// From the operating system's generator; aborts when that fails.
std::string random_hex(std::size_t byte_count);
// RFC 4648 section 5, padding kept when encoding, accepted with and without when decoding.
std::string base64url_encode(std::string_view bytes);
std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace millrace::base
