// SPDX-License-Identifier: Apache-2.0
//
// What the registry answers to requests that a test makes by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "discovery/registry_protocol.h"
#include "discovery/signature.h"
#include "net/http_client.h"
#include "tests/discovery/live.h"

namespace millrace::discovery {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::minutes;

struct Answer {
  int status = 0;
  Json body;
  [[nodiscard]] std::string reason() const { return body.value("reason", "none"); }
  [[nodiscard]] std::string answer() const { return body.value("answer", "none"); }
};

class RegistryWireTest : public testing::Test {
 protected:
  RegistryWireTest() { use({}); }
  ~RegistryWireTest() override {
    client_thread_.on_thread([this] { client_.reset(); });
    client_thread_.stop();
  }

  void use(const std::function<void(RegistryConfig&)>& change) {
    RegistryConfig config;
    config.gone_after = minutes(2);
    config.heartbeat_hold = minutes(1);
    if (change) change(config);
    gateway_ = std::make_unique<LiveGateway>(config);
  }

  static std::string body_of(const std::string& incarnation = "1",
                             NodeState state = NodeState::Serving) {
    NodeRecord record;
    record.id = "node-1";
    record.incarnation = incarnation;
    record.address = "127.0.0.1:9101";
    record.state = state;
    return to_json(record);
  }
  static net::ClientRequest request(const std::string& method, const std::string& target,
                                    const std::string& body, std::uint64_t sequence,
                                    milliseconds clock_error = milliseconds(0)) {
    net::ClientRequest made;
    made.method = method;
    made.target = target;
    made.body = body;
    sign(made.headers, kFleetKey,
         {method, target, unix_ms_now() + clock_error.count(), sequence, body});
    return made;
  }
  static net::ClientRequest beat(std::uint64_t sequence, const std::string& body = body_of()) {
    return request("POST", "/v1/registry/nodes/node-1", body, sequence);
  }

  // Answered later, or never, where the heartbeat hangs.
  std::future<Answer> start(net::ClientRequest made) {
    auto promise = std::make_shared<std::promise<Answer>>();
    net::asio::co_spawn(client_thread_.io(),
                        exchange(*client_, gateway_->endpoint(), std::move(made), promise),
                        net::asio::detached);
    return promise->get_future();
  }
  Answer send(net::ClientRequest made) { return wait(start(std::move(made))); }
  static Answer wait(std::future<Answer> answer) {
    if (answer.wait_for(std::chrono::seconds(30)) != std::future_status::ready) {
      ADD_FAILURE() << "no answer came";
      return {};
    }
    return answer.get();
  }

  static net::Awaitable<void> exchange(net::HttpClient& client, net::Endpoint endpoint,
                                       net::ClientRequest made,
                                       std::shared_ptr<std::promise<Answer>> into) {
    const auto deadline = base::Deadline::after(base::Clock::now(), minutes(3));
    Answer answer;
    auto response = co_await client.send(std::move(endpoint), std::move(made), deadline);
    if (response) {
      const auto body = co_await (*response)->read_all(base::mebibytes(1));
      answer.status = (*response)->status();
      answer.body = Json::parse(body ? *body : "{}", nullptr, false);
    }
    into->set_value(std::move(answer));
  }

  LiveThread client_thread_;
  std::unique_ptr<net::HttpClient> client_ = std::make_unique<net::HttpClient>(
      client_thread_.io(), net::HttpClient::Options{.limits = {.read_timeout = minutes(3)}});
  std::unique_ptr<LiveGateway> gateway_;
};

TEST_F(RegistryWireTest, FirstHeartbeatIsAnsweredAtOnceAndALaterOneHangsUntilTheNext) {
  const Answer first = send(beat(1));
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.answer(), "accepted");
  EXPECT_EQ(first.body.value("version", 0), 1);
  auto second = start(beat(2));
  ASSERT_TRUE(eventually([&] { return gateway_->beats("refreshed") >= 1; }));
  EXPECT_EQ(second.wait_for(milliseconds(0)), std::future_status::timeout);
  auto third = start(beat(3));
  EXPECT_EQ(wait(std::move(second)).answer(), "superseded");
  EXPECT_EQ(third.wait_for(milliseconds(0)), std::future_status::timeout);
  gateway_->registry().drain();
  EXPECT_EQ(wait(std::move(third)).answer(), "draining");
  EXPECT_EQ(send(beat(4)).answer(), "draining");
}

TEST_F(RegistryWireTest, HoldEndsByItself) {
  use([](RegistryConfig& config) { config.heartbeat_hold = milliseconds(20); });
  send(beat(1));
  EXPECT_EQ(send(beat(2)).answer(), "accepted");
  EXPECT_NE(gateway_->node("node-1"), nullptr);
}

TEST_F(RegistryWireTest, NodeThatFallsSilentIsGone) {
  use([](RegistryConfig& config) {
    config.heartbeat_hold = milliseconds(20);
    config.gone_after = milliseconds(100);
  });
  EXPECT_EQ(send(beat(1)).answer(), "accepted");
  EXPECT_TRUE(eventually([&] { return gateway_->node("node-1") == nullptr; }));
}

