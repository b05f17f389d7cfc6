// SPDX-License-Identifier: Apache-2.0
#include "discovery/registry_state.h"

#include <gtest/gtest.h>

namespace millrace::discovery {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Beat = RegistryState::Beat;

class RegistryStateTest : public testing::Test {
 protected:
  static std::shared_ptr<const NodeRecord> record(
      std::string id, std::string incarnation, std::vector<std::string> commands = {"imageView2"},
      NodeState state = NodeState::Serving) {
    NodeRecord made;
    made.id = std::move(id);
    made.incarnation = std::move(incarnation);
    made.address = "127.0.0.1:9101";
    made.state = state;
    NodeKind kind{.kind = "image", .slots = 2, .commands = {}};
    for (std::string& name : commands) {
      pipeline::CommandSpec spec;
      spec.name = std::move(name);
      spec.summary = "of " + made.id;
      kind.commands.push_back(std::move(spec));
    }
    made.kinds.push_back(std::move(kind));
    return std::make_shared<const NodeRecord>(std::move(made));
  }

  [[nodiscard]] std::vector<std::string> ids() const {
    std::vector<std::string> found;
    for (const auto& node : state.snapshot()->nodes) found.push_back(node->id);
    return found;
  }
  [[nodiscard]] std::uint64_t generation() const { return state.snapshot()->generation; }
  [[nodiscard]] bool knows(std::string_view command) const {
    return state.snapshot()->catalogue.find(command) != nullptr;
  }

