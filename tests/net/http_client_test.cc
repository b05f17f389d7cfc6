// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include <future>

#include "net/wake_up.h"
#include "tests/net/client_fixture.h"

namespace millrace::net {
namespace {

using namespace std::chrono_literals;
using base::Deadline;
using base::Reason;
using testing::answer_with;
using testing::Fetched;
using testing::HttpClientTest;
using testing::LiveServer;
using testing::Peer;
using testing::Scripted;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

HttpHandler echo_target() {
  return [](HttpExchange& exchange) -> Awaitable<void> {
    co_await answer_with(exchange, exchange.request().target + exchange.request().body);
  };
}

TEST_F(HttpClientTest, ReusesOneConnection) {
  LiveServer live({}, echo_target());
  for (int i = 0; i < 5; ++i) {
    const Fetched fetched = get(live.endpoint(), {.target = "/" + std::to_string(i)});
    EXPECT_EQ(fetched.status, 200) << fetched.detail();
    EXPECT_EQ(fetched.body, "/" + std::to_string(i));
  }
  EXPECT_EQ(get(live.endpoint(), post("body")).body, "/body");
  EXPECT_EQ(live.counts().accepted, 1u);
}

TEST_F(HttpClientTest, SpeaksOverAUnixSocket) {
  const testing::SocketPath path;
  const LiveServer live({}, echo_target(), "unix:" + path.text());
  EXPECT_EQ(get(live.endpoint(), {.target = "/u"}).body, "/u");
}

TEST_F(HttpClientTest, ResolvesNames) {
  const LiveServer live({}, echo_target());
  Endpoint endpoint = live.endpoint();
  endpoint.host = "localhost";
  const Fetched fetched = get(endpoint, {.target = "/n"});
  EXPECT_EQ(fetched.body, "/n") << fetched.detail();
}

TEST_F(HttpClientTest, RepeatsOnceWhenThePooledConnectionWasClosed) {
  const Scripted server([](Scripted& script) {
    {
      Peer first = script.accept();
      first.read_until("\r\n\r\n");
      first.send(kOk);
      first.read_until("\r\n\r\n");  // the second request, unanswered
    }
    Peer second = script.accept();
    second.read_until("\r\n\r\n");
    second.send(kOk);
    second.read_to_end();
  });
  EXPECT_EQ(get(server.endpoint()).body, "ok");
  const Fetched again = get(server.endpoint());
  EXPECT_EQ(again.body, "ok") << again.detail();
  thread_.on_io([this] { client_->close_idle(); });
}

TEST_F(HttpClientTest, DoesNotRepeatAPostThatTheServerHasSeen) {
  const Scripted server([](Scripted& script) {
    {
      Peer only = script.accept();
      only.read_until("\r\n\r\n");
      only.send(kOk);
      only.read_until("\r\n\r\nbody");
    }
    EXPECT_TRUE(script.quiet());
  });
  EXPECT_EQ(get(server.endpoint()).body, "ok");
  EXPECT_EQ(get(server.endpoint(), post("body")).reason(), Reason::OriginFailed);
}

TEST_F(HttpClientTest, LooksAtAPooledConnectionBeforeAPost) {
  std::promise<void> closed;
  const Scripted server([&](Scripted& script) {
    {
      Peer first = script.accept();
      first.read_until("\r\n\r\n");
      first.send(kOk);
    }
    closed.set_value();
    Peer second = script.accept();
    second.read_until("\r\n\r\nbody");
    second.send(kOk);
    second.read_to_end();
  });
  EXPECT_EQ(get(server.endpoint()).body, "ok");
  closed.get_future().wait();
  const Fetched posted = get(server.endpoint(), post("body"));
  EXPECT_EQ(posted.body, "ok") << posted.detail();
  thread_.on_io([this] { client_->close_idle(); });
}

TEST_F(HttpClientTest, AFreshConnectionThatBreaksIsAnError) {
  const Scripted server([](Scripted& script) { script.accept().read_until("\r\n\r\n"); });
  const Fetched fetched = get(server.endpoint());
  EXPECT_EQ(fetched.reason(), Reason::OriginFailed);
  EXPECT_FALSE(fetched.detail().starts_with("connect:"));
}

TEST_F(HttpClientTest, ABreakInMidBodyIsAnError) {
  for (const char* answer : {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nonly"}) {
    const Scripted server([answer](Scripted& script) {
      Peer peer = script.accept();
      peer.read_until("\r\n\r\n");
      peer.send(answer);
    });
    const Fetched fetched = get(server.endpoint());
    EXPECT_EQ(fetched.status, 200);
    EXPECT_EQ(fetched.reason(), Reason::OriginFailed);
  }
}

TEST_F(HttpClientTest, JoinsChunksAndKeepsTheConnection) {
  const Scripted server([](Scripted& script) {
    Peer peer = script.accept();
    for (int i = 0; i < 2; ++i) {
      peer.read_until("\r\n\r\n");
      const std::string answer =
          "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
          "3\r\nabc\r\n4;x=1\r\ndefg\r\n0\r\nTrailer: t\r\n\r\n";
      if (i == 0) {
        for (const char byte : answer) peer.send({&byte, 1});
      } else {
        peer.send(answer);
      }
    }
    peer.read_to_end();
  });
  for (int i = 0; i < 2; ++i) {
    const Fetched fetched = get(server.endpoint());
    EXPECT_EQ(fetched.body, "abcdefg") << fetched.detail();
    EXPECT_EQ(fetched.length, std::nullopt);
  }
  thread_.on_io([this] { client_->close_idle(); });
}

TEST_F(HttpClientTest, ReadsUntilClose) {
  const Scripted server([](Scripted& script) {
    Peer peer = script.accept();
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.0 200 OK\r\n\r\nall of it");
  });
  EXPECT_EQ(get(server.endpoint()).body, "all of it");
}

TEST_F(HttpClientTest, AnAnswerToHeadHasNoBody) {
  LiveServer live({}, echo_target());
  for (int i = 0; i < 2; ++i) {
    const Fetched fetched = get(live.endpoint(), {.method = "HEAD", .target = "/four"});
    EXPECT_EQ(fetched.length, 5u);
    EXPECT_EQ(fetched.body, "");
  }
  EXPECT_EQ(live.counts().accepted, 1u);
}

TEST_F(HttpClientTest, RefusesWhatIsNotHttp) {
  for (const std::string& answer :
       {std::string("SSH-2.0-OpenSSH\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n",
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")}) {
    const Scripted server([&answer](Scripted& script) {
      Peer peer = script.accept();
      peer.read_until("\r\n\r\n");
      peer.send(answer);
      peer.read_to_end();
    });
    EXPECT_EQ(get(server.endpoint()).reason(), Reason::OriginFailed) << answer.substr(0, 60);
  }
}

TEST_F(HttpClientTest, TheDeadlineEndsTheWaitAndTheConnection) {
  const Scripted server([](Scripted& script) {
    Peer peer = script.accept();
    peer.read_until("\r\n\r\n");
    EXPECT_TRUE(peer.closed_by_peer());
  });
  const Fetched fetched = get(server.endpoint(), {}, Deadline::after(base::Clock::now(), 300ms));
  EXPECT_EQ(fetched.reason(), Reason::Deadline);
}

TEST_F(HttpClientTest, APassedDeadlineIsNotTried) {
  const Scripted server([](Scripted&) {});
  EXPECT_EQ(get(server.endpoint(), {}, Deadline(base::Clock::now())).reason(), Reason::Deadline);
  EXPECT_TRUE(server.quiet());
}

TEST_F(HttpClientTest, ABodyWithoutProgressTimesOut) {
  HttpClient::Options options;
  options.limits.read_timeout = 150ms;
  make(options);
  const Scripted server([](Scripted& script) {
    Peer peer = script.accept();
    peer.read_until("\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nstalls");
    EXPECT_TRUE(peer.closed_by_peer());
  });
  const Fetched fetched = get(server.endpoint());
  EXPECT_EQ(fetched.reason(), Reason::OriginFailed);
  EXPECT_NE(fetched.detail().find("timed out"), std::string::npos) << fetched.detail();
}

TEST_F(HttpClientTest, CancellationEndsTheWait) {
  CancelSource source;
  const Scripted server([&](Scripted& script) {
    Peer peer = script.accept();
    peer.read_until("\r\n\r\n");
    thread_.on_io([&] { source.cancel(); });
    EXPECT_TRUE(peer.closed_by_peer());
  });
  EXPECT_EQ(get(server.endpoint(), {}, patient(), source.token()).reason(), Reason::ClientGone);
}

TEST_F(HttpClientTest, SaysWhenNoConnectionWasMade) {
  // Bound, so that nobody else gets the port, and not listening.
  const base::UniqueFd bound(::socket(AF_INET, SOCK_STREAM, 0));
  const SocketAddress any = address_of_literal("127.0.0.1", 0);
  ASSERT_EQ(::bind(bound.get(), any.get(), any.length), 0);
  const Fetched refused = get(local_endpoint_of(bound.get()));
  EXPECT_EQ(refused.reason(), Reason::OriginFailed);
  EXPECT_TRUE(refused.detail().starts_with("connect: ")) << refused.detail();

  const testing::SocketPath path;
  const Fetched absent = get(*parse_endpoint("unix:" + path.text()));
  EXPECT_TRUE(absent.detail().starts_with("connect: ")) << absent.detail();
}

TEST_F(HttpClientTest, RefusesToSendWhatWouldSplitTheRequest) {
  const Scripted server([](Scripted&) {});
  ClientRequest request;
  request.target = "/a HTTP/1.1\r\nX: y";
  EXPECT_EQ(get(server.endpoint(), request).reason(), Reason::Internal);
  request.target = "/";
  request.headers.add("X", "a\r\nY: b");
  EXPECT_EQ(get(server.endpoint(), request).reason(), Reason::Internal);
  EXPECT_TRUE(server.quiet());
}

TEST_F(HttpClientTest, WaitsWhenTheEndpointHasItsConnections) {
  HttpClient::Options options;
  options.limits.connections_per_endpoint_max = 1;
  make(options);
  bool open = false;  // on the server's thread, as is the next
  WakeUp wake_up;
  LiveServer live({}, [&](HttpExchange& exchange) -> Awaitable<void> {
    while (!open) co_await wake_up.wait();
    co_await answer_with(exchange, "served");
  });
  auto first = std::async(std::launch::async, [&] { return get(live.endpoint()); });
  ASSERT_TRUE(live.wait_for([](const auto& counts) { return counts.in_flight == 1; }));
  const Fetched late = get(live.endpoint(), {}, Deadline::after(base::Clock::now(), 200ms));
  EXPECT_EQ(late.reason(), Reason::Deadline);
  auto second = std::async(std::launch::async, [&] { return get(live.endpoint()); });
  live.thread().on_io([&] {
    open = true;
    wake_up.notify();
  });
  EXPECT_EQ(first.get().body, "served");
  EXPECT_EQ(second.get().body, "served");
  EXPECT_EQ(live.counts().accepted, 1u);
}

TEST_F(HttpClientTest, CarriesALargeBodyInPieces) {
  std::string large(5'000'001, ' ');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>('a' + i % 23);
  const LiveServer live({}, [&](HttpExchange& exchange) -> Awaitable<void> {
    (void)co_await exchange.respond({}, large);
  });
  const Fetched fetched = get(live.endpoint());
  EXPECT_EQ(fetched.length, large.size());
  EXPECT_TRUE(fetched.body == large);
}

Awaitable<std::string> walk_small_answer(HttpClient& client, Endpoint endpoint) {
  auto answer = co_await client.send(endpoint, {}, Deadline::never());
  if (!answer) co_return answer.error().detail;
  const auto piece = co_await (*answer)->read_some();
  if (!piece || *piece != "ok") co_return "no piece";
  if (!(*answer)->body_complete()) co_return "not complete with its last byte";
  const auto end = co_await (*answer)->read_some();
  co_return end && end->empty() ? "" : "no end";
}

TEST_F(HttpClientTest, TheLastPieceCompletesTheBody) {
  for (const std::string& answer :
       {std::string(kOk), std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                      "2\r\nok\r\n0\r\n\r\n")}) {
    const Scripted server([&](Scripted& script) {
      Peer peer = script.accept();
      peer.read_until("\r\n\r\n");
      peer.send(answer);
      peer.read_to_end();
    });
    EXPECT_EQ(thread_.await(walk_small_answer(*client_, server.endpoint())), "");
    thread_.on_io([this] { client_->close_idle(); });
  }
}

Awaitable<std::optional<Reason>> read_at_most(HttpClient& client, Endpoint endpoint,
                                              base::Bytes max) {
  auto answer = co_await client.send(endpoint, {}, Deadline::never());
  if (!answer) co_return answer.error().reason;
  const auto body = co_await (*answer)->read_all(max);
  co_return body ? std::nullopt : std::optional(body.error().reason);
}

TEST_F(HttpClientTest, ReadAllRefusesMoreThanAllowed) {
  const LiveServer live({}, [](HttpExchange& exchange) -> Awaitable<void> {
    if (exchange.request().is_head()) co_return;
    (void)co_await exchange.start({}, std::nullopt, std::string(1000, 'x'));
    (void)co_await exchange.finish();
  });
  EXPECT_EQ(thread_.await(read_at_most(*client_, live.endpoint(), {999})), Reason::SourceTooLarge);
  EXPECT_EQ(thread_.await(read_at_most(*client_, live.endpoint(), {1000})), std::nullopt);
}

}  // namespace
}  // namespace millrace::net
