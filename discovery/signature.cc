// SPDX-License-Identifier: Apache-2.0
#include "discovery/signature.h"

#include <charconv>
#include <optional>

#include "base/crypto.h"

namespace millrace::discovery {
namespace {

using base::Reason;
using base::Result;

template <class Number>
std::optional<Number> whole_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string signature_of(std::string_view fleet_key, const SignedParts& parts) {
  std::string text = "millrace-registry-1\n";
  text.reserve(text.size() + parts.method.size() + parts.target.size() + parts.body.size() + 48);
  text.append(parts.method).append("\n").append(parts.target).append("\n");
  text.append(std::to_string(parts.sent_at_unix_ms)).append("\n");
  text.append(std::to_string(parts.sequence)).append("\n");
  text.append(parts.body);
  return base::hex(base::hmac_sha256(fleet_key, text));
}

void sign(net::Headers& headers, std::string_view fleet_key, const SignedParts& parts) {
  headers.set(kTimeHeader, std::to_string(parts.sent_at_unix_ms));
  headers.set(kSequenceHeader, std::to_string(parts.sequence));
  headers.set(kSignatureHeader, signature_of(fleet_key, parts));
}

Result<std::uint64_t> verify(std::string_view fleet_key, std::string_view method,
                             std::string_view target, const net::Headers& headers,
                             std::string_view body, std::int64_t now_unix_ms,
                             std::chrono::milliseconds clock_skew) {
  const auto signature = headers.find(kSignatureHeader);
  const auto time = headers.find(kTimeHeader);
  const auto sequence = headers.find(kSequenceHeader);
  if (!signature || !time || !sequence) {
    return base::fail(Reason::TokenMissing,
                      "Requests to the registry are signed with the fleet's key: X-Millrace-Time, "
                      "X-Millrace-Sequence and X-Millrace-Signature");
  }
  SignedParts parts{.method = method, .target = target, .body = body};
  const auto sent_at = whole_number<std::int64_t>(*time);
  const auto number = whole_number<std::uint64_t>(*sequence);
  if (!sent_at || !number) {
    return base::fail(Reason::BadSignatureForm,
                      "X-Millrace-Time and X-Millrace-Sequence are decimal numbers");
  }
  parts.sent_at_unix_ms = *sent_at;
  parts.sequence = *number;
  if (!base::equal_constant_time(signature_of(fleet_key, parts), *signature)) {
    return base::fail(Reason::TokenInvalid,
                      "The signature does not fit: the sender has another fleet key, or the "
                      "request was altered");
  }
  // Unsigned, so that no pair of times can overflow.
  const auto a = static_cast<std::uint64_t>(now_unix_ms);
  const auto b = static_cast<std::uint64_t>(*sent_at);
  const std::uint64_t apart = now_unix_ms > *sent_at ? a - b : b - a;
  if (apart > static_cast<std::uint64_t>(clock_skew.count())) {
    return base::fail(Reason::TokenExpired, "The request was signed " + std::to_string(apart) +
                                                " ms away from this registry's clock; at most " +
                                                std::to_string(clock_skew.count()) +
                                                " ms are allowed");
  }
  return *number;
}

std::int64_t unix_ms_now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace millrace::discovery
