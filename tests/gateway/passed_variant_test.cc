// SPDX-License-Identifier: Apache-2.0
// Variants that an agent on this machine hands over as files, to clients over real sockets.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pipeline/task.h"
#include "tests/gateway/gateway_fixture.h"

namespace millrace::gateway {
namespace {

using net::Awaitable;
using net::HttpExchange;

constexpr const char* kTarget = "/photos/a.jpg?resize/w/200";

class PassedVariantTest : public GatewayTest {
 protected:
  PassedVariantTest() {
    ::signal(SIGPIPE, SIG_IGN);  // as the gateway does
    while (content_.size() < 900'000) content_ += std::to_string(content_.size()) + ",";
    file_ = read_only(content_);
  }
  // They write from what is here.
  ~PassedVariantTest() override { stop_agents(); }
  static base::UniqueFd read_only(std::string_view content) {
    const base::UniqueFd fd(::memfd_create("test", MFD_CLOEXEC));
    EXPECT_EQ(::pwrite(fd.get(), content.data(), content.size(), 0),
              static_cast<ssize_t>(content.size()));
    return base::UniqueFd(
        ::open(("/proc/self/fd/" + std::to_string(fd.get())).c_str(), O_RDONLY | O_CLOEXEC));
  }
  [[nodiscard]] FakeAgent::Options on_this_machine(const std::string& id = "node-1") const {
    return {.id = id, .listen = "unix:" + (folder_ / (id + ".sock")).string()};
  }
  static bool takes(const HttpExchange& exchange) {
    return exchange.request().headers.find(pipeline::kTakesHeader) == pipeline::kTakesDescriptor;
  }
  // Hands the file over where that is asked for, and writes it where not.
  FakeAgent::Script passes(const std::string& told) {
    return [this, told](HttpExchange& exchange) -> Awaitable<void> {
      net::HttpHead head = picture_head();
      if (!takes(exchange)) {
        ++written_;
        (void)co_await exchange.respond(std::move(head), content_);
        co_return;
      }
      ++passed_;
      head.headers.add(pipeline::kDescriptorHeader, told);
      (void)co_await exchange.respond_beside(std::move(head), file_.get());
    };
  }
  [[nodiscard]] std::string size() const { return std::to_string(content_.size()); }

  std::string content_;
  base::UniqueFd file_;
  std::atomic<int> passed_{0};
  std::atomic<int> written_{0};
};

TEST_F(PassedVariantTest, ReachesTheClientWhole) {
  start_gateway();
  start_agent(passes(size()), on_this_machine());
  RawClient client(media_port());
  for (int i = 0; i < 3; ++i) {
    client.send("GET " + std::string(kTarget) + " HTTP/1.1\r\nHost: x\r\n\r\n");
    const Reply reply = client.read_reply();
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.header("content-length"), size());
    EXPECT_EQ(reply.header("content-type"), picture_head().headers.find("Content-Type"));
    EXPECT_EQ(reply.header("x-millrace-descriptor"), "");
    EXPECT_TRUE(reply.body == content_);
  }
  EXPECT_EQ(passed_, 3);
  EXPECT_EQ(metric("millrace_gateway_response_body_bytes_total{kind=\"variant\"}"),
            3.0 * static_cast<double>(content_.size()));
}

TEST_F(PassedVariantTest, HeadHasItsLengthAlone) {
  start_gateway();
  start_agent(passes(size()), on_this_machine());
  const Reply reply = get(kTarget, {}, "HEAD");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("content-length"), size());
  EXPECT_EQ(reply.body, "");
}

TEST_F(PassedVariantTest, AnAgentElsewhereIsNotAskedForIt) {
  start_gateway();
  const FakeAgent& agent = start_agent(passes(size()));
  EXPECT_TRUE(get(kTarget).body == content_);
  EXPECT_FALSE(agent.requests().front().headers.find(pipeline::kTakesHeader));
  EXPECT_EQ(written_, 1);
}

TEST_F(PassedVariantTest, AnAgentThatWritesAllTheSameIsUnderstood) {
  start_gateway();
  start_agent(
      [](HttpExchange& exchange) -> Awaitable<void> {
        (void)co_await exchange.respond(picture_head(), "picture");
      },
      on_this_machine());
  EXPECT_EQ(get(kTarget).body, "picture");
}

TEST_F(PassedVariantTest, AnAnswerThatIsNotModifiedHasNone) {
  start_gateway();
  start_agent(
      [](HttpExchange& exchange) -> Awaitable<void> {
        net::HttpHead head;
        head.status = 304;
        head.headers.add("ETag", "\"1\"");
        (void)co_await exchange.respond(std::move(head), {});
      },
      on_this_machine());
  EXPECT_EQ(get(kTarget, {{"If-None-Match", "\"1\""}}).status, 304);
}

TEST_F(PassedVariantTest, WhatIsNotTheFileThatWasToldIsABrokenLink) {
  start_gateway();
  const base::UniqueFd writable(::memfd_create("writable", MFD_CLOEXEC));
  std::atomic<int> turn{0};
  start_agent(
      [&](HttpExchange& exchange) -> Awaitable<void> {
        const int now = turn++;
        net::HttpHead head = picture_head();
        head.headers.add(pipeline::kDescriptorHeader, now == 1 ? "5" : now == 2 ? "0" : size());
        if (now == 0) {
          (void)co_await exchange.respond(std::move(head), {});
        } else {
          (void)co_await exchange.respond_beside(std::move(head),
                                                 now == 2 ? writable.get() : file_.get());
        }
      },
      on_this_machine());
  for (const char* what : {"none came", "of another size", "it can be written to"}) {
    EXPECT_EQ(reason_of(get(kTarget)), "no_node") << what;
  }
  EXPECT_EQ(metric("millrace_gateway_node_link_broken_total"), 3);
  EXPECT_TRUE(get(kTarget).body == content_) << "the node is asked as before";
}

TEST_F(PassedVariantTest, ClientsThatGoAwayInTheMiddleLeaveTheGatewayWell) {
  start_gateway();
  start_agent(passes(size()), on_this_machine());
  for (int i = 0; i < 200; ++i) {
    const RawClient client(media_port());
    client.send("GET " + std::string(kTarget) + " HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  EXPECT_TRUE(get(kTarget).body == content_);
  EXPECT_TRUE(eventually([this] { return metric("millrace_gateway_requests_in_flight") == 0; }));
  // Every place came back: descriptors are asked for still.
  const int before = passed_;
  EXPECT_TRUE(get(kTarget).body == content_);
  EXPECT_EQ(passed_, before + 1);
}

}  // namespace
}  // namespace millrace::gateway
