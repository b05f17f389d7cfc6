// SPDX-License-Identifier: Apache-2.0
#include "gateway/variant_router.h"

#include <gtest/gtest.h>

#include "base/metrics.h"

namespace millrace::gateway {
namespace {

using base::Reason;
using std::chrono::milliseconds;

constexpr base::TimePoint kStart{std::chrono::hours(1)};

class VariantRouterTest : public testing::Test {
 protected:
  VariantRouterTest() {
    pipeline::CommandSpec spec;
    spec.name = "imageView2";
    discovery::Snapshot snapshot;
    for (const char* id : {"a", "b"}) {
      discovery::NodeRecord record;
      record.id = id;
      record.incarnation = "1";
      record.address = "127.0.0.1:9101";
      record.cell = "default";
      record.state = discovery::NodeState::Serving;
      record.kinds = {{"image", 2, {spec}}};
      snapshot.nodes.push_back(std::make_shared<const discovery::NodeRecord>(record));
    }
    nodes_.update(snapshot);
    plan_.pipeline.commands.emplace_back("imageView2",
                                         std::vector<pipeline::CommandCall::Argument>{});
    plan_.text = "imageView2";
    plan_.kind = "image";
    plan_.variant_hash = 7;
    plan_.deadline = base::Deadline::after(kStart, std::chrono::seconds(30));
  }
  static Refusal refusal(Reason reason) { return {.error = base::make_error(reason, "no")}; }
  void fill(Node& node) {
    nodes_.note_refused(node, {"free"}, Reason::QueueFull,
                        {.drain_per_s = 10, .queued = 40, .retry_after = milliseconds(3'000)},
                        kStart);
  }

  base::Metrics metrics_;
  GatewayMetrics counts_{metrics_};
  NodeTable nodes_{NodeTableOptions{}};
  AgentLinkConfig config_;
  VariantRouter router_{nodes_, counts_, config_};
  VariantPlan plan_;
};

TEST_F(VariantRouterTest, AFullNodeIsReplacedByAnotherOnce) {
  router_.admitted(plan_, kStart);
  auto first = router_.first(plan_, {"free"}, kStart);
  ASSERT_TRUE(first.node);
  fill(*first.node);
  auto second = router_.second(plan_, {"free"}, 1, *first.node, refusal(Reason::QueueFull), kStart);
  ASSERT_TRUE(second.node);
  EXPECT_NE(second.node, first.node);
  fill(*second.node);
  const auto third =
      router_.second(plan_, {"free"}, 2, *second.node, refusal(Reason::QueueFull), kStart);
  EXPECT_FALSE(third.node);
  ASSERT_TRUE(third.instead);
  EXPECT_EQ(third.instead->error.reason, Reason::QueueFull);
}

TEST_F(VariantRouterTest, NothingIsAskedWhenTheWholeCellIsFull) {
  for (const auto& node : nodes_.nodes()) fill(*node);
  while (router_.first(plan_, {"free"}, kStart).node) {  // the probes that a full gate lets pass
  }
  const auto route = router_.first(plan_, {"free"}, kStart);
  ASSERT_TRUE(route.instead);
  EXPECT_EQ(route.instead->error.reason, Reason::QueueFull);
  EXPECT_EQ(route.instead->retry_after, milliseconds(3'000));
}

TEST_F(VariantRouterTest, AWorkerThatDiedIsNotCarriedToASecondNode) {
  auto first = router_.first(plan_, {"free"}, kStart);
  const auto second =
      router_.second(plan_, {"free"}, 1, *first.node, refusal(Reason::WorkerDied), kStart);
  EXPECT_FALSE(second.node);
  EXPECT_EQ(second.instead->error.reason, Reason::WorkerDied);
}

TEST_F(VariantRouterTest, RetriesEndWithTheirBudget) {
  int retries = 0;
  for (int i = 0; i < 100; ++i) {
    router_.admitted(plan_, kStart);
    const auto first = router_.first(plan_, {"free"}, kStart);
    const auto second =
        router_.second(plan_, {"free"}, 1, *first.node, refusal(Reason::NoNode), kStart);
    retries += second.node ? 1 : 0;
  }
  EXPECT_EQ(retries, 10) << "a tenth of the requests";
}

TEST_F(VariantRouterTest, AUserWithNothingOnItsWayGoesBeforeOneWithMuch) {
  const Asker greedy{"free", "greedy"};
  const auto on_the_way = router_.on_the_way(greedy);
  for (const auto& node : nodes_.nodes()) fill(*node);
  while (router_.first(plan_, greedy, kStart).node) {
  }
  EXPECT_TRUE(router_.first(plan_, {"free", "modest"}, kStart).node);
  EXPECT_FALSE(router_.first(plan_, greedy, kStart).node);
}

TEST_F(VariantRouterTest, AnOriginThatTakesAllItMayIsRefusedWithoutTheOthers) {
  plan_.bucket = "dead";
  for (const auto& node : nodes_.nodes()) {
    nodes_.note_refused(*node, {"free", "dead"}, Reason::QueueFull,
                        {.drain_per_s = 10, .queued = 4, .others_have_room = true}, kStart);
  }
  while (router_.first(plan_, {"free"}, kStart).node) {
  }
  plan_.bucket = "healthy";
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(router_.first(plan_, {"free"}, kStart).node);
}

TEST_F(VariantRouterTest, AnswersTeachWhatWorkCosts) {
  EXPECT_FALSE(router_.expect(plan_.text));
  EXPECT_EQ(router_.admitted(plan_, kStart), 0);
  router_.answered(plan_, *nodes_.nodes().front(), pipeline::TaskCost{.actual_cpu_ms = 12});
  EXPECT_EQ(router_.expect(plan_.text), 12);
  EXPECT_EQ(router_.admitted(plan_, kStart), 12) << "the mean of all stands in for the unknown";
}

}  // namespace
}  // namespace millrace::gateway
