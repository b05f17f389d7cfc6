// SPDX-License-Identifier: Apache-2.0
#include "gateway/request_identity.h"

#include <algorithm>

namespace millrace::gateway {
namespace {

constexpr std::size_t kTraceParentLength = 55;

void append_hex(std::string& text, std::uint64_t bits, int digits) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) text += kDigits[(bits >> shift) & 0xf];
}

bool is_lower_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

}  // namespace

std::uint64_t RequestIds::next_bits() {
  std::uint64_t x = seed_ + ++count_ * 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  x ^= x >> 31;
  return x == 0 ? 1 : x;
}

std::string RequestIds::next() {
  std::string id;
  id.reserve(24);
  append_hex(id, next_bits(), 16);
  append_hex(id, count_, 8);
  return id;
}

std::string TraceParent::text() const {
  std::string text;
  text.reserve(kTraceParentLength);
  text.append("00-").append(trace_id).append("-").append(parent_id).append("-").append(flags);
  return text;
}

std::optional<TraceParent> parse_traceparent(std::string_view text) {
  if (text.size() < kTraceParentLength) return std::nullopt;
  const std::string_view version = text.substr(0, 2);
  const std::string_view trace_id = text.substr(3, 32);
  const std::string_view parent_id = text.substr(36, 16);
  const std::string_view flags = text.substr(53, 2);
  const bool dashes = text[2] == '-' && text[35] == '-' && text[52] == '-';
  if (!dashes || !is_lower_hex(version) || version == "ff") return std::nullopt;
  if (text.size() > kTraceParentLength && (version == "00" || text[kTraceParentLength] != '-')) {
    return std::nullopt;
  }
  if (!is_lower_hex(trace_id) || is_zero(trace_id)) return std::nullopt;
  if (!is_lower_hex(parent_id) || is_zero(parent_id) || !is_lower_hex(flags)) return std::nullopt;
  return TraceParent{std::string(trace_id), std::string(parent_id), std::string(flags)};
}

TraceParent continue_trace(std::optional<std::string_view> from_client, RequestIds& ids) {
  TraceParent trace;
  if (auto known = from_client ? parse_traceparent(*from_client) : std::nullopt) {
    trace = *std::move(known);
    trace.parent_id.clear();
  } else {
    append_hex(trace.trace_id, ids.next_bits(), 16);
    append_hex(trace.trace_id, ids.next_bits(), 16);
    trace.flags = "00";
  }
  append_hex(trace.parent_id, ids.next_bits(), 16);
  return trace;
}

}  // namespace millrace::gateway
