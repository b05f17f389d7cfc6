// SPDX-License-Identifier: Apache-2.0
// A pipeline's way through the gateway, with agents by script over real sockets.
#include <atomic>
#include <set>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "base/crypto.h"
#include "pipeline/task.h"
#include "tests/gateway/gateway_fixture.h"

namespace millrace::gateway {
namespace {

using net::Awaitable;
using net::HttpExchange;

constexpr const char* kTarget = "/photos/dir/a%20b.jpg?resize/w/200";

Awaitable<void> answer_small(HttpExchange& exchange) {
  (void)co_await exchange.respond(picture_head(), "picture");
}

// A body larger than any buffer on the way.
std::string large_body() {
  std::string body;
  for (int i = 0; body.size() < (8 << 20); ++i) body += std::to_string(i) + ",";
  return body;
}

class VariantTest : public GatewayTest {
 protected:
  // An agent that refuses with this reason.
  static FakeAgent::Script refuses(base::Reason reason, const std::string& retry_after = {}) {
    return [reason, retry_after](HttpExchange& exchange) -> Awaitable<void> {
      auto answer = net::error_answer(base::make_error(reason, "The node says no."), "from-agent");
      if (!retry_after.empty()) answer.first.headers.set("Retry-After", retry_after);
      (void)co_await exchange.respond(std::move(answer.first), answer.second);
    };
  }
};

TEST_F(VariantTest, AsksTheNodeWithASignedTask) {
  start_gateway();
  const FakeAgent& agent = start_agent(answer_small);
  const Reply reply =
      get(kTarget, {{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}});
  ASSERT_EQ(reply.status, 200) << reply.body;
  ASSERT_EQ(agent.requests().size(), 1U);
  const net::HttpRequest request = agent.requests().front();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/v1/task");
  EXPECT_EQ(request.headers.find(pipeline::kSignatureHeader),
            base::hex(base::hmac_sha256(kFleetKey, request.body)));
  const auto task = pipeline::task_from_json(request.body);
  ASSERT_TRUE(task) << request.body;
  EXPECT_EQ(task->bucket, "photos");
  EXPECT_EQ(task->key, "dir/a b.jpg");
  EXPECT_EQ(task->pipeline, "resize/w/200");
  EXPECT_EQ(task->tier, "free");
  EXPECT_EQ(task->request_id, reply.header("x-reqid"));
  EXPECT_EQ(task->traceparent.substr(3, 32), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_NE(task->traceparent.substr(36, 16), "00f067aa0ba902b7");
  EXPECT_GT(task->time_left.count(), 0);
  EXPECT_LE(task->time_left.count(), 30'000);
  EXPECT_FALSE(task->gateway_instance.empty());
}

// The text of the task's pipeline after "code/url/", decoded.
std::string url_of_task(const net::HttpRequest& request) {
  const auto task = pipeline::task_from_json(request.body);
  constexpr std::string_view kBefore = "code/w/5/url/";
  if (!task || !task->pipeline.starts_with(kBefore)) return "";
  return base::base64url_decode(task->pipeline.substr(kBefore.size())).value_or("");
}

TEST_F(VariantTest, TellsACommandTheUrlOfTheOriginalWhenItAsksForThat) {
  config_.throttle.trusted_proxies = {"127.0.0.1"};
  start_gateway();
  FakeAgent& agent = start_agent(answer_small);
  ASSERT_EQ(get("/photos/dir/a%20b.jpg?code/w/5&attname=x").status, 200);
  const std::string plain = url_of_task(agent.requests().back());
  EXPECT_EQ(plain.substr(0, 7), "http://");
  EXPECT_TRUE(plain.ends_with("/photos/dir/a%20b.jpg")) << plain;
  ASSERT_EQ(get("/photos/dir/a%20b.jpg?code/w/5", {{"X-Forwarded-Proto", "https"}}).status, 200);
  EXPECT_EQ(url_of_task(agent.requests().back()), "https" + plain.substr(4));
  const Reply forged = get("/photos/a.jpg?code/url/aHR0cDovL2V2aWw=");
  EXPECT_EQ(forged.status, 400);
  EXPECT_EQ(reason_of(forged), "bad_parameter");
}

TEST_F(VariantTest, NumbersItsTasks) {
  start_gateway();
  const FakeAgent& agent = start_agent(answer_small);
  for (int i = 0; i < 5; ++i) ASSERT_EQ(get(kTarget).status, 200);
  std::set<std::uint64_t> numbers;
  for (const auto& request : agent.requests()) {
    numbers.insert(pipeline::task_from_json(request.body)->sequence);
  }
  EXPECT_EQ(numbers.size(), 5U);
}

TEST_F(VariantTest, AnswersWithTheNodesBytesAndItsOwnFields) {
  start_gateway();
  start_agent(answer_small);
  const Reply reply = get(kTarget, {{"X-Reqid", "forged"}});
  EXPECT_EQ(reply.body, "picture");
  EXPECT_EQ(reply.header("content-type"), "image/jpeg");
  EXPECT_EQ(reply.header("etag"), "\"e1\"");
  EXPECT_EQ(reply.header("cache-control"), "public, max-age=31536000");
  EXPECT_EQ(reply.header("access-control-allow-origin"), "*");
  EXPECT_NE(reply.header("x-reqid"), "forged");
  EXPECT_EQ(reply.header("x-reqid").size(), 24U);
  EXPECT_TRUE(reply.header("server-timing").starts_with("admit;dur="));
  EXPECT_TRUE(reply.header("server-timing").ends_with(", work;dur=1"));
  EXPECT_TRUE(eventually([&] {
    return metric("millrace_gateway_requests_total{kind=\"variant\",reason=\"ok\"}") == 1;
  }));
}

TEST_F(VariantTest, StreamsWhatIsLargerThanABuffer) {
  start_gateway();
  start_agent([](HttpExchange& exchange) -> Awaitable<void> {
    const std::string body = large_body();
    (void)co_await exchange.respond(picture_head(), body);
  });
  const Reply reply = get(kTarget);
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.body == large_body());
  EXPECT_EQ(reply.header("content-length"), std::to_string(large_body().size()));
}

TEST_F(VariantTest, StreamsABodyOfUnknownLength) {
  start_gateway();
  start_agent([](HttpExchange& exchange) -> Awaitable<void> {
    const std::string body = large_body();
    (void)co_await exchange.start(picture_head(), std::nullopt, {});
    (void)co_await exchange.write(body);
    (void)co_await exchange.finish();
  });
  EXPECT_TRUE(get(kTarget).body == large_body());
}

TEST_F(VariantTest, HeadHasTheFieldsWithoutTheBody) {
  start_gateway();
  std::atomic<bool> is_large{false};
  start_agent([&is_large](HttpExchange& exchange) -> Awaitable<void> {
    const std::string body = is_large ? large_body() : "picture";
    (void)co_await exchange.respond(picture_head(), body);
  });
  for (const bool large : {false, true}) {
    is_large = large;
    const Reply reply = get(kTarget, {}, "HEAD");
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.header("content-length"), std::to_string(large ? large_body().size() : 7));
    EXPECT_EQ(reply.body, "");
  }
}

TEST_F(VariantTest, PassesConditionsOnAnd304Back) {
  start_gateway();
  const FakeAgent& agent = start_agent([](HttpExchange& exchange) -> Awaitable<void> {
    net::HttpHead head = picture_head();
    head.status = 304;
    (void)co_await exchange.respond(std::move(head), {});
  });
  RawClient client(media_port());
  for (int i = 0; i < 2; ++i) {  // the connection lives on
    client.send("GET " + std::string(kTarget) +
                " HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"e1\"\r\n\r\n");
    const Reply reply = client.read_reply();
    EXPECT_EQ(reply.status, 304);
    EXPECT_EQ(reply.header("etag"), "\"e1\"");
  }
  EXPECT_EQ(agent.requests().front().headers.find("If-None-Match"), "\"e1\"");
}

TEST_F(VariantTest, NamesTheDownload) {
  start_gateway();
  start_agent(answer_small);
  EXPECT_EQ(get(std::string(kTarget) + "&attname=d.jpg").header("content-disposition"),
            "attachment;filename=\"d.jpg\"");
  EXPECT_EQ(get(std::string(kTarget) + "&attname=").header("content-disposition"),
            "attachment;filename=\"a b.jpg\"");
}

TEST_F(VariantTest, RefusesABadPipelineWithoutAskingAnybody) {
  start_gateway();
  const FakeAgent& agent = start_agent(answer_small);
  const Reply unknown = get("/photos/a.jpg?resice/w/1");
  EXPECT_EQ(unknown.status, 400);
  EXPECT_EQ(reason_of(unknown), "unknown_command");
  EXPECT_EQ(unknown.header("cache-control"), "no-store");
  EXPECT_EQ(unknown.header("x-reqid").size(), 24U);
  EXPECT_EQ(reason_of(get("/photos/a.jpg?resize/w/0")), "bad_parameter");
  EXPECT_EQ(reason_of(get("/photos/%zz?resize/w/1")), "bad_target");
  EXPECT_EQ(reason_of(get("/nobucket/a.jpg?resize/w/1")), "no_bucket");
  EXPECT_TRUE(agent.requests().empty());
  EXPECT_TRUE(eventually([&] {
    return metric("millrace_gateway_requests_total{kind=\"variant\",reason=\"unknown_command\"}") ==
           1;
  }));
}

TEST_F(VariantTest, SaysNoNodeWhenNoneIsKnown) {
  start_gateway();
  const Reply reply = get(kTarget);
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reason_of(reply), "no_node");
  EXPECT_TRUE(reply.header("retry-after") == "1" || reply.header("retry-after") == "2");
}

TEST_F(VariantTest, StillJudgesPipelinesWhenAllNodesAreGone) {
  start_gateway();
  start_agent(answer_small);
  stop_agents();
  EXPECT_TRUE(eventually([&] { return get(kTarget).status == 503; }));
  EXPECT_EQ(reason_of(get(kTarget)), "no_node");
  EXPECT_EQ(reason_of(get("/photos/a.jpg?resice/w/1")), "unknown_command");
}

TEST_F(VariantTest, PassesANodesErrorOnUnderItsOwnRequestId) {
  start_gateway();
  start_agent(refuses(base::Reason::CorruptMedia));
  const Reply reply = get(kTarget);
  EXPECT_EQ(reply.status, 422);
  const auto json = nlohmann::json::parse(reply.body);
  EXPECT_EQ(json["reason"], "corrupt_media");
  EXPECT_EQ(json["error"], "The node says no.");
  EXPECT_EQ(json["request_id"], reply.header("x-reqid"));
  EXPECT_EQ(reply.header("cache-control"), "no-store");
}

TEST_F(VariantTest, PassesRetryAfterOn) {
  start_gateway();
  start_agent(refuses(base::Reason::QueueFull, "7"));
  const Reply reply = get(kTarget);
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reason_of(reply), "queue_full");
  EXPECT_TRUE(reply.header("retry-after") == "7" || reply.header("retry-after") == "8");
}