TEST_F(RegistryWireTest, ReplayIsRefused) {
  const net::ClientRequest first = beat(7);
  EXPECT_EQ(send(first).status, 200);
  const Answer again = send(first);
  EXPECT_EQ(again.status, 401);
  EXPECT_EQ(again.reason(), "token_invalid");
  EXPECT_EQ(send(beat(6)).reason(), "token_invalid");
  // Also when it would bring back a node that has withdrawn.
  EXPECT_EQ(send(beat(8, body_of("1", NodeState::Down))).answer(), "withdrawn");
  EXPECT_EQ(send(first).reason(), "token_invalid");
  EXPECT_EQ(gateway_->node("node-1"), nullptr);
}

TEST_F(RegistryWireTest, OtherClocksAreRefusedWithASentence) {
  for (const milliseconds error : {milliseconds(-40'000), milliseconds(40'000)}) {
    const Answer answer = send(request("POST", "/v1/registry/nodes/node-1", body_of(), 1, error));
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(answer.reason(), "token_expired");
    EXPECT_THAT(answer.body.value("error", ""), testing::HasSubstr("clock"));
  }
  EXPECT_EQ(gateway_->node("node-1"), nullptr);
}

TEST_F(RegistryWireTest, UnsignedAndAlteredRequestsAreRefused) {
  net::ClientRequest bare = beat(1);
  bare.headers.remove(kSignatureHeader);
  EXPECT_EQ(send(bare).reason(), "token_missing");
  net::ClientRequest altered = beat(1);
  altered.body = body_of("2");
  EXPECT_EQ(send(altered).reason(), "token_invalid");
  net::ClientRequest elsewhere = beat(1);
  elsewhere.target = "/v1/registry/nodes/node-2";
  EXPECT_EQ(send(elsewhere).reason(), "token_invalid");
  EXPECT_EQ(gateway_->registry().snapshot()->generation, 0U);
}

TEST_F(RegistryWireTest, OldIncarnationIsToldThatItWasReplaced) {
  send(beat(1, body_of("1")));
  auto hanging = start(beat(2, body_of("1")));
  ASSERT_TRUE(eventually([&] { return gateway_->beats("refreshed") >= 1; }));
  auto newer = start(beat(1, body_of("2")));
  EXPECT_EQ(wait(std::move(hanging)).answer(), "superseded");
  EXPECT_EQ(send(beat(3, body_of("1"))).answer(), "replaced");
  EXPECT_EQ(gateway_->node("node-1")->incarnation, "2");
  gateway_->registry().drain();
  wait(std::move(newer));
}

TEST_F(RegistryWireTest, RecordsThatAreNoneAreRefusedWithASentence) {
  const Answer broken = send(beat(1, "{"));
  EXPECT_EQ(broken.status, 400);
  EXPECT_EQ(broken.reason(), "bad_parameter");
  const Answer other = send(request("POST", "/v1/registry/nodes/node-2", body_of(), 1));
  EXPECT_EQ(other.reason(), "bad_parameter");
  EXPECT_THAT(other.body.value("error", ""), testing::HasSubstr("node-1"));
}

TEST_F(RegistryWireTest, FullRegistryRefusesNewNodes) {
  use([](RegistryConfig& config) { config.nodes_max = 1; });
  EXPECT_EQ(send(beat(1)).status, 200);
  NodeRecord other;
  other.id = "node-2";
  other.incarnation = "1";
  other.address = "127.0.0.1:9102";
  const Answer answer = send(request("POST", "/v1/registry/nodes/node-2", to_json(other), 1));
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body.value("error", ""), testing::HasSubstr("nodes_max"));
}

TEST_F(RegistryWireTest, ListsItsNodesToTheFleet) {
  send(beat(1));
  const Answer list = send(request("GET", "/v1/registry/nodes", "", 0));
  EXPECT_EQ(list.status, 200);
  EXPECT_EQ(list.body.at("generation"), 1);
  ASSERT_EQ(list.body.at("nodes").size(), 1U);
  EXPECT_EQ(list.body.at("nodes").at(0).at("id"), "node-1");
  net::ClientRequest stranger;
  stranger.target = "/v1/registry/nodes";
  EXPECT_EQ(send(stranger).reason(), "token_missing");
}

TEST_F(RegistryWireTest, OtherTargetsAndMethodsAreRefused) {
  for (const char* target : {"/v1/registry/", "/v1/registry/nodes/", "/v1/registry/nodes/a/b",
                             "/v1/registry/nodes/a%20b", "/v1/registry/nodes?x"}) {
    EXPECT_EQ(send(request("POST", target, body_of(), 1)).reason(), "bad_target") << target;
  }
  EXPECT_EQ(send(request("POST", "/v1/registry/nodes", "", 1)).reason(), "bad_method");
  EXPECT_EQ(send(request("GET", "/v1/registry/nodes/node-1", "", 1)).reason(), "bad_method");
  EXPECT_TRUE(EmbeddedRegistry::owns("/v1/registry/nodes"));
  EXPECT_FALSE(EmbeddedRegistry::owns("/v1/commands"));
}

TEST(RegistryProtocolTest, AnswersComeBackAsTheyWent) {
  for (const BeatAnswer answer :
       {BeatAnswer::Accepted, BeatAnswer::Superseded, BeatAnswer::Withdrawn, BeatAnswer::Replaced,
        BeatAnswer::Draining}) {
    EXPECT_EQ(beat_answer_from_json(to_json(answer)).value(), answer);
  }
  for (const char* bad : {"", "{}", "[]", "{\"answer\":1}", "{\"answer\":\"perhaps\"}"}) {
    EXPECT_FALSE(beat_answer_from_json(bad)) << bad;
  }
}

}  // namespace
}  // namespace millrace::discovery
