// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "tests/net/live.h"

namespace millrace::net::testing {

struct Fetched {
  int status = 0;
  Headers headers;
  std::string body;
  std::optional<std::uint64_t> length;
  std::optional<base::Error> error;

  [[nodiscard]] std::string detail() const { return error ? error->detail : ""; }
  [[nodiscard]] std::optional<base::Reason> reason() const {
    return error ? std::optional(error->reason) : std::nullopt;
  }
};

inline Awaitable<Fetched> fetch(HttpClient& client, Endpoint endpoint, ClientRequest request,
                                base::Deadline deadline, CancelToken cancel) {
  Fetched fetched;
  auto answer =
      co_await client.send(std::move(endpoint), std::move(request), deadline, std::move(cancel));
  if (!answer) {
    fetched.error = answer.error();
    co_return fetched;
  }
  fetched.status = (*answer)->status();
  fetched.headers = (*answer)->headers();
  fetched.length = (*answer)->content_length();
  auto body = co_await (*answer)->read_all(base::mebibytes(64));
  if (body) {
    fetched.body = std::move(*body);
  } else {
    fetched.error = body.error();
  }
  co_return fetched;
}

// A client on a thread of its own.
class HttpClientTest : public ::testing::Test {
 protected:
  HttpClientTest() { make({}); }
  ~HttpClientTest() override {
    thread_.on_io([this] { client_.reset(); });
    thread_.stop();
  }
  void make(const HttpClient::Options& options) {
    thread_.on_io([&] { client_ = std::make_unique<HttpClient>(thread_.io(), options); });
  }
  static base::Deadline patient() { return base::Deadline::after(base::Clock::now(), kPatience); }
  Fetched get(const Endpoint& endpoint, ClientRequest request = {},
              base::Deadline deadline = patient(), CancelToken cancel = {}) {
    return thread_.await(
        fetch(*client_, endpoint, std::move(request), deadline, std::move(cancel)));
  }
  static ClientRequest post(std::string body) {
    ClientRequest request;
    request.method = "POST";
    request.body = std::move(body);
    return request;
  }

  IoThread thread_;
  std::unique_ptr<HttpClient> client_;
};

}  // namespace millrace::net::testing
