// SPDX-License-Identifier: Apache-2.0
#include "gateway/ops_service.h"

#include <set>
#include <utility>

#include <nlohmann/json.hpp>

namespace millrace::gateway {
namespace {

constexpr const char* kJson = "application/json";

net::HttpHead head_of(int status, std::string_view media_type) {
  net::HttpHead head;
  head.status = status;
  head.headers.add("Content-Type", media_type);
  head.headers.add("Cache-Control", "no-store");
  return head;
}

}  // namespace

Readiness judge_readiness(const discovery::Snapshot& snapshot, std::string_view cell,
                          bool draining) {
  Readiness readiness;
  std::set<std::string> kinds;
  for (const auto& node : snapshot.nodes) {
    if (node->state != discovery::NodeState::Serving || node->cell != cell) continue;
    ++readiness.nodes_serving;
    for (const discovery::NodeKind& kind : node->kinds) {
      if (kind.slots > 0) kinds.insert(kind.kind);
    }
  }
  readiness.kinds.assign(kinds.begin(), kinds.end());
  if (draining) readiness.why_not.emplace_back("this gateway is draining");
  if (readiness.nodes_serving == 0) {
    readiness.why_not.push_back("no node of cell " + std::string(cell) + " is serving");
  } else if (kinds.empty()) {
    readiness.why_not.emplace_back("no node has a worker");
  }
  return readiness;
}

std::string to_json(const Readiness& readiness) {
  nlohmann::ordered_json json;
  json["ready"] = readiness.why_not.empty();
  json["why_not"] = readiness.why_not;
  json["nodes_serving"] = readiness.nodes_serving;
  json["kinds"] = readiness.kinds;
  return json.dump() + "\n";
}

std::string version_json() {
  nlohmann::ordered_json json;
  json["program"] = "millrace-gateway";
  json["version"] = MILLRACE_VERSION;
  return json.dump() + "\n";
}

net::Awaitable<void> OpsService::handle(net::HttpExchange& exchange) {
  const net::HttpRequest& request = exchange.request();
  const std::string_view path =
      std::string_view(request.target).substr(0, request.target.find('?'));
  net::HttpHead head = head_of(200, kJson);
  std::string body;
  if (request.method != "GET" && request.method != "HEAD") {
    std::tie(head, body) = net::error_answer(
        base::make_error(base::Reason::BadMethod, "This port answers GET and HEAD only."), {});
    head.headers.set("Allow", "GET, HEAD");
  } else if (path == "/metrics") {
    head = head_of(200, "text/plain; version=0.0.4; charset=utf-8");
    body = metrics_.text();
  } else if (path == "/livez") {
    body = "{\"live\":true}\n";
  } else if (path == "/readyz") {
    const Readiness readiness = judge_readiness(*registry_.snapshot(), cell_, draining_);
    if (!readiness.why_not.empty()) head.status = 503;
    body = to_json(readiness);
  } else if (path == "/version") {
    body = version_json();
  } else {
    std::tie(head, body) = net::error_answer(
        base::make_error(base::Reason::NoKey,
                         "This port answers /metrics, /livez, /readyz and /version."),
        {});
  }
  // Whoever asked and left needs no answer.
  (void)co_await exchange.respond(std::move(head), body);
}

}  // namespace millrace::gateway