TEST_F(VariantTest, TriesOneOtherNode) {
  config_.agent_link.retry_ratio = 1.0;
  start_gateway();
  start_agent(refuses(base::Reason::QueueFull, "7"), {.id = "full"});
  const FakeAgent& other = start_agent(answer_small, {.id = "idle"});
  // Whichever node is a source's own, the request ends at the one that can.
  for (int i = 0; i < 10; ++i) {
    const Reply reply = get("/photos/" + std::to_string(i) + ".jpg?resize/w/1");
    EXPECT_EQ(reply.status, 200) << reply.body;
  }
  EXPECT_EQ(other.requests().size(), 10U);
  EXPECT_GT(metric("millrace_gateway_retries_total"), 0);
}

TEST_F(VariantTest, DoesNotCarryAKillerToASecondNode) {
  config_.agent_link.retry_ratio = 1.0;
  start_gateway();
  start_agent(refuses(base::Reason::WorkerDied), {.id = "a"});
  start_agent(refuses(base::Reason::WorkerDied), {.id = "b"});
  EXPECT_EQ(reason_of(get(kTarget)), "worker_died");
  EXPECT_EQ(agents_[0]->requests().size() + agents_[1]->requests().size(), 1U);
}

TEST_F(VariantTest, LeavesANodeThatCannotBeReached) {
  config_.agent_link.retry_ratio = 1.0;
  start_gateway();
  start_agent(answer_small,
              {.id = "dead", .address = "unix:" + (folder_ / "nobody-listens").string()});
  start_agent(answer_small, {.id = "alive"});
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(get("/photos/" + std::to_string(i) + ".jpg?resize/w/1").status, 200);
  }
  EXPECT_GT(metric("millrace_gateway_node_unreachable_total"), 0);
}

