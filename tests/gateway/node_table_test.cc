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
  Choice choice(std::uint64_t hash, const Node* not_this = nullptr, base::TimePoint now = kStart,
                std::uint64_t probably_cached_at = 0) {
    return table_.choose({.pipeline = view_,
                          .kind = "image",
                          .source_hash = hash,
                          .tier = "free",
                          .not_this = not_this,
                          .probably_cached_at = probably_cached_at},
                         now);
  }
  void fill(Node& node, base::TimePoint now = kStart) {
    table_.note_full(node, "free",
                     {.drain_per_s = 10, .queued = 40, .retry_after = std::chrono::seconds(3)},
                     now);
  }
  std::shared_ptr<Node> choose(std::uint64_t hash, const Node* not_this = nullptr,
                               base::TimePoint now = kStart) {
    return choice(hash, not_this, now).node;
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
    const auto chosen = table_.choose({.pipeline = both,
                                       .kind = "av",
                                       .source_hash = stable_hash(std::to_string(key)),
                                       .tier = "free"},
                                      kStart);
    ASSERT_NE(chosen.node, nullptr);
    EXPECT_EQ(chosen.node->record->id, "second");
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

TEST_F(NodeTableTest, CountsProcessorTimeWhereNodesTellIt) {
  table_.update(snapshot_of({node("a"), node("b")}));
  const auto home = choose(3);
  const auto other = choose(3, home.get());
  pipeline::NodeLoad few_heavy;
  few_heavy.busy = 2;
  few_heavy.running_cpu_ms = 4000;
  pipeline::NodeLoad many_light;
  many_light.busy = 2;
  many_light.queued = 6;
  many_light.queued_cpu_ms = 60;
  many_light.running_cpu_ms = 20;
  table_.report(*home, few_heavy, kStart);
  table_.report(*other, many_light, kStart);
  EXPECT_EQ(choose(3), other);
  table_.report(*home, many_light, kStart);
  table_.report(*other, few_heavy, kStart);
  EXPECT_EQ(choose(3), home);
}

TEST_F(NodeTableTest, CountsRequestsWhileOneNodeDoesNotTellItsTime) {
  table_.update(snapshot_of({node("a"), node("b")}));
  const auto home = choose(3);
  home->in_flight = 9;
  home->in_flight_cpu_ms = 1;
  const auto other = choose(3, home.get());
  other->in_flight = 2;
  EXPECT_EQ(choose(3), other);
}

TEST_F(NodeTableTest, PassesOverANodeWhoseQueueIsFull) {
  table_.update(snapshot_of({node("a"), node("b")}));
  const auto home = choose(3);
  fill(*home);
  const Choice other = choice(3);
  EXPECT_EQ(other.kind, ChoiceKind::Chosen);
  EXPECT_NE(other.node, home);
  EXPECT_EQ(choose(3, nullptr, kStart + milliseconds(600)), home)
      << "full is not believed for long";
}

TEST_F(NodeTableTest, AnotherTiersFullQueueDoesNotMatter) {
  table_.update(snapshot_of({node("a")}));
  const auto only = choose(3);
  table_.note_full(*only, "paid", {.drain_per_s = 10, .queued = 40}, kStart);
  EXPECT_EQ(choice(3).kind, ChoiceKind::Chosen);
}

TEST_F(NodeTableTest, RefusesWhenEveryQueueIsFullButForProbes) {
  table_.update(snapshot_of({node("a"), node("b")}));
  for (const auto& each : table_.nodes()) fill(*each);
  EXPECT_EQ(choice(3).kind, ChoiceKind::Probe);
  EXPECT_EQ(choice(3).kind, ChoiceKind::Probe) << "one for each node";
  const Choice refused = choice(3);
  EXPECT_EQ(refused.kind, ChoiceKind::AllFull);
  EXPECT_EQ(refused.node, nullptr);
  EXPECT_EQ(refused.retry_after, std::chrono::seconds(3));
  NodeTable::note_finished(*table_.nodes()[0], {"free", "photos"});
  EXPECT_EQ(choice(3).node, table_.nodes()[0]);
  EXPECT_EQ(choice(3).kind, ChoiceKind::AllFull);
}

TEST_F(NodeTableTest, ABucketWhoseOriginTakesAllItMayIsRefusedAlone) {
  table_.update(snapshot_of({node("a")}));
  Node& only = *table_.nodes()[0];
  const auto choice_of = [this](const std::string& bucket) {
    return table_
        .choose({.pipeline = view_,
                 .kind = "image",
                 .source_hash = 3,
                 .tier = "free",
                 .bucket = bucket},
                kStart)
        .kind;
  };
  table_.note_bucket_full(only, {"free", "dead"}, {.drain_per_s = 10, .queued = 4}, kStart);
  EXPECT_EQ(choice_of("dead"), ChoiceKind::Probe);
  EXPECT_EQ(choice_of("dead"), ChoiceKind::AllFull);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(choice_of("healthy"), ChoiceKind::Chosen);
  NodeTable::note_finished(only, {"free", "healthy"});
  EXPECT_EQ(choice_of("dead"), ChoiceKind::AllFull);
  NodeTable::note_finished(only, {"free", "dead"});
  EXPECT_EQ(choice_of("dead"), ChoiceKind::Probe);
}

TEST_F(NodeTableTest, RemembersABoundedNumberOfBuckets) {
  table_.update(snapshot_of({node("a")}));
  Node& only = *table_.nodes()[0];
  for (int i = 0; i < 5'000; ++i) {
    const std::string bucket = std::to_string(i);
    table_.note_bucket_full(only, {"free", bucket}, {.drain_per_s = 10, .queued = 4},
                            kStart + milliseconds(i));
  }
  EXPECT_LE(only.bucket_gates.size(), 1'024U);
  EXPECT_GT(only.bucket_gates.size(), 0U);
}

TEST_F(NodeTableTest, AUserWhoIsBehindHasProbesOfItsOwn) {
  table_.update(snapshot_of({node("a")}));
  fill(*table_.nodes()[0]);
  const auto choice_of = [this](bool behind) {
    return table_
        .choose({.pipeline = view_,
                 .kind = "image",
                 .source_hash = 3,
                 .tier = "free",
                 .user_is_behind = behind},
                kStart)
        .kind;
  };
  EXPECT_EQ(choice_of(false), ChoiceKind::Probe);
  EXPECT_EQ(choice_of(false), ChoiceKind::AllFull);
  EXPECT_EQ(choice_of(true), ChoiceKind::Probe);
  EXPECT_EQ(choice_of(true), ChoiceKind::AllFull);
}

TEST_F(NodeTableTest, LearnsFullTiersFromAnyAnswer) {
  table_.update(snapshot_of({node("a")}));
  pipeline::NodeLoad load;
  load.full_tiers = {"free"};
  load.drain_per_s = 10;
  load.queued = 40;
  table_.report(*table_.nodes()[0], load, kStart);
  EXPECT_EQ(choice(3).kind, ChoiceKind::Probe);
  EXPECT_EQ(choice(3).kind, ChoiceKind::AllFull);
}

TEST_F(NodeTableTest, AsksAFullNodeForWhatItProbablyHas) {
  table_.update(snapshot_of({node("a"), node("b")}));
  for (const auto& each : table_.nodes()) fill(*each);
  (void)choice(3);
  (void)choice(3);
  const std::uint64_t holder = table_.nodes()[1]->hash;
  const Choice cached = choice(3, nullptr, kStart, holder);
  EXPECT_EQ(cached.kind, ChoiceKind::Cached);
  EXPECT_EQ(cached.node->hash, holder);
}

TEST_F(NodeTableTest, AsksNoSecondNodeWhenTheWholeCellIsLoaded) {
  table_.update(snapshot_of({node("a"), node("b"), node("c")}));
  const auto home = choose(3);
  for (const auto& each : table_.nodes()) fill(*each);
  EXPECT_EQ(choice(3, home.get()).kind, ChoiceKind::AllFull);
  EXPECT_EQ(choice(3, home.get(), kStart, table_.nodes()[1]->hash).kind, ChoiceKind::AllFull);
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
