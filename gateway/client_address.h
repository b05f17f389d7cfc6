// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gateway/ip_range.h"
#include "net/headers.h"

namespace millrace::gateway {

// The proxies in front of the gateway whose word about the client counts. Immutable.
class TrustedProxies {
 public:
  TrustedProxies() = default;  // trusts nobody
  // Each entry a CIDR block, one address, or "unix" (whoever connects over a unix socket).
  // BadParameter that names the entry.
  static base::Result<TrustedProxies> make(const std::vector<std::string>& entries);

  // `peer` as HttpExchange::peer_address() has it: an address without port, or "unix".
  [[nodiscard]] bool trusts(std::string_view peer) const;
  [[nodiscard]] bool trusts(const IpAddress& address) const;

 private:
  std::vector<IpRange> ranges_;
  bool unix_ = false;
};

// Where a request comes from: an address without port, or "unix".
//
// A trusted peer's X-Forwarded-For is read from the right, where the nearest proxy wrote, past
// every trusted proxy; what stands further left is the client's own word and counts for nothing. If
// all are trusted, the left-most is the client. An address that cannot be read ends it: then the
// peer itself counts.
std::string client_address(std::string_view peer, const net::Headers& headers,
                           const TrustedProxies& trusted);

// The same, as the throttle counts it: "203.0.113.9", or the /64 of an IPv6 address
// ("2001:db8:1:2::/64"), because one subscriber has all of that, or "unix".
std::string client_subscriber(std::string_view peer, const net::Headers& headers,
                              const TrustedProxies& trusted);

}  // namespace millrace::gateway
