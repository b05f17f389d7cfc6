// SPDX-License-Identifier: Apache-2.0
#include "agent/ops_server.h"

#include <utility>

namespace millrace::agent {
namespace {

net::Awaitable<void> text(net::HttpExchange& exchange, int status, std::string_view media_type,
                          std::string body) {
  net::HttpHead head;
  head.status = status;
  head.headers.set("Content-Type", media_type);
  head.headers.set("Cache-Control", "no-store");
  (void)co_await exchange.respond(std::move(head), body);
}

}  // namespace

net::Awaitable<void> answer_ops(const OpsPage& page, net::HttpExchange& exchange) {
  const net::HttpRequest& request = exchange.request();
  if (request.method != "GET" && !request.is_head()) {
    co_await net::respond_error(
        exchange, base::make_error(base::Reason::BadMethod, "The ops port answers GET."), "");
  } else if (request.target == "/metrics") {
    page.refresh();
    co_await text(exchange, 200, "text/plain; version=0.0.4", page.metrics.text());
  } else if (request.target == "/livez") {
    co_await text(exchange, 200, "text/plain", "ok\n");
  } else if (request.target == "/readyz") {
    const std::string why_not = page.why_not_ready();
    const int status = why_not.empty() ? 200 : 503;
    co_await text(exchange, status, "text/plain", (why_not.empty() ? "ok" : why_not) + "\n");
  } else if (request.target == "/version") {
    co_await text(exchange, 200, "application/json",
                  R"({"program":")" + page.program + R"(","version":")" + page.version + "\"}\n");
  } else {
    co_await net::respond_error(
        exchange,
        base::make_error(base::Reason::BadTarget,
                         "The ops port answers /metrics, /livez, /readyz and /version."),
        "");
  }
}

}  // namespace millrace::agent
