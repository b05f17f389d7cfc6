// SPDX-License-Identifier: Apache-2.0
// HttpExchange::before_last_bytes, seen from the client: what was done there is done when the
// answer is whole, and not long before.
#include <atomic>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/net/live.h"

namespace millrace::net {
namespace {

using testing::LiveServer;
using testing::Peer;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr std::size_t kLargeBytes = 32U << 20;  // more than any socket takes unread

class LastBytesTest : public ::testing::Test {
 protected:
  LastBytesTest() { ::signal(SIGPIPE, SIG_IGN); }
  // Counts the calls, then answers.
  HttpHandler counted(HttpHandler answer) {
    return [this, answer = std::move(answer)](HttpExchange& exchange) {
      exchange.before_last_bytes([this] { ++calls_; });
      return answer(exchange);
    };
  }
  std::atomic<int> calls_{0};
};

Awaitable<void> respond_small(HttpExchange& exchange) {
  (void)co_await exchange.respond({}, "hello");
}

Awaitable<void> respond_in_pieces(HttpExchange& exchange) {
  (void)co_await exchange.start({}, std::nullopt);
  (void)co_await exchange.write("hel");
  (void)co_await exchange.write("lo");
  (void)co_await exchange.finish();
}

Awaitable<void> respond_with_length(HttpExchange& exchange) {
  (void)co_await exchange.start({}, 5, "hel");
  (void)co_await exchange.write("lo");
  (void)co_await exchange.finish();
}

TEST_F(LastBytesTest, IsToldBeforeTheAnswerIsWhole) {
  for (const auto answer : {respond_small, respond_in_pieces, respond_with_length}) {
    calls_ = 0;
    const LiveServer live({}, counted(answer));
    Peer peer(live.endpoint());
    for (int i = 1; i <= 100; ++i) {
      ASSERT_TRUE(peer.send(kGet));
      EXPECT_EQ(peer.read_answer().body, "hello");
      EXPECT_EQ(calls_, i);
    }
  }
}

TEST_F(LastBytesTest, OfAFileOnlyWhenLittleIsLeft) {
  const base::UniqueFd file(::memfd_create("test", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(file.get(), kLargeBytes), 0);
  const LiveServer live({}, counted([&file](HttpExchange& exchange) -> Awaitable<void> {
                          std::uint64_t sent_bytes = 0;
                          (void)co_await exchange.respond_file({}, {file.get(), kLargeBytes},
                                                               sent_bytes);
                        }));
  Peer peer(live.endpoint());
  ASSERT_TRUE(peer.send(kGet));
  peer.read_until("\r\n\r\n");
  testing::let_pass(std::chrono::milliseconds(100));  // the socket is full meanwhile
  EXPECT_EQ(calls_, 0) << "the client has taken next to nothing";
  EXPECT_EQ(peer.read_exactly(kLargeBytes).size(), kLargeBytes);
  EXPECT_EQ(calls_, 1);
}

TEST_F(LastBytesTest, OfALongStreamOnlyWithItsLastPiece) {
  const LiveServer live({}, counted([](HttpExchange& exchange) -> Awaitable<void> {
                          const std::string piece(64U << 10, 'x');
                          auto sent = co_await exchange.start({}, kLargeBytes);
                          for (std::size_t at = 0; sent && at < kLargeBytes; at += piece.size()) {
                            sent = co_await exchange.write(piece);
                          }
                          if (sent) (void)co_await exchange.finish();
                        }));
  Peer peer(live.endpoint());
  ASSERT_TRUE(peer.send(kGet));
  peer.read_until("\r\n\r\n");
  testing::let_pass(std::chrono::milliseconds(100));
  EXPECT_EQ(calls_, 0);
  EXPECT_EQ(peer.read_exactly(kLargeBytes).size(), kLargeBytes);
  EXPECT_EQ(calls_, 1);
}

TEST_F(LastBytesTest, OfHeadWithTheHead) {
  const LiveServer live({}, counted(respond_small));
  Peer peer(live.endpoint());
  ASSERT_TRUE(peer.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_EQ(peer.read_answer(true).status, 200);
  EXPECT_EQ(calls_, 1);
}

TEST_F(LastBytesTest, IsForgottenWithItsRequest) {
  std::atomic<int> turn{0};
  const LiveServer live({}, [&](HttpExchange& exchange) -> Awaitable<void> {
    if (turn++ == 0) {
      exchange.before_last_bytes([this] { ++calls_; });
      exchange.before_last_bytes({});
    }
    (void)co_await exchange.respond({}, "hello");
  });
  Peer peer(live.endpoint());
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(peer.send(kGet));
    EXPECT_EQ(peer.read_answer().body, "hello");
  }
  EXPECT_EQ(calls_, 0);
}

}  // namespace
}  // namespace millrace::net
