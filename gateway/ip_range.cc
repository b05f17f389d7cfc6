// SPDX-License-Identifier: Apache-2.0
#include "gateway/ip_range.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>

namespace millrace::gateway {
namespace {

constexpr int kBits = 128;
constexpr int kV4PrefixBits = 96;

std::optional<int> parse_number(std::string_view text, int max) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || text.empty() || value < 0 || value > max) return std::nullopt;
  return value;
}

bool is_port(std::string_view text) { return parse_number(text, 65'535).has_value(); }

std::optional<IpAddress> parse_bare(std::string_view text) {
  const std::string terminated(text);
  IpAddress address;
  if (text.find(':') != std::string_view::npos) {
    if (::inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) != 1) return std::nullopt;
    return address;
  }
  address.bytes[10] = address.bytes[11] = 0xff;
  if (::inet_pton(AF_INET, terminated.c_str(), address.bytes.data() + 12) != 1) return std::nullopt;
  return address;
}

}  // namespace

bool IpAddress::is_v4() const {
  const bool zeros = std::all_of(bytes.begin(), bytes.begin() + 10, [](auto b) { return b == 0; });
  return zeros && bytes[10] == 0xff && bytes[11] == 0xff;
}

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  const bool v4 = is_v4();
  ::inet_ntop(v4 ? AF_INET : AF_INET6, bytes.data() + (v4 ? 12 : 0), buffer.data(), buffer.size());
  return buffer.data();
}

std::optional<IpAddress> parse_ip(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && (rest.front() != ':' || !is_port(rest.substr(1)))) return std::nullopt;
    const std::string_view inside = text.substr(1, close - 1);
    return inside.find(':') == std::string_view::npos ? std::nullopt : parse_bare(inside);
  }
  const std::size_t colon = text.find(':');
  const bool one_colon = colon != std::string_view::npos && text.rfind(':') == colon;
  if (!one_colon) return parse_bare(text);
  return is_port(text.substr(colon + 1)) ? parse_bare(text.substr(0, colon)) : std::nullopt;
}

IpAddress masked(IpAddress address, int prefix_bits) {
  for (int i = 0; i < kBits / 8; ++i) {
    const int keep = std::clamp(prefix_bits - i * 8, 0, 8);
    address.bytes[static_cast<std::size_t>(i)] &= static_cast<std::uint8_t>(0xff00U >> keep);
  }
  return address;
}

bool IpRange::contains(const IpAddress& address) const {
  return masked(address, prefix_bits) == first;
}

std::optional<IpRange> parse_ip_range(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_bare(text.substr(0, slash));
  if (!address) return std::nullopt;
  IpRange range{.first = *address, .prefix_bits = kBits};
  if (slash == std::string_view::npos) return range;
  const bool v4 = text.find(':') == std::string_view::npos;
  const auto bits = parse_number(text.substr(slash + 1), v4 ? 32 : kBits);
  if (!bits) return std::nullopt;
  range.prefix_bits = v4 ? kV4PrefixBits + *bits : *bits;
  if (masked(range.first, range.prefix_bits) != range.first) return std::nullopt;
  return range;
}

}  // namespace millrace::gateway
