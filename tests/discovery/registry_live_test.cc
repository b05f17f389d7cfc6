// SPDX-License-Identifier: Apache-2.0
//
// Agents and gateways over real connections. Where a test shows that something happens at once,
// every other road to the same end (expiry, the period) is set to a minute.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/discovery/live.h"

namespace millrace::discovery {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

NodeRecord record(const std::string& incarnation = "1",
                  const std::vector<std::string>& commands = {"imageView2"}) {
  NodeRecord made;
  made.id = "node-1";
  made.incarnation = incarnation;
  made.address = "127.0.0.1:9101";
  made.state = NodeState::Serving;
  NodeKind kind{.kind = "image", .slots = 2, .commands = {}};
  for (const std::string& name : commands) {
    pipeline::CommandSpec spec;
    spec.name = name;
    kind.commands.push_back(std::move(spec));
  }
  made.kinds.push_back(std::move(kind));
  return made;
}

RegistryConfig patient_registry() {
  RegistryConfig config;
  config.gone_after = minutes(2);
  config.heartbeat_hold = minutes(1);
  return config;
}
RegistrarConfig patient_registrar() {
  RegistrarConfig config;
  config.heartbeat_period = minutes(1);
  config.answer_timeout = minutes(2);
  return config;
}

TEST(RegistryLiveTest, AgentIsKnownWithItsCommands) {
  LiveGateway gateway(patient_registry());
  LiveAgent agent(patient_registrar(), {gateway.endpoint()});
  EXPECT_EQ(gateway.registry().snapshot()->nodes.size(), 0U);
  agent.publish(record());
  EXPECT_TRUE(eventually([&] { return gateway.node("node-1") != nullptr; }));
  EXPECT_EQ(*gateway.node("node-1"), record());
  EXPECT_NE(gateway.registry().snapshot()->catalogue.find("imageView2"), nullptr);
  EXPECT_TRUE(eventually([&] { return agent.registered(); }));
}

TEST(RegistryLiveTest, ChangeIsKnownAtOnce) {
  LiveGateway gateway(patient_registry());
  LiveAgent agent(patient_registrar(), {gateway.endpoint()});
  agent.publish(record("1", {}));
  ASSERT_TRUE(eventually([&] { return gateway.beats("refreshed") >= 1; }));  // it hangs
  for (int i = 0; i < 5; ++i) {
    agent.publish(record("1", {"imageView2", "imageInfo"}));
    EXPECT_TRUE(eventually([&] { return gateway.node("node-1")->kinds[0].commands.size() == 2; }));
    agent.publish(record("1", {}));
    EXPECT_TRUE(eventually([&] { return gateway.node("node-1")->kinds[0].commands.empty(); }));
  }
}

TEST(RegistryLiveTest, DeathIsKnownByTheBreakOfTheConnection) {
  LiveGateway gateway(patient_registry());
  LiveAgent agent(patient_registrar(), {gateway.endpoint()});
  agent.publish(record());
  ASSERT_TRUE(eventually([&] { return gateway.beats("refreshed") >= 1; }));
  ASSERT_NE(gateway.node("node-1"), nullptr);
  agent.kill();
  EXPECT_TRUE(eventually([&] { return gateway.node("node-1") == nullptr; }));
  // What it could do is still known: requests are answered "no node", not "unknown command".
  EXPECT_NE(gateway.registry().snapshot()->catalogue.find("imageView2"), nullptr);
}

TEST(RegistryLiveTest, RestartedAgentIsBackAndItsOldSelfStaysAway) {
  LiveGateway gateway(patient_registry());
  LiveAgent old_self(patient_registrar(), {gateway.endpoint()});
  old_self.publish(record("1"));
  ASSERT_TRUE(eventually([&] { return gateway.beats("refreshed") >= 1; }));
  LiveAgent new_self(patient_registrar(), {gateway.endpoint()});
  new_self.publish(record("2"));
  ASSERT_TRUE(eventually([&] { return gateway.beats("changed") == 1; }));
  // The old one is let go, tries again, and is told.
  EXPECT_TRUE(eventually([&] { return gateway.beats("replaced") >= 2; }));
  EXPECT_TRUE(eventually([&] { return !old_self.registered(); }));
  EXPECT_EQ(gateway.node("node-1")->incarnation, "2");
}

TEST(RegistryLiveTest, RestartedGatewayKnowsItsAgentsAgain) {
  auto gateway = std::make_unique<LiveGateway>(patient_registry());
  const net::Endpoint endpoint = gateway->endpoint();
  LiveAgent agent(patient_registrar(), {endpoint});
  agent.publish(record());
  ASSERT_TRUE(eventually([&] { return gateway->beats("refreshed") >= 1; }));
  gateway.reset();
  ASSERT_TRUE(eventually([&] { return !agent.registered(); }));
  gateway = std::make_unique<LiveGateway>(patient_registry(), endpoint.port);
  EXPECT_TRUE(eventually([&] { return gateway->node("node-1") != nullptr; }));
}

TEST(RegistryLiveTest, AgentOutlastsARegistryThatIsNotThereYet) {
  net::Endpoint endpoint;
  {
    endpoint = LiveGateway(patient_registry()).endpoint();
  }
  LiveAgent agent(patient_registrar(), {endpoint});
  agent.publish(record());
  EXPECT_FALSE(agent.registered());
  LiveGateway gateway(patient_registry(), endpoint.port);
  EXPECT_TRUE(eventually([&] { return gateway.node("node-1") != nullptr; }));
}

TEST(RegistryLiveTest, EveryGatewayKnowsTheAgent) {
  LiveGateway one(patient_registry());
  LiveGateway two(patient_registry());
  LiveAgent agent(patient_registrar(), {one.endpoint(), two.endpoint()});
  agent.publish(record());
  EXPECT_TRUE(eventually([&] { return one.node("node-1") && two.node("node-1"); }));
}

TEST(RegistryLiveTest, HeartbeatsFollowEachOtherWithoutAGap) {
  RegistrarConfig registrar = patient_registrar();
  registrar.heartbeat_period = milliseconds(50);
  LiveGateway gateway(patient_registry());
  LiveAgent agent(registrar, {gateway.endpoint()});
  agent.publish(record());
  EXPECT_TRUE(eventually([&] { return gateway.beats("refreshed") >= 10; }));
  EXPECT_EQ(gateway.beats("joined"), 1U);
  EXPECT_NE(gateway.node("node-1"), nullptr);
}

TEST(RegistryLiveTest, WithdrawnNodeIsOutBeforeTheAgentGoesOn) {
  LiveGateway gateway(patient_registry());
  RegistrarConfig registrar = patient_registrar();
  registrar.withdraw_timeout = minutes(1);
  LiveAgent agent(registrar, {gateway.endpoint()});
  agent.publish(record());
  ASSERT_TRUE(eventually([&] { return gateway.beats("refreshed") >= 1; }));
  agent.withdraw();
  EXPECT_EQ(gateway.node("node-1"), nullptr);
  EXPECT_EQ(gateway.beats("withdrawn"), 1U);
  EXPECT_TRUE(agent.run_ended());
}

TEST(RegistryLiveTest, WithdrawalGivesUpOnARegistryThatIsNotThere) {
  net::Endpoint endpoint;
  {
    endpoint = LiveGateway(patient_registry()).endpoint();
  }
  RegistrarConfig registrar = patient_registrar();
  registrar.withdraw_timeout = milliseconds(50);
  LiveAgent agent(registrar, {endpoint});
  agent.publish(record());
  agent.withdraw();
  EXPECT_TRUE(agent.run_ended());
}

TEST(RegistryLiveTest, RefusedConnectionTakesTheNodeOutUntilItsNextHeartbeat) {
  LiveGateway gateway(patient_registry());
  LiveAgent agent(patient_registrar(), {gateway.endpoint()});
  agent.publish(record());
  ASSERT_TRUE(eventually([&] { return gateway.beats("refreshed") >= 1; }));
  gateway.registry().note_connect_failure("node-1", "another");
  ASSERT_NE(gateway.node("node-1"), nullptr);
  gateway.registry().note_connect_failure("node-1", "1");
  EXPECT_EQ(gateway.node("node-1"), nullptr);
  agent.publish(record());
  EXPECT_TRUE(eventually([&] { return gateway.node("node-1") != nullptr; }));
}

TEST(RegistryLiveTest, AgentWithAnotherKeyIsNeverKnown) {
  LiveGateway gateway(patient_registry());
  LiveAgent stranger(patient_registrar(), {gateway.endpoint()}, std::string(32, 'x'));
  stranger.publish(record());
  EXPECT_TRUE(eventually([&] { return gateway.beats("refused") >= 3; }));
  EXPECT_FALSE(stranger.registered());
  EXPECT_EQ(gateway.node("node-1"), nullptr);
}

TEST(RegistryLiveTest, DrainingRegistryLetsEveryHeartbeatGo) {
  LiveGateway gateway(patient_registry());
  LiveAgent agent(patient_registrar(), {gateway.endpoint()});
  agent.publish(record());
  ASSERT_TRUE(eventually([&] { return gateway.beats("refreshed") >= 1; }));
  gateway.registry().drain();
  EXPECT_TRUE(eventually([&] { return !agent.registered(); }));
  EXPECT_NE(gateway.node("node-1"),
            nullptr);  // the node is well: the requests that are left may use it
}

}  // namespace
}  // namespace millrace::discovery
