// SPDX-License-Identifier: Apache-2.0
#include <stdexcept>

#include "net/cancel.h"
#include "net/endpoint.h"
#include "net/headers.h"
#include "net/io_pool.h"
#include "tests/net/live.h"

namespace millrace::net {
namespace {

using testing::IoThread;

TEST(EndpointTest, ReadsWhatItWrites) {
  for (const char* text :
       {"127.0.0.1:8080", "[::1]:0", "images.internal:65535", "unix:/run/millrace/agent.sock"}) {
    const auto endpoint = parse_endpoint(text);
    ASSERT_TRUE(endpoint.has_value()) << text;
    EXPECT_EQ(endpoint->text(), text);
  }
}

TEST(EndpointTest, RefusesTheRest) {
  for (const std::string& text :
       {std::string(), std::string(":80"), std::string("host"), std::string("host:"),
        std::string("host:65536"), std::string("host:80x"), std::string("::1:80"),
        std::string("[::1]"), std::string("[::1:80"), std::string("ho st:80"), std::string("unix:"),
        std::string("unix:relative"), "unix:/" + std::string(120, 'p')}) {
    const auto endpoint = parse_endpoint(text);
    ASSERT_FALSE(endpoint.has_value()) << text;
    EXPECT_EQ(endpoint.error().reason, base::Reason::BadParameter);
  }
}

TEST(HeadersTest, ComparesNamesWithoutCase) {
  Headers headers;
  headers.add("Accept", "a");
  headers.add("accept", "b");
  headers.add("Other", "o");
  EXPECT_EQ(headers.find("ACCEPT"), "a");
  headers.set("aCCept", "c");
  EXPECT_EQ(headers.find("accept"), "c");
  headers.remove("ACCEPT");
  EXPECT_EQ(headers.find("accept"), std::nullopt);
  EXPECT_EQ(headers.find("other"), "o");
  headers.set("New", "n");
  EXPECT_EQ(headers.find("new"), "n");
}

TEST(CancelTest, CallsEachLivingCallbackOnce) {
  CancelSource source;
  int kept = 0;
  int dropped = 0;
  const auto handle = source.token().on_cancel([&] { ++kept; });
  {
    const auto gone = source.token().on_cancel([&] { ++dropped; });
  }
  EXPECT_FALSE(source.token().cancelled());
  source.cancel();
  source.cancel();
  EXPECT_TRUE(source.token().cancelled());
  EXPECT_EQ(kept, 1);
  EXPECT_EQ(dropped, 0);
  int late = 0;
  const auto unused = source.token().on_cancel([&] { ++late; });
  EXPECT_EQ(late, 1);
  EXPECT_FALSE(CancelToken().cancelled());
}

Awaitable<std::string> run_on(BlockingPool& pool) {
  const auto caller = std::this_thread::get_id();
  std::thread::id worker;
  auto call = [&] { worker = std::this_thread::get_id(); };
  const bool taken = co_await pool.run(call);
  if (!taken) co_return "refused";
  if (std::this_thread::get_id() != caller) co_return "resumed elsewhere";
  co_return worker == caller ? "ran on the caller" : "";
}

TEST(BlockingPoolTest, RunsElsewhereAndResumesHere) {
  IoThread thread;
  BlockingPool pool(2, 4);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(thread.await(run_on(pool)), "");
}

TEST(BlockingPoolTest, RefusesWhenItsQueueIsFull) {
  IoThread thread;
  std::promise<void> open;
  const std::shared_future<void> opened(open.get_future());
  BlockingPool pool(1, 1);
  EXPECT_TRUE(pool.post([opened] { opened.wait(); }));
  // The thread has taken the first, or will: one more may wait.
  EXPECT_TRUE(pool.post([opened] { opened.wait(); }));
  EXPECT_FALSE(pool.post([] {}));
  EXPECT_EQ(thread.await(run_on(pool)), "refused");
  open.set_value();
}

Awaitable<bool> run_throwing(BlockingPool& pool) {
  auto call = [] { throw std::runtime_error("on the pool"); };
  try {
    co_await pool.run(call);
  } catch (const std::runtime_error&) {
    co_return true;
  }
  co_return false;
}

TEST(BlockingPoolTest, HandsAnExceptionToTheCaller) {
  IoThread thread;
  BlockingPool pool(1, 1);
  EXPECT_TRUE(thread.await(run_throwing(pool)));
}

}  // namespace
}  // namespace millrace::net
