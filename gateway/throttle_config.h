// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/config.h"

namespace millrace::gateway {

// What one user may do at a time and a second. In a tier 0 is "no limit"; in a user 0 is "as the
// tier says".
struct AllowanceConfig {
  double rate_per_s = 0;
  std::int64_t burst = 0;  // 0: what the rate gives in a second
  std::int64_t concurrency_max = 0;
  void bind(base::ConfigBinder& binder);
};

// One entry of gateway.users: somebody with a name, known by a key or by a trusted proxy's word.
struct UserConfig {
  std::string tier;
  std::string access_key;  // empty: cannot sign URLs
  std::string secret_key;
  AllowanceConfig allowance;
  void bind(base::ConfigBinder& binder);
};

// One entry of gateway.commands.
struct CommandConfig {
  std::int64_t concurrency_max = 0;  // over all users; 0: no limit
  void bind(base::ConfigBinder& binder);
};

// Who may do how much: the keys tiers, users, commands, slot_cpu_ms and trusted_proxies of section
// gateway. All of it can be replaced while the gateway runs.
struct ThrottleConfig {
  std::map<std::string, AllowanceConfig> tiers = default_tiers();
  std::map<std::string, UserConfig> users;
  std::map<std::string, CommandConfig> commands;
  std::chrono::milliseconds slot_cpu{50};    // what one of concurrency_max stands for
  std::vector<std::string> trusted_proxies;  // CIDR blocks, addresses, "unix"

  // `anonymous_tier` must be one of the tiers.
  void bind(base::ConfigBinder& binder, const std::string& anonymous_tier);
  static std::map<std::string, AllowanceConfig> default_tiers();
};

}  // namespace millrace::gateway
