// SPDX-License-Identifier: Apache-2.0
#include "gateway/node_table.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

namespace millrace::gateway {
namespace {

using discovery::NodeKind;
using discovery::NodeRecord;
using discovery::NodeState;
using std::chrono::milliseconds;

constexpr base::TimePoint kStart{std::chrono::hours(1)};

pipeline::CommandSpec command(const std::string& name, const std::string& kind = "image") {
  pipeline::CommandSpec spec;
  spec.name = name;
  spec.kind = kind;
  return spec;
}

NodeRecord node(const std::string& id, std::uint32_t slots = 2) {
  NodeRecord record;
  record.id = id;
  record.incarnation = "1";
  record.address = "127.0.0.1:9101";
  record.cell = "default";
  record.state = NodeState::Serving;
  record.kinds = {NodeKind{"image", slots, {command("imageView2"), command("imageInfo")}}};
  return record;
}

discovery::Snapshot snapshot_of(const std::vector<NodeRecord>& records) {
  discovery::Snapshot snapshot;
  for (const NodeRecord& record : records) {
    snapshot.nodes.push_back(std::make_shared<const NodeRecord>(record));
  }
  return snapshot;
}

pipeline::Pipeline pipeline_of(const std::vector<std::string>& names) {
  pipeline::Pipeline pipeline;
  for (const std::string& name : names)
    pipeline.commands.emplace_back(name, std::vector<pipeline::CommandCall::Argument>{});
  return pipeline;
}

class NodeTableTest : public testing::Test {
 protected:
  std::shared_ptr<Node> choose(std::uint64_t hash, const Node* not_this = nullptr,
                               base::TimePoint now = kStart) {
    return table_.choose(view_, "image", hash, not_this, now);
  }
  std::string id_for(std::uint64_t hash, base::TimePoint now = kStart) {
    const auto chosen = choose(hash, nullptr, now);
    return chosen ? chosen->record->id : "";
  }
  NodeTable table_{NodeTableOptions{}};
  const pipeline::Pipeline view_ = pipeline_of({"imageView2"});
};

TEST_F(NodeTableTest, HasNoNodeInAnEmptyFleet) { EXPECT_EQ(choose(1), nullptr); }

TEST_F(NodeTableTest, SendsTheSameSourceToTheSameNode) {
  table_.update(snapshot_of({node("a"), node("b"), node("c")}));
  for (std::uint64_t key = 0; key < 50; ++key) {
    const std::string first = id_for(stable_hash("k" + std::to_string(key)));
    EXPECT_EQ(id_for(stable_hash("k" + std::to_string(key))), first);
  }
}

TEST_F(NodeTableTest, SpreadsSourcesBySlots) {
  table_.update(snapshot_of({node("small", 2), node("large", 6)}));
  int large = 0;
  for (int key = 0; key < 4000; ++key) large += id_for(stable_hash(std::to_string(key))) == "large";
  EXPECT_NEAR(large, 3000, 150);
}

TEST_F(NodeTableTest, MovesOnlyTheSourcesOfANodeThatGoes) {
  table_.update(snapshot_of({node("a"), node("b"), node("c")}));
  std::map<int, std::string> before;
  for (int key = 0; key < 300; ++key) before[key] = id_for(stable_hash(std::to_string(key)));
  table_.update(snapshot_of({node("a"), node("c")}));
  for (const auto& [key, id] : before) {
    if (id != "b") {
      EXPECT_EQ(id_for(stable_hash(std::to_string(key))), id) << key;
    }
  }
}

TEST_F(NodeTableTest, LeavesOutNodesThatCannotServe) {
  auto draining = node("draining");
  draining.state = NodeState::Draining;
  auto starting = node("starting");
  starting.state = NodeState::Starting;
  auto elsewhere = node("elsewhere");
  elsewhere.cell = "other";
  auto without_workers = node("without-workers");
  without_workers.kinds.clear();
  auto older = node("older");
  older.kinds[0].commands = {command("imageInfo")};
  table_.update(snapshot_of({draining, starting, elsewhere, without_workers, older}));
  EXPECT_EQ(choose(1), nullptr);
  EXPECT_EQ(table_.serving_count(), 2U);
}

TEST_F(NodeTableTest, WantsANodeThatRunsEveryCommand) {
  auto second = node("second");
  second.kinds.push_back(NodeKind{"av", 1, {command("vframe", "av")}});
  table_.update(snapshot_of({node("first"), second}));
  const auto both = pipeline_of({"vframe", "imageView2"});
  for (std::uint64_t key = 0; key < 20; ++key) {
    const auto chosen =
        table_.choose(both, "av", stable_hash(std::to_string(key)), nullptr, kStart);
    ASSERT_NE(chosen, nullptr);
    EXPECT_EQ(chosen->record->id, "second");
  }
}

TEST_F(NodeTableTest, ReportsAnAddressThatCannotBeRead) {
  auto broken = node("broken");
  broken.address = "nowhere";
  EXPECT_EQ(table_.update(snapshot_of({broken, node("fine")})), std::vector<std::string>{"broken"});
  EXPECT_EQ(id_for(7), "fine");
}

TEST_F(NodeTableTest, KeepsANodeWithFreeSlotsWhateverTheOthersDo) {
  table_.update(snapshot_of({node("a"), node("b")}));
  const auto home = choose(3);
  home->in_flight = 1;  // one of two slots
  EXPECT_EQ(choose(3), home);
}

TEST_F(NodeTableTest, PassesOverANodeAboveTheLoadBound) {
  table_.update(snapshot_of({node("a"), node("b")}));
  const auto home = choose(3);
  home->in_flight = 9;
  const auto other = choose(3);
  ASSERT_NE(other, nullptr);
  EXPECT_NE(other, home);
  other->in_flight = 9;  // both alike: back at home
  EXPECT_EQ(choose(3), home);
}

TEST_F(NodeTableTest, AlwaysFindsOneHoweverLoadedAllAre) {
  table_.update(snapshot_of({node("a", 1), node("b", 3), node("c", 8)}));
  std::vector<std::shared_ptr<Node>> seen;
  for (std::uint64_t key = 0; key < 2000; ++key) {
    const auto chosen = choose(stable_hash(std::to_string(key)));
    ASSERT_NE(chosen, nullptr);
    ++chosen->in_flight;
  }
}

TEST_F(NodeTableTest, BelievesALoadReportForAWhile) {
  table_.update(snapshot_of({node("a"), node("b")}));
  const auto home = choose(3);
  pipeline::NodeLoad load;
  load.busy = 2;
  load.queued = 7;
  table_.report(*home, load, kStart);
  EXPECT_NE(choose(3), home);
  EXPECT_EQ(choose(3, nullptr, kStart + milliseconds(1001)), home);
}

TEST_F(NodeTableTest, LeavesOutAnUnreachableNodeForAWhile) {
  table_.update(snapshot_of({node("a")}));
  const auto only = choose(3);
  table_.eject(*only, kStart);
  EXPECT_EQ(choose(3, nullptr, kStart + milliseconds(999)), nullptr);
  EXPECT_EQ(choose(3, nullptr, kStart + milliseconds(1000)), only);
}

TEST_F(NodeTableTest, ForgetsEjectionWhenTheNodeStartsAnew) {
  table_.update(snapshot_of({node("a")}));
  const auto before = choose(3);
  before->in_flight = 5;
  table_.eject(*before, kStart);
  table_.update(snapshot_of({node("a"), node("b")}));
  EXPECT_EQ(id_for(3), "b") << "a newer snapshot of the same incarnation changes nothing";
  auto restarted = node("a");
  restarted.incarnation = "2";
  table_.update(snapshot_of({restarted}));
  const auto after = choose(3);
  ASSERT_NE(after, nullptr);
  EXPECT_EQ(after->in_flight, 0U);
  EXPECT_EQ(before->in_flight, 5U) << "requests on their way still hold the old one";
}

TEST_F(NodeTableTest, DoesNotChooseTheNodeThatWasTried) {
  table_.update(snapshot_of({node("a"), node("b")}));
  const auto home = choose(3);
  EXPECT_NE(choose(3, home.get()), home);
  table_.update(snapshot_of({*home->record}));
  EXPECT_EQ(choose(3, home.get()), nullptr);
}

TEST(StableHashTest, IsTheSameInEveryVersion) {
  EXPECT_EQ(stable_hash("photos/lin.jpg"), stable_hash("photos/lin.jpg"));
  EXPECT_NE(stable_hash("photos/lin.jpg"), stable_hash("photos/lin.jpf"));
  std::set<std::uint64_t> high;
  for (int i = 0; i < 100; ++i) high.insert(stable_hash(std::to_string(i)) >> 48);
  EXPECT_GT(high.size(), 95U);
}

}  // namespace
}  // namespace millrace::gateway
