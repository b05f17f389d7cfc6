// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

namespace millrace::test {

// An independent signer: OpenSSL's HMAC and base64, not the product's.

// With padding.
std::string base64url(std::string_view bytes);
// HMAC-SHA1 as base64url.
std::string signature(const std::string& secret, std::string_view text);

struct KeyPair {
  std::string access;
  std::string secret;
};

// `target` of the host that fetch() names, with the time (Unix, s) until which it is good, and its
// token.
std::string signed_target(const std::string& target, const KeyPair& key,
                          std::int64_t expires = std::time(nullptr) + 600);

}  // namespace millrace::test
