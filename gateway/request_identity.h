// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::gateway {

// Makes ids that are unique, not secret. One thread.
class RequestIds {
 public:
  // `seed` differs between threads and processes (64 random bits).
  explicit RequestIds(std::uint64_t seed) : seed_(seed) {}
  // 24 hexadecimal digits.
  std::string next();
  std::uint64_t next_bits();  // never 0

 private:
  std::uint64_t seed_;
  std::uint64_t count_ = 0;
};

// W3C Trace Context, the traceparent field: 00-<trace id>-<parent id>-<flags>.
struct TraceParent {
  std::string trace_id;   // 32 lower-case hexadecimal digits, not all 0
  std::string parent_id;  // 16, likewise
  std::string flags = "01";
  [[nodiscard]] std::string text() const;
};

// nullopt for what the standard tells us to ignore. A newer version than 00 is read as far as 00
// goes.
std::optional<TraceParent> parse_traceparent(std::string_view text);
// The same trace with a new parent id; a new, unsampled trace when the client sent none or a broken
// one.
TraceParent continue_trace(std::optional<std::string_view> from_client, RequestIds& ids);

}  // namespace millrace::gateway
