// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.h"

#include "tests/net/live.h"

namespace millrace::net {
namespace {

using testing::answer_with;
using testing::LiveServer;
using testing::Peer;
using testing::RawAnswer;

// Answers "<method> <target> <body>".
HttpHandler echo() {
  return [](HttpExchange& exchange) -> Awaitable<void> {
    const HttpRequest& request = exchange.request();
    co_await answer_with(exchange, request.method + " " + request.target + " " + request.body);
  };
}

TEST(HttpServerTest, AnswersAndKeepsTheConnection) {
  LiveServer live({}, echo());
  Peer peer(live.endpoint());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(peer.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n"));
    const RawAnswer answer = peer.read_answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "GET /a ");
    EXPECT_TRUE(answer.has("\r\nDate: "));
    EXPECT_FALSE(answer.has("Connection:"));
  }
  EXPECT_EQ(live.counts().accepted, 1u);
  EXPECT_EQ(live.counts().requests, 3u);
}

TEST(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  LiveServer live({}, echo());
  Peer peer(live.endpoint());
  ASSERT_TRUE(
      peer.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"
                "POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
                "GET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  EXPECT_EQ(peer.read_answer().body, "GET /1 ");
  EXPECT_EQ(peer.read_answer().body, "POST /2 abc");
  const RawAnswer last = peer.read_answer();
  EXPECT_EQ(last.body, "GET /3 ");
  EXPECT_TRUE(last.has("Connection: close"));
  EXPECT_TRUE(peer.closed_by_peer());
}

TEST(HttpServerTest, RefusesAHugeHeaderReadably) {
  LiveServer live({}, echo());
  Peer peer(live.endpoint());
  ASSERT_TRUE(
      peer.send("GET / HTTP/1.1\r\nHost: x\r\nX-Huge: " + std::string(1 << 20, 'a') + "\r\n\r\n"));
  const RawAnswer answer = peer.read_answer();
  EXPECT_EQ(answer.status, 431);
  EXPECT_NE(answer.body.find("\"reason\":\"header_too_large\""), std::string::npos) << answer.body;
}

}  // namespace
}  // namespace millrace::net
