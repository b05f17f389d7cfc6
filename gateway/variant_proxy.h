// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "base/result.h"
#include "gateway/agent_answer.h"
#include "gateway/answer_head.h"
#include "gateway/bucket_delivery.h"
#include "gateway/fleet_view.h"
#include "gateway/hot_answers.h"
#include "gateway/node_link.h"
#include "gateway/picture_rules.h"
#include "gateway/request_record.h"
#include "gateway/shared.h"
#include "gateway/variant_plan.h"
#include "gateway/variant_router.h"
#include "net/asio.h"
#include "net/http_server.h"
#include "pipeline/target.h"

namespace millrace::gateway {

// Has a variant made: chooses a node, sends it the signed task, streams its answer to the client;
// or answers with what a node has just said and vouches for. One thread's; keeps no more than one
// piece of a body, beside those.
class VariantProxy {
 public:
  // `threads`: of this gateway, each with a proxy of its own.
  VariantProxy(net::asio::io_context& io, Shared& shared, std::size_t threads);

  // What is wanted, checked and weighed; nothing is done yet. `target` has a pipeline.
  base::Result<VariantPlan> plan(const pipeline::Target& target, const BucketDelivery& bucket,
                                 const PictureRules& pictures, const net::HttpExchange& exchange);

  // nullopt: the client has its answer, or is gone (record.failure says so). A Refusal: nothing was
  // sent to the client yet. The arguments outlive the call.
  net::Awaitable<std::optional<Refusal>> serve(net::HttpExchange& exchange,
                                               const pipeline::Target& target,
                                               const VariantPlan& plan, RequestRecord& record);

  // Now and then: asks nodes that were not heard of for their load. Does not wait for them.
  void ask_loads();

 private:
  void learn(const VariantJob& job, const Attempt& attempt);
  void keep_if_hot(const VariantJob& job, const Attempt& attempt, std::string name);
  [[nodiscard]] AnswerContext context_of(const VariantJob& job) const;
  net::Awaitable<void> answer_hot(const VariantJob& job, std::shared_ptr<const HotAnswer> hot);
  net::Awaitable<void> relay(VariantJob& job, Attempt& attempt);

  net::asio::io_context& io_;
  Shared& shared_;
  FleetView fleet_;
  NodeLink link_;
  VariantRouter router_;
  HotAnswers hot_;
};

}  // namespace millrace::gateway
