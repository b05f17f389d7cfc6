// SPDX-License-Identifier: Apache-2.0
#include "gateway/client_address.h"

#include <algorithm>
#include <optional>

namespace millrace::gateway {
namespace {

constexpr std::string_view kUnix = "unix";
constexpr int kSubscriberBits = 64;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string counted(const IpAddress& address) {
  if (address.is_v4()) return address.text();
  return masked(address, kSubscriberBits).text() + "/64";
}

// All fields of that name as one list, as RFC 9110 section 5.3 says.
std::string joined_fields(const net::Headers& headers, std::string_view name) {
  std::string joined;
  for (const net::Header& field : headers) {
    if (!net::equal_ignoring_case(field.name, name)) continue;
    if (!joined.empty()) joined += ',';
    joined += field.value;
  }
  return joined;
}

std::optional<IpAddress> forwarded_for(std::string_view list, const TrustedProxies& trusted) {
  std::optional<IpAddress> client;
  while (true) {
    const std::size_t comma = list.rfind(',');
    const std::size_t begin = comma == std::string_view::npos ? 0 : comma + 1;
    client = parse_ip(trimmed(list.substr(begin)));
    if (!client || !trusted.trusts(*client) || comma == std::string_view::npos) return client;
    list = list.substr(0, comma);
  }
}

// Nothing for "unix".
std::optional<IpAddress> find_address(std::string_view peer, const net::Headers& headers,
                                      const TrustedProxies& trusted) {
  if (trusted.trusts(peer)) {
    const std::string list = joined_fields(headers, "X-Forwarded-For");
    if (const auto client = forwarded_for(list, trusted)) return client;
  }
  return parse_ip(peer);
}

}  // namespace

base::Result<TrustedProxies> TrustedProxies::make(const std::vector<std::string>& entries) {
  TrustedProxies trusted;
  for (const std::string& entry : entries) {
    if (entry == kUnix) {
      trusted.unix_ = true;
    } else if (const auto range = parse_ip_range(entry)) {
      trusted.ranges_.push_back(*range);
    } else {
      return base::fail(base::Reason::BadParameter,
                        "\"" + entry +
                            "\" is no block of addresses; write an address (192.0.2.7), a block "
                            "with no bit set behind its prefix (10.0.0.0/8, 2001:db8::/32), or "
                            "unix");
    }
  }
  return trusted;
}

bool TrustedProxies::trusts(std::string_view peer) const {
  if (peer == kUnix) return unix_;
  const auto address = parse_ip(peer);
  return address && trusts(*address);
}

bool TrustedProxies::trusts(const IpAddress& address) const {
  return std::ranges::any_of(ranges_,
                             [&address](const IpRange& each) { return each.contains(address); });
}

std::string client_address(std::string_view peer, const net::Headers& headers,
                           const TrustedProxies& trusted) {
  const auto address = find_address(peer, headers, trusted);
  return address ? address->text() : std::string(peer);
}

std::string client_subscriber(std::string_view peer, const net::Headers& headers,
                              const TrustedProxies& trusted) {
  const auto address = find_address(peer, headers, trusted);
  return address ? counted(*address) : std::string(peer);
}

}  // namespace millrace::gateway