  using Ids = std::vector<std::string>;
  base::TimePoint now{seconds(1'000'000)};
  RegistryState state{{.gone_after = seconds(5),
                       .forget_after = seconds(60),
                       .remember_commands = hours(1),
                       .nodes_max = 3}};
};

TEST_F(RegistryStateTest, FirstHeartbeatMakesANodeKnown) {
  EXPECT_EQ(generation(), 0U);
  EXPECT_EQ(state.heartbeat(record("a", "1"), 1, now), Beat::Joined);
  EXPECT_EQ(ids(), Ids{"a"});
  EXPECT_EQ(generation(), 1U);
  EXPECT_TRUE(knows("imageView2"));
}

TEST_F(RegistryStateTest, SameRecordAgainChangesNothing) {
  state.heartbeat(record("a", "1"), 1, now);
  const auto before = state.snapshot();
  EXPECT_EQ(state.heartbeat(record("a", "1"), 2, now), Beat::Refreshed);
  EXPECT_EQ(state.snapshot(), before);
}

TEST_F(RegistryStateTest, OtherRecordIsPublished) {
  state.heartbeat(record("a", "1"), 1, now);
  EXPECT_EQ(state.heartbeat(record("a", "1", {}, NodeState::Draining), 2, now), Beat::Changed);
  EXPECT_EQ(generation(), 2U);
  EXPECT_EQ(state.snapshot()->nodes.at(0)->state, NodeState::Draining);
}

TEST_F(RegistryStateTest, NodeIsGoneWithoutHeartbeat) {
  state.heartbeat(record("a", "1"), 1, now);
  EXPECT_FALSE(state.expire(now + milliseconds(4'999)));
  EXPECT_EQ(ids(), Ids{"a"});
  EXPECT_TRUE(state.expire(now + seconds(5)));
  EXPECT_EQ(ids(), Ids{});
  EXPECT_EQ(state.heartbeat(record("a", "1"), 2, now + seconds(6)), Beat::Joined);
}

TEST_F(RegistryStateTest, EachHeartbeatProlongsTheLife) {
  for (std::uint64_t i = 1; i < 20; ++i) {
    state.heartbeat(record("a", "1"), i, now);
    now += seconds(4);
    EXPECT_FALSE(state.expire(now));
  }
}

TEST_F(RegistryStateTest, BrokenHeartbeatTakesTheNodeOutAtOnce) {
  state.heartbeat(record("a", "1"), 1, now);
  EXPECT_TRUE(state.lost("a", "1", 1, now));
  EXPECT_EQ(ids(), Ids{});
  EXPECT_FALSE(state.lost("a", "1", 1, now));
}

TEST_F(RegistryStateTest, BreakOfASupersededHeartbeatMeansNothing) {
  state.heartbeat(record("a", "1"), 1, now);
  state.heartbeat(record("a", "1"), 2, now);
  EXPECT_FALSE(state.lost("a", "1", 1, now));
  EXPECT_EQ(ids(), Ids{"a"});
}

TEST_F(RegistryStateTest, BreakOfAnOlderIncarnationMeansNothing) {
  state.heartbeat(record("a", "1"), 7, now);
  EXPECT_EQ(state.heartbeat(record("a", "2"), 7, now), Beat::Changed);
  EXPECT_FALSE(state.lost("a", "1", 7, now));
  EXPECT_FALSE(state.connect_failed("a", "1", now));
  EXPECT_EQ(state.snapshot()->nodes.at(0)->incarnation, "2");
}

TEST_F(RegistryStateTest, NewIncarnationReplacesTheOldAtOnceAndForGood) {
  state.heartbeat(record("a", "1"), 100, now);
  EXPECT_EQ(state.heartbeat(record("a", "2"), 1, now), Beat::Changed);
  EXPECT_EQ(state.heartbeat(record("a", "1"), 101, now), Beat::Replaced);
  EXPECT_EQ(state.snapshot()->nodes.at(0)->incarnation, "2");
  // Also after the new one has died.
  state.lost("a", "2", 1, now);
  EXPECT_EQ(state.heartbeat(record("a", "1"), 102, now), Beat::Replaced);
  EXPECT_EQ(ids(), Ids{});
}

TEST_F(RegistryStateTest, LateAndRepeatedMessagesAreRefused) {
  state.heartbeat(record("a", "1"), 5, now);
  EXPECT_EQ(state.heartbeat(record("a", "1", {}), 4, now), Beat::Repeated);
  EXPECT_EQ(state.heartbeat(record("a", "1", {}), 5, now), Beat::Repeated);
  EXPECT_TRUE(knows("imageView2"));
  EXPECT_EQ(generation(), 1U);
}

TEST_F(RegistryStateTest, ReplayDoesNotBringBackANodeThatLeft) {
  state.heartbeat(record("a", "1"), 5, now);
  state.lost("a", "1", 5, now);
  EXPECT_EQ(state.heartbeat(record("a", "1"), 5, now + seconds(59)), Beat::Repeated);
  EXPECT_EQ(ids(), Ids{});
  EXPECT_EQ(state.heartbeat(record("a", "1"), 6, now + seconds(59)), Beat::Joined);
}

TEST_F(RegistryStateTest, RefusedConnectionTakesTheNodeOutUntilItsNextHeartbeat) {
  state.heartbeat(record("a", "1"), 1, now);
  EXPECT_TRUE(state.connect_failed("a", "1", now));
  EXPECT_EQ(ids(), Ids{});
  EXPECT_EQ(state.heartbeat(record("a", "1"), 2, now), Beat::Joined);
  EXPECT_TRUE(state.connect_failed("a", "1", now));
  EXPECT_EQ(state.heartbeat(record("a", "2"), 1, now), Beat::Joined);
  EXPECT_FALSE(state.connect_failed("b", "1", now));
}

TEST_F(RegistryStateTest, StateDownWithdraws) {
  state.heartbeat(record("a", "1"), 1, now);
  EXPECT_EQ(state.heartbeat(record("a", "1", {}, NodeState::Down), 2, now), Beat::Withdrawn);
  EXPECT_EQ(ids(), Ids{});
  EXPECT_EQ(state.heartbeat(record("a", "1"), 1, now), Beat::Repeated);
  EXPECT_EQ(state.heartbeat(record("b", "1", {}, NodeState::Down), 1, now), Beat::Withdrawn);
  EXPECT_EQ(generation(), 2U);
}

TEST_F(RegistryStateTest, HoldsNoMoreThanNodesMax) {
  for (const char* id : {"a", "b", "c"}) state.heartbeat(record(id, "1"), 1, now);
  EXPECT_EQ(state.heartbeat(record("d", "1"), 1, now), Beat::Full);
  EXPECT_EQ(ids(), (Ids{"a", "b", "c"}));
  EXPECT_EQ(state.heartbeat(record("b", "2"), 1, now), Beat::Changed);
  state.lost("a", "1", 1, now);
  EXPECT_EQ(state.heartbeat(record("d", "1"), 1, now), Beat::Joined);
}

TEST_F(RegistryStateTest, PlacesOfTheGoneAreBoundedAndTheOldestGoesFirst) {
  for (int i = 0; i < 100; ++i) {
    const std::string id = "n" + std::to_string(i);
    now += milliseconds(1);
    EXPECT_EQ(state.heartbeat(record(id, "1"), 5, now), Beat::Joined);
    EXPECT_TRUE(state.lost(id, "1", 5, now));
  }
  EXPECT_EQ(state.heartbeat(record("n99", "1"), 5, now), Beat::Repeated);  // still remembered
  EXPECT_EQ(state.heartbeat(record("n0", "1"), 5, now), Beat::Joined);     // long forgotten
}

TEST_F(RegistryStateTest, CommandsOutliveTheirNodeForAWhile) {
  state.heartbeat(record("a", "1", {"imageView2", "imageInfo"}), 1, now);
  state.lost("a", "1", 1, now);
  EXPECT_TRUE(knows("imageView2"));
  EXPECT_FALSE(state.expire(now + hours(1) - seconds(1)));
  EXPECT_TRUE(state.expire(now + hours(1)));
  EXPECT_FALSE(knows("imageView2"));
}

TEST_F(RegistryStateTest, CommandOfALiveNodeIsNeverForgotten) {
  for (std::uint64_t i = 1; i < 3'000; ++i) {
    state.heartbeat(record("a", "1"), i, now);
    now += seconds(4);
    state.expire(now);
  }
  EXPECT_TRUE(knows("imageView2"));
  EXPECT_EQ(generation(), 1U);
}

TEST_F(RegistryStateTest, KindThatGoesTakesItsCommandsFromTheNodeAlone) {
  state.heartbeat(record("a", "1", {"imageView2", "imageInfo"}), 1, now);
  EXPECT_EQ(state.heartbeat(record("a", "1", {"imageInfo"}), 2, now), Beat::Changed);
  EXPECT_EQ(state.snapshot()->nodes.at(0)->kinds.at(0).commands.size(), 1U);
  EXPECT_TRUE(knows("imageView2"));
}

TEST_F(RegistryStateTest, CatalogueMergesNodesAndTheFirstByIdCounts) {
  state.heartbeat(record("b", "1", {"imageView2", "avinfo"}), 1, now);
  EXPECT_EQ(state.snapshot()->catalogue.find("imageView2")->summary, "of b");
  state.heartbeat(record("a", "1", {"imageView2"}), 1, now);
  EXPECT_EQ(state.snapshot()->catalogue.find("imageView2")->summary, "of a");
  EXPECT_EQ(state.snapshot()->catalogue.specs().size(), 2U);
  state.lost("a", "1", 1, now);
  EXPECT_EQ(state.snapshot()->catalogue.find("imageView2")->summary, "of b");
}

TEST_F(RegistryStateTest, SnapshotInHandDoesNotChange) {
  state.heartbeat(record("a", "1"), 1, now);
  const auto held = state.snapshot();
  state.heartbeat(record("b", "1"), 1, now);
  EXPECT_EQ(held->nodes.size(), 1U);
  EXPECT_EQ(state.snapshot()->nodes.size(), 2U);
}

}  // namespace
}  // namespace millrace::discovery
