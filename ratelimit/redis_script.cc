// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/redis_script.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace millrace::ratelimit {

// Times are microseconds since 2023-11-14, by the server's clock: a Lua number holds them to about
// a hundredth of a microsecond, and fast rates need that. The arithmetic is that of Gcra and
// SlotPool.
const std::string_view kRedisScript = R"lua(
local time = redis.call('TIME')
local now = (time[1] - 1700000000) * 1000000 + time[2]
local op = ARGV[1]

if op == 'probe' then
  redis.call('SET', KEYS[1], now, 'PX', 1000)
  return 1
end

local member, weight = ARGV[2], tonumber(ARGV[3])

-- A pool keeps its sums beside its leases, as members with a negative score.
local function sum(pool, name)
  return -(redis.call('ZSCORE', pool, name) or 0)
end

if op == 'release' then
  local held_us = tonumber(ARGV[4])
  for _, pool in ipairs(KEYS) do
    if redis.call('ZREM', pool, member) == 1 then
      redis.call('ZADD', pool, weight - sum(pool, 'held'), 'held', -now, 'quiet')
      if held_us > 0 then
        local mean = sum(pool, 'mean')
        if mean == 0 then mean = held_us else mean = mean + (held_us - mean) / 8 end
        redis.call('ZADD', pool, -mean, 'mean')
      end
    end
  end
  return 1
end

local lease = tonumber(ARGV[4])
local keep_ms = math.ceil(lease / 1000) + 60000

if op == 'renew' then
  for _, pool in ipairs(KEYS) do
    redis.call('ZADD', pool, 'XX', now + lease, member)
    redis.call('PEXPIRE', pool, keep_ms)
  end
  return 1
end

local interval, early_max = tonumber(ARGV[5]), tonumber(ARGV[6])
local arrival = now
if interval > 0 then
  local known = redis.call('GET', KEYS[1])
  if known then
    known = tonumber(known)
    local latest = now + early_max + interval
    if known > latest then
      known = latest
      redis.call('SET', KEYS[1], string.format('%.17g', known), 'KEEPTTL')
    end
    arrival = math.max(known, now)
  end
  local wait = arrival - now - early_max
  if wait > 0 then return {1, 0, math.ceil(wait), math.ceil(arrival - now)} end
end

local function held_in(pool)
  local held = sum(pool, 'held')
  local expired = redis.call('ZRANGEBYSCORE', pool, '(0', now, 'LIMIT', 0, 100)
  for _, one in ipairs(expired) do
    held = held - string.match(one, '^%d+')
    redis.call('ZREM', pool, one)
  end
  if #expired > 0 then redis.call('ZADD', pool, -held, 'held') end
  return held
end

local function expected_wait(pool, held, max)
  local holding = sum(pool, 'mean')
  if holding == 0 then holding = tonumber(ARGV[7]) end
  holding = math.max(holding, now - sum(pool, 'quiet'))
  return math.max(1, math.ceil(holding * math.min(held, held + weight - max) / held))
end

local held = {}
for i = 2, #KEYS do
  local max = tonumber(ARGV[i + 6])
  if max > 0 then
    held[i] = held_in(KEYS[i])
    if held[i] > 0 and held[i] + weight > max then
      local verdict = 3
      if i == 2 then verdict = 2 end
      return {verdict, i - 3, expected_wait(KEYS[i], held[i], max), math.ceil(arrival - now)}
    end
  end
end

for i, before in pairs(held) do
  redis.call('ZADD', KEYS[i], -(before + weight), 'held', now + lease, member)
  if before == 0 then redis.call('ZADD', KEYS[i], -now, 'quiet') end
  redis.call('PEXPIRE', KEYS[i], keep_ms)
end
if interval > 0 then
  arrival = arrival + interval
  redis.call('SET', KEYS[1], string.format('%.17g', arrival), 'PX', math.ceil((arrival - now) / 1000) + 1)
end
return {0, 0, 0, math.ceil(arrival - now)}
)lua";

