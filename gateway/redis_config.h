// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "base/config.h"
#include "ratelimit/redis_store.h"

namespace millrace::gateway {

// Section gateway.redis: where the limits of several gateways are kept together.
struct RedisConfig {
  std::string address;   // host:port or unix:/path; empty: each gateway has limits of its own
  std::string username;  // of an ACL; empty: the default user
  std::string password;
  std::size_t database = 0;
  std::string key_prefix = "millrace:";
  std::chrono::milliseconds answer_timeout{5};
  std::chrono::milliseconds lease{10'000};

  void bind(base::ConfigBinder& binder);
  // Only where there is an address.
  [[nodiscard]] ratelimit::RedisOptions options(std::size_t gateways_count) const;
};

}  // namespace millrace::gateway
