// SPDX-License-Identifier: Apache-2.0
#include "gateway/throttle_config.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "gateway/client_address.h"

namespace millrace::gateway {
namespace {

constexpr base::IntegerRange kSlots{.min = 0, .max = 1'000'000};
constexpr std::size_t kNameMax = 128;

// A user's name goes into headers, logs and tasks, where an address stands for the nameless.
bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameMax && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '@';
  });
}

// The first rule that is broken, or "".
std::string broken_rule(const ThrottleConfig& config, const std::string& anonymous_tier) {
  const auto known = [&config](const std::string& tier) { return config.tiers.contains(tier); };
  if (!known(anonymous_tier)) {
    return "tier is \"" + anonymous_tier + "\", which is not under tiers";
  }
  std::set<std::string_view> keys;
  for (const auto& [name, user] : config.users) {
    const std::string at = "users." + name;
    if (!is_name(name)) {
      return at + ": a name has 1 to 128 letters, digits, '-', '_', '.' and '@'";
    }
    if (!known(user.tier)) {
      return at + ".tier is \"" + user.tier + "\", which is not under tiers";
    }
    if (user.access_key.empty() != user.secret_key.empty()) {
      return at + " has one of access_key and secret_key; it needs both or neither";
    }
    if (!user.access_key.empty() && !keys.insert(user.access_key).second) {
      return at + ".access_key is another user's too";
    }
  }
  const auto trusted = TrustedProxies::make(config.trusted_proxies);
  return trusted ? "" : "trusted_proxies: " + trusted.error().public_message;
}

}  // namespace

void AllowanceConfig::bind(base::ConfigBinder& b) {
  b.number("rate_per_s", rate_per_s, 0, 1'000'000, "requests a second in the long run");
  b.integer("burst", burst, kSlots, "requests at once after a pause; 0: what a second gives");
  b.integer("concurrency_max", concurrency_max, kSlots,
            "requests in flight; one that costs much counts as several");
}

void UserConfig::bind(base::ConfigBinder& b) {
  b.text("tier", tier, "one of the tiers above");
  b.text("access_key", access_key, "names this user in signed URLs");
  b.secret("secret_key", secret_key, "makes the signatures");
  allowance.bind(b);  // 0: as the tier says
}

void CommandConfig::bind(base::ConfigBinder& b) {
  b.integer("concurrency_max", concurrency_max, kSlots,
            "requests in flight that use this command, over all users; 0: no limit");
}

std::map<std::string, AllowanceConfig> ThrottleConfig::default_tiers() {
  return {{"free", {.rate_per_s = 100, .burst = 200, .concurrency_max = 64}}, {"paid", {}}};
}

void ThrottleConfig::bind(base::ConfigBinder& b, const std::string& anonymous_tier) {
  b.parts("tiers", tiers, "what each user of a tier may do; 0: no limit");
  b.parts("users", users,
          "by name: who signs URLs, or is named by a trusted proxy in X-Millrace-User; limits of 0 "
          "are the tier's");
  b.parts("commands", commands, "by name of a command: how much of it may run at once");
  b.milliseconds(
      "slot_cpu_ms", slot_cpu, {.min = 1, .max = 3'600'000},
      "processor time that one of concurrency_max stands for: a request that is expected "
      "to take n times as much counts as n, any other as one");
  b.text_list("trusted_proxies", trusted_proxies,
              "addresses or CIDR blocks whose X-Forwarded-For, X-Forwarded-Proto and "
              "X-Millrace-User are believed; unix: unix sockets");
  if (const std::string broken = broken_rule(*this, anonymous_tier); !broken.empty()) {
    b.refuse(broken);
  }
}

}  // namespace millrace::gateway