namespace {

std::string microseconds(base::Duration span) {
  return std::to_string(static_cast<double>(std::chrono::nanoseconds(span).count()) / 1e3);
}

std::string script_call(std::string_view sha, std::span<const std::string> keys,
                        std::span<const std::string> arguments) {
  const std::string key_count = std::to_string(keys.size());
  std::vector<std::string_view> words = {"EVALSHA", sha, key_count};
  words.insert(words.end(), keys.begin(), keys.end());
  words.insert(words.end(), arguments.begin(), arguments.end());
  return redis_command(words);
}

std::string key(std::string_view prefix, std::string_view kind, std::string_view name) {
  std::string text;
  text.reserve(prefix.size() + kind.size() + name.size());
  return text.append(prefix).append(kind).append(name);
}

}  // namespace

std::string redis_command(std::span<const std::string_view> words) {
  std::string text = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string_view word : words) {
    text.append("$").append(std::to_string(word.size())).append("\r\n").append(word).append("\r\n");
  }
  return text;
}

RedisAsk ask_redis(const ThrottleRequest& request, const RedisAskOptions& options) {
  RedisAsk ask;
  ask.lease.weight = options.weight;
  ask.lease.member = std::to_string(options.weight) + ":" + std::string(options.unique);
  const RateLimit& rate = request.user.rate;
  const base::Duration none = base::Duration::zero();
  std::vector<std::string> keys = {key(options.prefix, "rate:", request.user_key),
                                   key(options.prefix, "user:", request.user_key)};
  std::vector<std::string> arguments = {"admit",
                                        ask.lease.member,
                                        std::to_string(options.weight),
                                        microseconds(options.lease),
                                        microseconds(rate.limits() ? rate.interval() : none),
                                        microseconds(rate.limits() ? rate.early_max() : none),
                                        microseconds(options.unmeasured),
                                        std::to_string(whole_slots(request.user.concurrency_max))};
  if (request.user.concurrency_max > 0) ask.lease.pools.push_back(keys[1]);
  for (std::size_t i = 0; i < request.commands.size(); ++i) {
    if (request.commands[i].concurrency_max == 0) continue;
    std::string pool = key(options.prefix, "command:", request.commands[i].name);
    if (std::find(keys.begin() + 2, keys.end(), pool) != keys.end()) continue;
    ask.command_indexes.push_back(i);
    arguments.push_back(std::to_string(whole_slots(request.commands[i].concurrency_max)));
    ask.lease.pools.push_back(pool);
    keys.push_back(std::move(pool));
  }
  ask.command = script_call(options.sha, keys, arguments);
  return ask;
}

std::string give_back_to_redis(std::string_view sha, const RedisLease& lease,
                               base::Duration held_for) {
  const std::array<std::string, 4> arguments = {
      "release", lease.member, std::to_string(lease.weight), microseconds(held_for)};
  return script_call(sha, lease.pools, arguments);
}

std::string renew_in_redis(std::string_view sha, const RedisLease& lease, base::Duration length) {
  const std::array<std::string, 4> arguments = {"renew", lease.member, std::to_string(lease.weight),
                                                microseconds(length)};
  return script_call(sha, lease.pools, arguments);
}

std::string probe_redis(std::string_view sha, std::string_view prefix) {
  const std::array<std::string, 1> keys = {key(prefix, "probe", "")};
  const std::array<std::string, 1> arguments = {"probe"};
  return script_call(sha, keys, arguments);
}

Decision decision_of(std::span<const std::int64_t, 4> answer, const ThrottleRequest& request,
                     const RedisAsk& ask) {
  Decision decision;
  const auto [verdict, index] = std::pair(answer[0], static_cast<std::size_t>(answer[1]));
  if (verdict == 1) decision.refused = base::Reason::UserRate;
  if (verdict == 2) decision.refused = base::Reason::UserConcurrency;
  if (verdict == 3) {
    decision.refused = base::Reason::CommandConcurrency;
    if (index < ask.command_indexes.size()) {
      decision.command = request.commands[ask.command_indexes[index]].name;
    }
  }
  decision.retry_after = std::chrono::microseconds(answer[2]);
  const RateLimit& rate = request.user.rate;
  if (rate.limits()) {
    decision.rate = Gcra::facts_of(rate, std::chrono::microseconds(answer[3]));
  }
  return decision;
}

}  // namespace millrace::ratelimit