TEST_F(VariantTest, SaysNoNodeWhenTheOnlyOneCannotBeReached) {
  start_gateway();
  start_agent(answer_small,
              {.id = "dead", .address = "unix:" + (folder_ / "nobody-listens").string()});
  const Reply reply = get(kTarget);
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reason_of(reply), "no_node");
  EXPECT_EQ(reply.body.find("nobody-listens"), std::string::npos);
}

TEST_F(VariantTest, ReachesANodeOverItsUnixSocket) {
  start_gateway();
  start_agent(answer_small, {.listen = "unix:" + (folder_ / "agent.sock").string()});
  EXPECT_EQ(get(kTarget).body, "picture");
}

TEST_F(VariantTest, DoesNotBlameTheClientWhenTheFleetsKeysDiffer) {
  start_gateway();
  start_agent(refuses(base::Reason::TokenInvalid));
  const Reply reply = get(kTarget);
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reason_of(reply), "no_node");
}

TEST_F(VariantTest, CutsTheConnectionWhenTheNodeBreaksOffInTheMiddle) {
  start_gateway();
  start_agent([](HttpExchange& exchange) -> Awaitable<void> {
    (void)co_await exchange.start(picture_head(), 1'000'000, "beginning");
    exchange.abort();
  });
  const Reply reply = get(kTarget);
  if (reply.status == 200) {
    EXPECT_FALSE(reply.complete);
    EXPECT_LT(reply.body.size(), 1'000'000U);
  } else {
    EXPECT_EQ(reason_of(reply), "no_node");  // it broke off before the gateway had a byte
  }
  EXPECT_TRUE(eventually([&] { return metric("millrace_gateway_node_link_broken_total") >= 1; }));
}

