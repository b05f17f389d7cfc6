// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.h"

#include <filesystem>
#include <stdexcept>

#include "tests/net/live.h"

namespace millrace::net {
namespace {

using testing::answer_with;
using testing::LiveServer;
using testing::Peer;
using testing::RawAnswer;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

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
  const LiveServer live({}, echo());
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

TEST(HttpServerTest, HeadHasTheLengthAndNoBody) {
  const LiveServer live({}, echo());
  Peer peer(live.endpoint());
  ASSERT_TRUE(peer.send("HEAD /abc HTTP/1.1\r\nHost: x\r\n\r\n" + std::string(kGet)));
  const RawAnswer head = peer.read_answer(true);
  EXPECT_TRUE(head.has("Content-Length: 10\r\n"));
  EXPECT_EQ(peer.read_answer().body, "GET / ");
}

TEST(HttpServerTest, ServesHttp10) {
  const LiveServer live({}, [](HttpExchange& exchange) -> Awaitable<void> {
    if (exchange.request().target == "/stream") {
      // Without a length, the end of the connection is the end of the body.
      (void)co_await exchange.start({}, std::nullopt, "a");
      (void)co_await exchange.write("b");
      (void)co_await exchange.finish();
      co_return;
    }
    co_await answer_with(exchange, "x");
  });
  Peer peer(live.endpoint());
  ASSERT_TRUE(peer.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  EXPECT_TRUE(peer.read_answer().has("Connection: keep-alive"));
  ASSERT_TRUE(peer.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  const RawAnswer stream = peer.read_answer();
  EXPECT_FALSE(stream.has("chunked"));
  EXPECT_TRUE(stream.has("Connection: close"));
  EXPECT_EQ(stream.body, "ab");

  Peer once(live.endpoint());
  ASSERT_TRUE(once.send("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_EQ(once.read_answer().body, "x");
  EXPECT_TRUE(once.closed_by_peer());
}

TEST(HttpServerTest, SaysContinueOnlyWhenTheBodyIsAwaited) {
  const LiveServer live({}, echo());
  Peer peer(live.endpoint());
  ASSERT_TRUE(
      peer.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"));
  EXPECT_EQ(peer.read_answer().status, 100);
  ASSERT_TRUE(peer.send("ab"));
  EXPECT_EQ(peer.read_answer().body, "PUT / ab");
}

TEST(HttpServerTest, StreamsChunksThatJoinToTheBody) {
  const LiveServer live({}, [](HttpExchange& exchange) -> Awaitable<void> {
    (void)co_await exchange.start({}, std::nullopt, "first ");
    for (int i = 0; i < 100; ++i) (void)co_await exchange.write(std::string(1000, 'x'));
    (void)co_await exchange.write("");  // not the end of the body
    (void)co_await exchange.finish();
  });
  Peer peer(live.endpoint());
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(peer.send(kGet));
    EXPECT_EQ(peer.read_answer().body, "first " + std::string(100'000, 'x'));
  }
  ASSERT_TRUE(peer.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" + std::string(kGet)));
  EXPECT_EQ(peer.read_answer(true).status, 200);
  EXPECT_EQ(peer.read_answer().body.size(), 100'006u);
}

TEST(HttpServerTest, SendsABodyLargerThanTheSocketTakes) {
  const std::string large(8 << 20, 'l');
  const LiveServer live({}, [&](HttpExchange& exchange) -> Awaitable<void> {
    (void)co_await exchange.respond({}, large);
  });
  Peer peer(live.endpoint());
  ASSERT_TRUE(peer.send(kGet));
  EXPECT_EQ(peer.read_answer().body, large);
}

TEST(HttpServerTest, StatusesWithoutBodyHaveNone) {
  const LiveServer live({}, [](HttpExchange& exchange) -> Awaitable<void> {
    HttpHead head;
    head.status = exchange.request().target == "/304" ? 304 : 204;
    (void)co_await exchange.respond(std::move(head), "never sent");
  });
  Peer peer(live.endpoint());
  ASSERT_TRUE(
      peer.send("GET /304 HTTP/1.1\r\nHost: x\r\n\r\nGET /204 HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_EQ(peer.read_answer().status, 304);
  const RawAnswer answer = peer.read_answer();
  EXPECT_EQ(answer.status, 204);
  EXPECT_FALSE(answer.has("Content-Length"));
}

TEST(HttpServerTest, AHandlerThatThrowsOrForgetsIsA500) {
  const LiveServer live({}, [](HttpExchange& exchange) -> Awaitable<void> {
    if (exchange.request().target == "/throw") throw std::runtime_error("broken");
    co_return;
  });
  Peer peer(live.endpoint());
  for (const char* target : {"/throw", "/forget"}) {
    ASSERT_TRUE(peer.send("GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n"));
    const RawAnswer answer = peer.read_answer();
    EXPECT_EQ(answer.status, 500);
    EXPECT_NE(answer.body.find("\"reason\":\"internal\""), std::string::npos);
    EXPECT_TRUE(answer.has("Cache-Control: no-store"));
  }
}

TEST(HttpServerTest, CutsAnAnswerThatBreaksOff) {
  const LiveServer live({}, [](HttpExchange& exchange) -> Awaitable<void> {
    const std::string target = exchange.request().target;
    if (target == "/abort") {
      (void)co_await exchange.start({}, std::nullopt, "some");
      exchange.abort();
    } else if (target == "/throw") {
      (void)co_await exchange.start({}, std::nullopt, "some");
      throw std::runtime_error("in mid-body");
    } else if (target == "/short") {
      (void)co_await exchange.start({}, 100, "some");
      EXPECT_FALSE((co_await exchange.finish()).has_value());
    } else {
      (void)co_await exchange.start({}, 5, "some");
      EXPECT_FALSE((co_await exchange.write("too many")).has_value());
    }
  });
  for (const char* target : {"/abort", "/throw", "/short", "/long"}) {
    Peer peer(live.endpoint());
    ASSERT_TRUE(peer.send("GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n"));
    const std::string all = peer.read_to_end().value_or("reset");
    EXPECT_EQ(all.find("\r\n0\r\n"), std::string::npos) << target;
    EXPECT_EQ(all.find("too many"), std::string::npos) << target;
  }
}

TEST(HttpServerTest, NeverSendsALineBreakOutOfAField) {
  const LiveServer live({}, [](HttpExchange& exchange) -> Awaitable<void> {
    HttpHead head;
    head.headers.add("X-Name", "a\r\nSet-Cookie: stolen");
    EXPECT_FALSE((co_await exchange.respond(std::move(head), "x")).has_value());
  });
  Peer peer(live.endpoint());
  ASSERT_TRUE(peer.send(kGet));
  const RawAnswer answer = peer.read_answer();
  EXPECT_EQ(answer.status, 500);
  EXPECT_FALSE(answer.has("stolen"));
}

TEST(HttpServerTest, ListensOnAUnixSocketAndTakesOverADeadOnes) {
  const testing::SocketPath socket_path;
  const std::string path = socket_path.text();
  {
    // Bound and never listened on: what a killed process leaves behind.
    const base::UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    const SocketAddress address = address_of_path(path);
    ASSERT_EQ(::bind(dead.get(), address.get(), address.length), 0);
  }
  {
    const LiveServer live(
        {},
        [](HttpExchange& exchange) -> Awaitable<void> {
          co_await answer_with(exchange, exchange.peer_address());
        },
        "unix:" + path);
    EXPECT_EQ(live.endpoint().unix_path, path);
    Peer peer(live.endpoint());
    ASSERT_TRUE(peer.send(kGet));
    EXPECT_EQ(peer.read_answer().body, "unix");

    // A living one is not pushed aside.
    asio::io_context io;
    HttpServer second(io, {}, echo());
    EXPECT_FALSE(second.listen(live.endpoint()).has_value());
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(HttpServerTest, AnAddressInUseIsAnError) {
  const LiveServer live({}, echo());
  asio::io_context io;
  HttpServer second(io, {}, echo());
  const auto listening = second.listen(live.endpoint());
  ASSERT_FALSE(listening.has_value());
  EXPECT_EQ(listening.error().reason, base::Reason::Internal);
  EXPECT_NE(listening.error().public_message.find("in use"), std::string::npos);
}

TEST(HttpServerTest, GivesThePeersAddress) {
  const LiveServer live({}, [](HttpExchange& exchange) -> Awaitable<void> {
    co_await answer_with(exchange, exchange.peer_address());
  });
  Peer peer(live.endpoint());
  ASSERT_TRUE(peer.send(kGet));
  EXPECT_EQ(peer.read_answer().body, "127.0.0.1");
}

TEST(ErrorAnswerTest, IsTheJsonOfTheErrorTable) {
  const auto [head, body] =
      error_answer(base::make_error(base::Reason::NoKey, "No \"x\" here\xff."), "r1");
  EXPECT_EQ(head.status, 404);
  EXPECT_EQ(head.headers.find("X-Reqid"), "r1");
  EXPECT_EQ(head.headers.find("Content-Type"), "application/json");
  EXPECT_EQ(head.headers.find("Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(body,
            "{\"error\":\"No \\\"x\\\" here\xEF\xBF\xBD.\",\"code\":404,\"reason\":\"no_key\","
            "\"request_id\":\"r1\"}");
}

}  // namespace
}  // namespace millrace::net
