// SPDX-License-Identifier: Apache-2.0
#include "gateway/admission.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace millrace::gateway {
namespace {

using base::Reason;

std::int64_t now_unix_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string sentence(Reason refused, const ratelimit::Decision& decision,
                     const ratelimit::UserLimits& limits) {
  if (refused == Reason::UserRate) {
    return fmt::format(
        "You may send {:g} requests a second, and {} at once after a pause; wait as long as "
        "Retry-After says.",
        limits.rate.rate_per_s, limits.rate.burst_or_default());
  }
  if (refused == Reason::UserConcurrency) {
    return fmt::format(
        "You may have {} requests in flight, where one that costs much counts as several; wait "
        "until one is answered.",
        limits.concurrency_max);
  }
  return fmt::format("The command {} is in use as often as it may be at once; try again soon.",
                     decision.command);
}

// Without a rate, a refusal tells of the slots that were all taken.
ratelimit::RateFacts facts_of_slots(const ratelimit::Decision& decision,
                                    const ratelimit::UserLimits& limits,
                                    const std::vector<ratelimit::CommandLimit>& commands) {
  ratelimit::RateFacts facts{
      .limit = limits.concurrency_max, .remaining = 0, .reset_after = decision.retry_after};
  const auto command =
      std::ranges::find(commands, decision.command, &ratelimit::CommandLimit::name);
  if (command != commands.end()) facts.limit = command->concurrency_max;
  return facts;
}

}  // namespace

base::Result<Asking> who_asks(const Shared& shared, const net::HttpExchange& exchange) {
  Asking asking{.callers = shared.callers.load(), .caller = {}};
  const std::string peer = exchange.peer_address();
  const net::HttpRequest& request = exchange.request();
  auto caller = asking.callers->who_asks({request.target, request.headers, peer, now_unix_s()});
  if (!caller) return base::fail(std::move(caller.error()));
  asking.caller = *std::move(caller);
  return asking;
}

net::Awaitable<Admitted> admit(Shared& shared, RedisLink* redis, const Asking& asking, Usage usage,
                               RequestRecord& record) {
  Admitted admitted;
  const ratelimit::UserLimits& limits = asking.caller.limits;
  record.user = asking.caller.user;
  record.tier = asking.caller.tier;
  const std::vector<ratelimit::CommandLimit> commands =
      asking.callers->command_limits(usage.commands);
  const ratelimit::ThrottleRequest asked{.user_key = record.user,
                                         .user = limits,
                                         .commands = commands,
                                         .predicted_cpu = usage.predicted_cpu};
  ratelimit::Decision decision;
  if (redis != nullptr) {
    decision = co_await redis->decide(asked);
  } else {
    decision = shared.throttle.decide(asked, base::Clock::now());
  }
  if (decision.shared) shared.metrics->throttle_shared_decisions.add();
  record.rate = decision.rate;
  if (!decision.admitted() && decision.rate.limit == 0) {
    record.rate = facts_of_slots(decision, limits, commands);
  }
  if (decision.refused) {
    const Reason why = *decision.refused;
    admitted.refusal =
        Refusal{.error = base::make_error(why, sentence(why, decision, limits)),
                .retry_after = std::max<base::Duration>(decision.retry_after, base::Duration(1))};
    co_return admitted;
  }
  admitted.permit = std::move(decision.permit);
  co_return admitted;
}

}  // namespace millrace::gateway