TEST_F(VariantTest, ClientThatLeavesCancelsTheWork) {
  start_gateway();
  std::atomic<bool> cancelled{false};
  start_agent([&cancelled](HttpExchange& exchange) -> Awaitable<void> {
    net::asio::steady_timer forever(co_await net::asio::this_coro::executor,
                                    net::asio::steady_timer::time_point::max());
    exchange.on_client_gone([&] {
      cancelled = true;
      forever.cancel();
    });
    try {
      co_await forever.async_wait(net::asio::use_awaitable);
      // NOLINTNEXTLINE(bugprone-empty-catch): the timer was cancelled, for the gateway left
    } catch (const boost::system::system_error&) {
    }
  });
  RawClient client(media_port());
  client.send("GET " + std::string(kTarget) + " HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return !agents_.front()->requests().empty(); }));
  client.close();
  EXPECT_TRUE(eventually([&] { return cancelled.load(); }));
  EXPECT_TRUE(eventually([&] {
    return metric("millrace_gateway_requests_total{kind=\"variant\",reason=\"client_gone\"}") == 1;
  }));
}

TEST_F(VariantTest, TheWorkMustEndAMomentBeforeTheClientsDeadline) {
  config_.deadlines.image = std::chrono::milliseconds(10'000);
  start_gateway();
  const FakeAgent& agent = start_agent(answer_small);
  EXPECT_EQ(get(kTarget).status, 200);
  const auto task = pipeline::task_from_json(agent.requests().front().body);
  ASSERT_TRUE(task);
  EXPECT_LE(task->time_left.count(), 9'950);
}

TEST_F(VariantTest, GivesUpAtTheDeadline) {
  config_.deadlines.image = std::chrono::milliseconds(100);
  start_gateway();
  start_agent([](HttpExchange& exchange) -> Awaitable<void> {
    net::asio::steady_timer forever(co_await net::asio::this_coro::executor,
                                    net::asio::steady_timer::time_point::max());
    exchange.on_client_gone([&forever] { forever.cancel(); });
    try {
      co_await forever.async_wait(net::asio::use_awaitable);
      // NOLINTNEXTLINE(bugprone-empty-catch): the gateway left
    } catch (const boost::system::system_error&) {
    }
  });
  const Reply reply = get(kTarget);
  EXPECT_EQ(reply.status, 504);
  EXPECT_EQ(reason_of(reply), "deadline");
}

TEST_F(VariantTest, MapsHostsToBuckets) {
  config_.hosts["img.example"].bucket = "photos";
  start_gateway();
  const FakeAgent& agent = start_agent(answer_small);
  EXPECT_EQ(get("/a.jpg?resize/w/1", {{"Host", "IMG.example:8080"}}).status, 200);
  EXPECT_EQ(pipeline::task_from_json(agent.requests().front().body)->key, "a.jpg");
  EXPECT_EQ(get("/photos/a.jpg?resize/w/1", {{"Host", "other.example"}}).status, 200);
}

}  // namespace
}  // namespace millrace::gateway
