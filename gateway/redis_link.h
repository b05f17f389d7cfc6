// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/asio_loop.h"
#include "gateway/gateway_metrics.h"
#include "net/asio.h"
#include "ratelimit/redis_store.h"
#include "ratelimit/throttle.h"
#include "ratelimit/throttle_types.h"

namespace millrace::gateway {

// One thread's way to the limits that several gateways share, with their metrics and log lines. It
// ends when its thread does, before the io_context.
class RedisLink final : private ratelimit::RedisStore::Observer {
 public:
  // All references outlive it. `share` decides where Redis does not.
  RedisLink(net::asio::io_context& io, const ratelimit::RedisOptions& options,
            ratelimit::Throttle& share, const SharedLimitMetrics& metrics);
  ~RedisLink() override;

  // Within the options' answer_max. What the request shows outlives the call. The permit is given
  // back on this thread.
  net::Awaitable<ratelimit::Decision> decide(ratelimit::ThrottleRequest request);

 private:
  void decided_by_redis() override;
  void fell_back(ratelimit::FallBack reason) override;
  void answered_late() override;
  void state_changed(bool redis_decides, std::string_view problem) override;

  const SharedLimitMetrics& metrics_;
  bool redis_decides_ = false;
  AsioLoop loop_;
  ratelimit::RedisStore store_;
};

}  // namespace millrace::gateway
