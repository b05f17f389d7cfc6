// SPDX-License-Identifier: Apache-2.0
#include "gateway/node_link.h"

#include <chrono>
#include <utility>

#include "base/crypto.h"
#include "pipeline/task.h"

namespace millrace::gateway {
namespace {

using base::Clock;

constexpr base::Bytes kErrorBodyMax{64 << 10};
constexpr base::Bytes kLoadBodyMax{4 << 10};
constexpr std::uint32_t kTellsFullTiers = 2;  // version of a node's load
constexpr base::Duration kLoadDeadline = std::chrono::milliseconds(500);

std::int64_t unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void note_load(NodeTable& nodes, Node& node, const net::Headers& headers) {
  const auto word = headers.find(pipeline::kLoadHeader);
  if (!word) return;
  if (const auto load = pipeline::node_load_from_header(*word)) {
    nodes.report(node, *load, Clock::now());
  }
}

// Answers from the cache, or joined to another's work, held no place of their own.
bool held_a_place(const net::ClientResponse& response) {
  const auto cache = response.headers().find("X-Millrace-Cache");
  return !cache || *cache == "miss";
}

}  // namespace

NodeLink::NodeLink(net::asio::io_context& io, Shared& shared, NodeTable& nodes)
    : shared_(shared),
      nodes_(nodes),
      client_(io,
              net::HttpClient::Options{.limits = shared.config.agent_link.client, .ca_file = {}}) {}

net::ClientRequest NodeLink::task_request(const VariantJob& job) {
  pipeline::Task task;
  task.request_id = job.record->request_id;
  task.traceparent = job.record->trace.text();
  task.bucket = job.target->bucket;
  task.key = job.target->key;
  task.pipeline = job.plan->text;
  task.user = job.record->user;
  task.tier = job.record->tier;
  task.time_left = std::chrono::duration_cast<std::chrono::milliseconds>(
      job.plan->deadline.remaining(job.sent_at));
  task.gateway_instance = shared_.instance;
  task.sequence = shared_.sequence.fetch_add(1, std::memory_order_relaxed) + 1;
  task.sent_at_unix_ms = unix_ms();

  net::ClientRequest request;
  request.method = "POST";
  request.target = "/v1/task";
  request.body = pipeline::to_json(task);
  request.headers.add("Content-Type", "application/json");
  request.headers.add(pipeline::kSignatureHeader,
                      base::hex(base::hmac_sha256(shared_.fleet_key, request.body)));
  if (const auto tags = job.exchange->request().headers.find("If-None-Match")) {
    request.headers.add("If-None-Match", *tags);
  }
  return request;
}

Refusal NodeLink::lost(Node& node, const base::Error& error) {
  const LinkEnd end = link_end_of(error);
  const discovery::NodeRecord& record = *node.record;
  if (end == LinkEnd::Unreachable) {
    shared_.metrics->unreachable.add();
    nodes_.eject(node, Clock::now());
    shared_.note_connect_failure(record.id, record.incarnation);
  } else if (end == LinkEnd::Broken) {
    shared_.metrics->link_broken.add();
  }
  return refusal_of(end, record.id, error);
}

net::Awaitable<Attempt> NodeLink::read_refusal(std::unique_ptr<net::ClientResponse> response,
                                               std::shared_ptr<Node> node, const VariantJob& job) {
  Attempt attempt;
  const int status = response->status();
  const base::Duration retry_after =
      retry_after_from_header(response->headers().find("Retry-After").value_or(""));
  const auto load =
      pipeline::node_load_from_header(response->headers().find(pipeline::kLoadHeader).value_or(""));
  const auto body = co_await response->read_all(kErrorBodyMax);
  if (!body) {
    attempt.refusal = lost(*node, body.error());
    co_return attempt;
  }
  attempt.refusal = refusal_from_answer(status, *body, retry_after, node->record->id);
  // A queue that has room for others refused this one for its origin, from which too much is
  // fetched already: nothing is known against other buckets.
  const bool others_have_room =
      load && load->version >= kTellsFullTiers && load->has_room(job.record->tier);
  nodes_.note_refused(*node, {job.record->tier, job.target->bucket}, attempt.refusal->error.reason,
                      {.drain_per_s = load ? load->drain_per_s : 0,
                       .queued = load ? load->queued : 0,
                       .retry_after = retry_after,
                       .others_have_room = others_have_room},
                      Clock::now());
  co_return attempt;
}

net::Awaitable<Attempt> NodeLink::ask(VariantJob& job, std::shared_ptr<Node> node) {
  Attempt attempt;
  attempt.place.emplace(node, job.cpu_ms);
  job.sent_at = Clock::now();
  net::ClientRequest request = task_request(job);
  if (node->endpoint.is_unix()) attempt.passing = passed_.take();
  if (attempt.passing) {
    request.headers.add(pipeline::kTakesHeader, pipeline::kTakesDescriptor);
    request.takes_descriptors = true;
  }
  auto sent = co_await client_.send(node->endpoint, std::move(request), job.plan->deadline,
                                    job.cancel.token());
  if (!sent) {
    attempt.refusal = lost(*node, sent.error());
    co_return attempt;
  }
  attempt.response = *std::move(sent);
  Attempt answered = co_await read_answer(std::move(attempt), std::move(node), job);
  co_return answered;
}

net::Awaitable<Attempt> NodeLink::read_answer(Attempt attempt, std::shared_ptr<Node> node,
                                              const VariantJob& job) {
  net::ClientResponse& response = *attempt.response;
  note_load(nodes_, *node, response.headers());
  if (response.status() != 200 && response.status() != 304) {
    Attempt refused = co_await read_refusal(std::move(attempt.response), node, job);
    co_return refused;
  }
  if (held_a_place(response)) {
    NodeTable::note_finished(*node, {job.record->tier, job.target->bucket});
  }
  const auto told = response.headers().find(pipeline::kDescriptorHeader);
  if (told && attempt.passing) {
    auto passed = passed_body(*told, response.take_descriptors());
    if (passed) {
      attempt.passed = std::move(*passed);
    } else {
      attempt.refusal = lost(*node, passed.error());
    }
    co_return attempt;
  }
  attempt.passing = {};
  const auto first = co_await response.read_some();
  if (!first) {
    attempt.refusal = lost(*node, first.error());
    co_return attempt;
  }
  attempt.first = *first;
  co_return attempt;
}

net::Awaitable<void> NodeLink::ask_load(std::shared_ptr<Node> node) {
  net::ClientRequest request;
  request.target = "/v1/load";
  auto sent = co_await client_.send(node->endpoint, std::move(request),
                                    base::Deadline::after(Clock::now(), kLoadDeadline));
  // A node that does not answer is found out by the requests that it is sent.
  if (!sent) co_return;
  std::unique_ptr<net::ClientResponse> response = *std::move(sent);
  note_load(nodes_, *node, response->headers());
  (void)co_await response->read_all(kLoadBodyMax);  // for the connection's next use
}

}  // namespace millrace::gateway
