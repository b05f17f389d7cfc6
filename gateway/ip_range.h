// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::gateway {

// An IPv4 or IPv6 address; IPv4 is held in its mapped form ::ffff:a.b.c.d, so that both ways of
// writing it are one address.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  [[nodiscard]] bool is_v4() const;
  // "203.0.113.9", "2001:db8::1"
  [[nodiscard]] std::string text() const;
  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

// "203.0.113.9", "2001:db8::1", "[2001:db8::1]", each also with a port ("203.0.113.9:4711",
// "[2001:db8::1]:4711"), as proxies write them. nullopt for anything else.
std::optional<IpAddress> parse_ip(std::string_view text);

// A block of addresses.
struct IpRange {
  IpAddress first;
  int prefix_bits = 128;  // of the 128; an IPv4 /8 has 104
  [[nodiscard]] bool contains(const IpAddress& address) const;
};

// "10.0.0.0/8", "2001:db8::/32" or one address. nullopt for anything else, bits beyond the prefix
// that are set too: such a block is not what its author thinks.
std::optional<IpRange> parse_ip_range(std::string_view text);

// The address with all bits after the first `prefix_bits` cleared.
IpAddress masked(IpAddress address, int prefix_bits);

}  // namespace millrace::gateway
