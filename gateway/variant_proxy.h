// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "gateway/agent_answer.h"
#include "gateway/fleet_view.h"
#include "gateway/request_record.h"
#include "gateway/shared.h"
#include "net/asio.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "pipeline/target.h"
#include "ratelimit/retry_budget.h"

namespace millrace::gateway {

// Has a variant made: chooses a node, sends it the signed task, streams its answer to the client.
// One thread's; keeps no more than one piece of a body.
class VariantProxy {
 public:
  VariantProxy(net::asio::io_context& io, Shared& shared);

  // nullopt: the client has its answer, or is gone (record.failure says so). A Refusal: nothing was
  // sent to the client yet. The arguments outlive the call.
  net::Awaitable<std::optional<Refusal>> serve(net::HttpExchange& exchange,
                                               const pipeline::Target& target,
                                               RequestRecord& record);

 private:
  struct Job;
  struct Attempt;
  base::Result<void> plan(const pipeline::Target& target, RequestRecord& record, Job& job);
  net::ClientRequest task_request(const Job& job, base::TimePoint now);
  net::Awaitable<Attempt> ask(Job& job, std::shared_ptr<Node> node);
  net::Awaitable<Attempt> read_refusal(std::unique_ptr<net::ClientResponse> response,
                                       std::shared_ptr<Node> node);
  Refusal lost(Node& node, const base::Error& error);
  net::Awaitable<void> relay(Job& job, Attempt& attempt);

  Shared& shared_;
  FleetView fleet_;
  net::HttpClient client_;
  ratelimit::RetryBudget budget_;
};

}  // namespace millrace::gateway
