// SPDX-License-Identifier: Apache-2.0
#include "gateway/api_service.h"

#include <tuple>
#include <utility>

namespace millrace::gateway {

std::string commands_json(const pipeline::Catalogue& catalogue) {
  std::string json = "{\"version\":1,\"commands\":[";
  for (const pipeline::CommandSpec& spec : catalogue.specs()) {
    if (json.back() != '[') json += ',';
    json += pipeline::to_json(spec);
  }
  return json + "]}\n";
}

net::Awaitable<void> ApiService::handle(net::HttpExchange& exchange) {
  const net::HttpRequest& request = exchange.request();
  const std::string_view path =
      std::string_view(request.target).substr(0, request.target.find('?'));
  if (discovery::EmbeddedRegistry::owns(request.target)) {
    co_await registry_.handle(exchange);
    co_return;
  }
  if (management_.owns(request.target)) {
    co_await management_.handle(exchange);
    co_return;
  }
  net::HttpHead head;
  std::string body;
  if (path != "/v1/commands") {
    std::tie(head, body) = net::error_answer(
        base::make_error(base::Reason::NoKey,
                         "This port answers /v1/commands, what is under /v1/registry/, and, with "
                         "gateway.state_dir, /style, /unstyle, /separator and /accessMode."),
        {});
  } else if (request.method != "GET" && request.method != "HEAD") {
    std::tie(head, body) = net::error_answer(
        base::make_error(base::Reason::BadMethod, "/v1/commands answers GET and HEAD only."), {});
    head.headers.set("Allow", "GET, HEAD");
  } else {
    head.headers.add("Content-Type", "application/json");
    head.headers.add("Cache-Control", "no-cache");
    head.headers.add("Access-Control-Allow-Origin", "*");
    body = commands_json(registry_.snapshot()->catalogue);
  }
  // Whoever asked and left needs no answer.
  (void)co_await exchange.respond(std::move(head), body);
}

}  // namespace millrace::gateway
