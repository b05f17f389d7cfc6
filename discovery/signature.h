// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/headers.h"

namespace millrace::discovery {

inline constexpr std::string_view kSignatureHeader = "X-Millrace-Signature";  // 64 hex digits
inline constexpr std::string_view kTimeHeader = "X-Millrace-Time";            // ms since 1970
inline constexpr std::string_view kSequenceHeader = "X-Millrace-Sequence";

// What the fleet's key vouches for in a request to the registry.
struct SignedParts {
  std::string_view method;
  std::string_view target;
  std::int64_t sent_at_unix_ms = 0;
  std::uint64_t sequence =
      0;  // grows with every message of one incarnation; 0 where nothing is changed
  std::string_view body;
};

// Hex HMAC-SHA256 over "millrace-registry-1", method, target, time and sequence, each ended by a
// line break, then the body.
std::string signature_of(std::string_view fleet_key, const SignedParts& parts);
// Sets the three fields.
void sign(net::Headers& headers, std::string_view fleet_key, const SignedParts& parts);

// Checks a received request and gives its sequence. TokenMissing (a field is absent),
// BadSignatureForm (a field cannot be read), TokenInvalid (another key, or altered), TokenExpired
// (sent more than `clock_skew` from now). Whether the sequence has been seen is for RegistryState
// to say.
base::Result<std::uint64_t> verify(std::string_view fleet_key, std::string_view method,
                                   std::string_view target, const net::Headers& headers,
                                   std::string_view body, std::int64_t now_unix_ms,
                                   std::chrono::milliseconds clock_skew);

// Wall-clock time for the above.
std::int64_t unix_ms_now();

}  // namespace millrace::discovery
