// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "gateway/agent_answer.h"
#include "gateway/caller.h"
#include "gateway/redis_link.h"
#include "gateway/request_record.h"
#include "gateway/shared.h"
#include "net/asio.h"
#include "net/http_server.h"
#include "ratelimit/throttle_types.h"

namespace millrace::gateway {

// A place for one request, or why it has none. The permit goes back when this does.
struct Admitted {
  std::optional<Refusal> refusal;
  ratelimit::Permit permit;
};

// Who asks, by the policy that holds for this request.
struct Asking {
  std::shared_ptr<const CallerPolicy> callers;
  Caller caller;
};
// BadSignatureForm, TokenInvalid, TokenExpired (gateway/caller.h).
base::Result<Asking> who_asks(const Shared& shared, const net::HttpExchange& exchange);

// What a request would use, as far as limits count it. Views outlive the admission.
struct Usage {
  std::vector<std::string_view> commands;
  base::Duration predicted_cpu{};  // zero: not known
};

// Whether they may: the request's user, tier and rate are noted in `record`. What is refused here
// has cost nothing yet. `redis`: this thread's, null where limits are not shared. The arguments
// outlive the call.
net::Awaitable<Admitted> admit(Shared& shared, RedisLink* redis, const Asking& asking, Usage usage,
                               RequestRecord& record);

}  // namespace millrace::gateway
