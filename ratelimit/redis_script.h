// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "ratelimit/throttle_types.h"

namespace millrace::ratelimit {

// What the store says to Redis; keys and script are described in docs/formats/redis-limits.md.

// The Lua script that decides, gives back, renews and probes, by its first argument.
extern const std::string_view kRedisScript;

// A command in the wire's form (RESP).
std::string redis_command(std::span<const std::string_view> words);
inline std::string redis_command(std::initializer_list<std::string_view> words) {
  return redis_command(std::span(words.begin(), words.size()));
}

// What one request holds in Redis until it is given back, or until it expires.
struct RedisLease {
  std::string member;  // "<milli-slots>:<unique text>" in each of the pools
  MilliSlots weight = 0;
  std::vector<std::string> pools;  // keys; empty: nothing is held
  base::TimePoint taken_at{};
  base::TimePoint renewed_at{};
};

// One request as the script sees it.
struct RedisAsk {
  RedisLease lease;
  std::string command;                       // for the wire
  std::vector<std::size_t> command_indexes;  // the script's n-th command is this of the request
};
struct RedisAskOptions {
  std::string_view sha;     // of the script
  std::string_view prefix;  // of every key
  std::string_view unique;  // different for every request of every gateway
  MilliSlots weight = 0;
  base::Duration lease{};
  base::Duration unmeasured{};  // holding time where the pool has none
};
RedisAsk ask_redis(const ThrottleRequest& request, const RedisAskOptions& options);

// `held_for` zero: unknown.
std::string give_back_to_redis(std::string_view sha, const RedisLease& lease,
                               base::Duration held_for);
std::string renew_in_redis(std::string_view sha, const RedisLease& lease, base::Duration length);
std::string probe_redis(std::string_view sha, std::string_view prefix);

// The script's answer (verdict, index of the command, retry_after and full_after in microseconds);
// the permit is not part of it.
Decision decision_of(std::span<const std::int64_t, 4> answer, const ThrottleRequest& request,
                     const RedisAsk& ask);

}  // namespace millrace::ratelimit
