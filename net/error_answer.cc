// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "net/http_server.h"

namespace millrace::net {

std::pair<HttpHead, std::string> error_answer(const base::Error& error,
                                              std::string_view request_id) {
  const base::ReasonRow& row = base::row_of(error.reason);
  HttpHead head;
  head.status = row.http_status;
  head.headers.add("Content-Type", "application/json");
  head.headers.add("Cache-Control", "no-store");
  head.headers.add("Access-Control-Allow-Origin", "*");
  if (!request_id.empty()) head.headers.add("X-Reqid", request_id);

  nlohmann::ordered_json body;
  body["error"] = error.public_message;
  body["code"] = row.http_status;
  body["reason"] = row.word;
  body["request_id"] = request_id;
  // What a client sent may be quoted in the sentence, and need not be UTF-8.
  return {std::move(head),
          body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)};
}

Awaitable<void> respond_error(HttpExchange& exchange, const base::Error& error,
                              std::string_view request_id) {
  if (exchange.started()) {
    exchange.abort();
    co_return;
  }
  auto answer = error_answer(error, request_id);
  // A client that is gone cannot be told so.
  [[maybe_unused]] const auto sent =
      co_await exchange.respond(std::move(answer.first), answer.second);
}

}  // namespace millrace::net
