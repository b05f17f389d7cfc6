// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include "tests/net/live.h"

namespace millrace::net {
namespace {

using base::Deadline;
using base::Reason;
using testing::answer_with;
using testing::IoThread;
using testing::LiveServer;

struct Fetched {
  int status = 0;
  std::string body;
  std::optional<base::Error> error;
};

Awaitable<Fetched> fetch(HttpClient& client, Endpoint endpoint, ClientRequest request,
                         Deadline deadline, CancelToken cancel) {
  Fetched fetched;
  auto answer = co_await client.send(endpoint, std::move(request), deadline, cancel);
  if (!answer) {
    fetched.error = answer.error();
    co_return fetched;
  }
  fetched.status = (*answer)->status();
  auto body = co_await (*answer)->read_all(base::mebibytes(64));
  if (body) {
    fetched.body = *body;
  } else {
    fetched.error = body.error();
  }
  co_return fetched;
}

class HttpClientTest : public ::testing::Test {
 protected:
  HttpClientTest() { make({}); }
  ~HttpClientTest() override {
    thread_.on_io([this] { client_.reset(); });
    thread_.stop();
  }
  void make(HttpClient::Options options) {
    thread_.on_io([&] { client_ = std::make_unique<HttpClient>(thread_.io(), options); });
  }
  Fetched get(const Endpoint& endpoint, ClientRequest request = {},
              Deadline deadline = Deadline::after(base::Clock::now(), testing::kPatience),
              CancelToken cancel = {}) {
    return thread_.await(fetch(*client_, endpoint, std::move(request), deadline, cancel));
  }

  IoThread thread_;
  std::unique_ptr<HttpClient> client_;
};

TEST_F(HttpClientTest, ReusesOneConnection) {
  LiveServer live({}, [](HttpExchange& exchange) -> Awaitable<void> {
    co_await answer_with(exchange, exchange.request().target);
  });
  for (int i = 0; i < 5; ++i) {
    const Fetched fetched = get(live.endpoint(), {.target = "/" + std::to_string(i)});
    EXPECT_EQ(fetched.status, 200) << (fetched.error ? fetched.error->detail : "");
    EXPECT_EQ(fetched.body, "/" + std::to_string(i));
  }
  EXPECT_EQ(live.counts().accepted, 1u);
}

}  // namespace
}  // namespace millrace::net
