// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/agent_answer.h"
#include "gateway/node_table.h"
#include "gateway/on_the_way.h"
#include "gateway/passed_body.h"
#include "gateway/request_record.h"
#include "gateway/shared.h"
#include "gateway/variant_plan.h"
#include "net/asio.h"
#include "net/cancel.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "pipeline/target.h"

namespace millrace::gateway {

// One variant to be made. Lives in the request's frame; what it points to outlives it.
struct VariantJob {
  net::HttpExchange* exchange = nullptr;
  const pipeline::Target* target = nullptr;
  const VariantPlan* plan = nullptr;
  RequestRecord* record = nullptr;
  base::TimePoint sent_at;
  double cpu_ms = 0;  // expected, or the mean of all where nothing alike was seen
  net::CancelSource cancel;
};

// What one node did: an answer to relay (with its first piece, or as a file), or a refusal.
struct Attempt {
  std::optional<Refusal> refusal;
  std::optional<OnTheWay> place;
  std::unique_ptr<net::ClientResponse> response;
  std::string_view first;            // valid until the response is read on
  std::optional<PassedBody> passed;  // the body, whole
  PassedBodies::Place passing;       // while it may come so, and is held
};

// Speaks to agents: sends a signed task and reads the head of the answer, notes in the table what
// the answer tells of the node, and asks for its load. One thread's.
class NodeLink {
 public:
  // All outlive it.
  NodeLink(net::asio::io_context& io, Shared& shared, NodeTable& nodes);

  net::Awaitable<Attempt> ask(VariantJob& job, std::shared_ptr<Node> node);
  // What is told of a node whose answer broke off; ejects one that cannot be reached.
  Refusal lost(Node& node, const base::Error& error);
  // GET /v1/load, for the table.
  net::Awaitable<void> ask_load(std::shared_ptr<Node> node);

 private:
  net::ClientRequest task_request(const VariantJob& job);
  net::Awaitable<Attempt> read_answer(Attempt attempt, std::shared_ptr<Node> node,
                                      const VariantJob& job);
  net::Awaitable<Attempt> read_refusal(std::unique_ptr<net::ClientResponse> response,
                                       std::shared_ptr<Node> node, const VariantJob& job);

  Shared& shared_;
  NodeTable& nodes_;
  net::HttpClient client_;
  PassedBodies passed_;
};

}  // namespace millrace::gateway
