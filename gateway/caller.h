// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gateway/client_address.h"
#include "gateway/throttle_config.h"
#include "net/headers.h"
#include "ratelimit/throttle_types.h"

namespace millrace::gateway {

// Who asks, and what that entitles to.
struct Caller {
  std::string user;  // as agents see it: a configured name, or "ip:<address>" for the nameless
  std::string tier;
  ratelimit::UserLimits limits;
};

// True for a Caller::user that stands for an address.
bool is_nameless(std::string_view user);

// What tells who asks. Views of the request.
struct CallerFacts {
  std::string_view target;  // as received
  const net::Headers& headers;
  std::string_view peer;  // HttpExchange::peer_address()
  std::int64_t now_unix_s = 0;
};

// The configured users and limits, made ready to be asked. Immutable; threads share it, and a
// reload puts a new one in its place.
class CallerPolicy {
 public:
  // `config` has passed its bind().
  CallerPolicy(const ThrottleConfig& config, std::string anonymous_tier);

  // A valid signed URL names its access key's user; otherwise X-Millrace-User from a trusted proxy
  // does; otherwise the caller is anonymous, known by address. BadSignatureForm, TokenInvalid,
  // TokenExpired: a wrong token is never the same as none.
  [[nodiscard]] base::Result<Caller> who_asks(const CallerFacts& facts) const;

  struct KeyHolder {
    std::string_view user;
    std::string_view secret_key;
  };
  // Whose access key it is; the views are this policy's. nullopt: nobody's.
  [[nodiscard]] std::optional<KeyHolder> holder_of(std::string_view access_key) const;

  // The client's whole address, for logs (gateway/client_address.h).
  [[nodiscard]] std::string client_of(std::string_view peer, const net::Headers& headers) const;

  // "http" or "https": of the client's URL, as far as trusted proxies tell.
  [[nodiscard]] std::string_view scheme_of(std::string_view peer,
                                           const net::Headers& headers) const;

  // Those of `names` that have a limit; the views are this policy's.
  [[nodiscard]] std::vector<ratelimit::CommandLimit> command_limits(
      const std::vector<std::string_view>& names) const;

 private:
  struct User {
    Caller caller;
    std::string secret_key;
  };
  [[nodiscard]] base::Result<Caller> by_token(const CallerFacts& facts, bool peer_trusted) const;

  TrustedProxies trusted_;
  Caller anonymous_;                                             // without user
  std::map<std::string, User, std::less<>> users_;               // by name
  std::map<std::string, std::string, std::less<>> name_of_key_;  // access key -> name
  std::map<std::string, std::uint32_t, std::less<>> commands_;   // only those with a limit
};

}  // namespace millrace::gateway
