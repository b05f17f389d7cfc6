// SPDX-License-Identifier: Apache-2.0
#include "gateway/redis_link.h"

#include <memory>
#include <optional>
#include <utility>

#include "base/log.h"
#include "net/wake_up.h"

namespace millrace::gateway {

RedisLink::RedisLink(net::asio::io_context& io, const ratelimit::RedisOptions& options,
                     ratelimit::Throttle& share, const SharedLimitMetrics& metrics)
    : metrics_(metrics), loop_(io), store_(options, loop_, share, *this) {}

RedisLink::~RedisLink() {
  if (redis_decides_) metrics_.redis_threads.add(-1);
}

net::Awaitable<ratelimit::Decision> RedisLink::decide(ratelimit::ThrottleRequest request) {
  struct Pending {
    std::optional<ratelimit::Decision> decision;
    net::WakeUp decided;
  };
  const auto pending = std::make_shared<Pending>();
  store_.decide(request, [pending](ratelimit::Decision decision) {
    pending->decision = std::move(decision);
    pending->decided.notify();
  });
  while (!pending->decision) co_await pending->decided.wait();
  co_return *std::move(pending->decision);
}

void RedisLink::decided_by_redis() { metrics_.redis_decisions.add(); }

void RedisLink::fell_back(ratelimit::FallBack reason) {
  metrics_.share_decisions[static_cast<std::size_t>(reason)].add();
}

void RedisLink::answered_late() { metrics_.redis_late.add(); }

void RedisLink::state_changed(bool redis_decides, std::string_view problem) {
  redis_decides_ = redis_decides;
  metrics_.redis_threads.add(redis_decides ? 1 : -1);
  if (redis_decides) {
    base::log_info("limits_by_redis");
  } else {
    base::log_warn("limits_by_share", {{"problem", problem}});
  }
}

}  // namespace millrace::gateway
