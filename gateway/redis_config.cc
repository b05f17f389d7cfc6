// SPDX-License-Identifier: Apache-2.0
#include "gateway/redis_config.h"

#include "net/endpoint.h"

namespace millrace::gateway {

void RedisConfig::bind(base::ConfigBinder& b) {
  b.text("address", address,
         "host:port or unix:/path of the Redis that several gateways share; empty: limits are this "
         "gateway's own");
  if (!address.empty()) {
    const auto endpoint = net::parse_endpoint(address);
    if (!endpoint) {
      b.refuse("address is \"" + address + "\": " + endpoint.error().public_message);
    } else if (endpoint->tls || (endpoint->port == 0 && !endpoint->is_unix())) {
      b.refuse("address is host:port (without TLS) or unix:/path");
    }
  }
  b.text("username", username, "of an ACL; empty: the default user");
  b.secret("password", password, "empty: none");
  b.count("database", database, {.min = 0, .max = 1'000'000}, "number of the database");
  b.text("key_prefix", key_prefix, "of every key; gateways with the same prefix share limits");
  b.milliseconds("answer_timeout_ms_max", answer_timeout, {.min = 1, .max = 10},
                 "without an answer for so long, this gateway's share of the limits decides");
  b.milliseconds("lease_ms", lease, {.min = 1'000, .max = 3'600'000},
                 "what a gateway that died had in flight is counted for so long");
  if (!username.empty() && password.empty()) b.refuse("username needs a password");
}

ratelimit::RedisOptions RedisConfig::options(std::size_t gateways_count) const {
  ratelimit::RedisOptions options;
  if (const auto endpoint = net::parse_endpoint(address)) {
    options.host = endpoint->host;
    options.port = endpoint->port;
    options.unix_path = endpoint->unix_path;
  }
  options.username = username;
  options.password = password;
  options.database = static_cast<std::uint32_t>(database);
  options.key_prefix = key_prefix;
  options.gateways_count = gateways_count;
  options.answer_max = answer_timeout;
  options.lease = lease;
  return options;
}

}  // namespace millrace::gateway
