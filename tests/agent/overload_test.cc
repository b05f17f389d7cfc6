// SPDX-License-Identifier: Apache-2.0
// What an agent does when there is more work than workers: who waits as whom, what is refused
// before it waits, and that no refusal waits for a worker. Real worker processes, a fake origin.
#include <algorithm>
#include <chrono>
#include <signal.h>

#include <gtest/gtest.h>

#include "agent/variant_service.h"
#include "tests/agent/rig.h"

namespace millrace::agent {
namespace {

using namespace std::chrono_literals;
using Pending = std::shared_ptr<Eventually<Rig::Outcome>>;

class OverloadTest : public testing::Test {
 protected:
  void start(const std::function<void(AgentConfig&)>& adjust = {}) {
    rig_.reset();
    rig_.emplace([&](AgentConfig& config) {
      config.image_workers.count = 1;
      if (adjust) adjust(config);
    });
    ASSERT_TRUE(rig_->ready());
  }
  void TearDown() override {
    for (const pid_t pid : frozen_) ::kill(pid, SIGCONT);
  }
  std::string get(const std::string& key, const std::string& pipeline) {
    return text_of(rig_->get(key, pipeline));
  }
  Pending ask(const std::string& key, const std::string& pipeline, const std::string& tier = "free",
              base::Duration time = 30s) {
    return rig_->ask(key, pipeline, {}, [&](VariantRequest& request) {
      request.tier = tier;
      request.user = tier + "-user";
      request.deadline = base::Deadline::after(base::Clock::now(), time);
    });
  }
  bool done(const Pending& pending) {
    return rig_->until([&] { return pending->done(); });
  }
  // The one worker is in the middle of a `wait`; release() ends it.
  Pending hold_worker() {
    Pending holder = ask("cat", "wait");
    EXPECT_TRUE(rig_->until([this] { return rig_->busy() == 1; }));
    return holder;
  }
  void release() { rig_->signal_workers(); }
  bool waiting(const std::string& tier, std::size_t count) {
    return rig_->until([&] { return rig_->work_queue->decider().depth(tier) == count; });
  }
  double drops(const std::string& tier, const std::string& reason) {
    return metric("millrace_agent_queue_drops_total{reason=\"" + reason + "\",tier=\"" + tier +
                  "\"} ");
  }
  double metric(const std::string& series) {
    const std::string text = rig_->base_metrics.text();
    const std::size_t at = text.find("\n" + series);
    EXPECT_NE(at, std::string::npos) << series;
    return at == std::string::npos ? -1 : std::stod(text.substr(at + 1 + series.size()));
  }
  // As the service sees a `copy` of "cat".
  TaskFeatures copy_of_cat() {
    ipc::Probe probe;
    probe.format = "test";
    probe.width = 100;
    probe.height = 50;
    const pipeline::Catalogue catalogue(rig_->pool->describe()->commands);
    return features_of(probe, catalogue.check("copy").value(), catalogue);
  }
  void teach(base::Duration cpu) {
    for (int i = 0; i < 8; ++i) rig_->costs->learn(copy_of_cat(), cpu, base::mebibytes(10));
  }
  void freeze(WorkerRole role) {
    for (const pid_t pid : rig_->pool->pids(role)) {
      ::kill(pid, SIGSTOP);
      frozen_.push_back(pid);
    }
  }

  std::optional<Rig> rig_;
  std::vector<pid_t> frozen_;
};

TEST_F(OverloadTest, APaidUserWhoJoinsAFreeOnesFlightLiftsIt) {
  start();
  const Pending holder = hold_worker();
  std::vector<Pending> free;
  for (int i = 0; i < 5; ++i) free.push_back(ask("cat", "fill/bytes/" + std::to_string(i)));
  ASSERT_TRUE(waiting("free", 5));
  const Pending paid = ask("cat", "fill/bytes/4", "paid");
  ASSERT_TRUE(waiting("paid", 1)) << "the last of the free ones waits as a paid one";
  EXPECT_EQ(rig_->work_queue->decider().depth("free"), 4U);
  EXPECT_EQ(metric("millrace_agent_queue_lifts_total "), 1);
  release();
  ASSERT_TRUE(done(paid));
  EXPECT_TRUE(free[4]->done()) << "who began it has it too";
  EXPECT_FALSE(free[3]->done());
  ASSERT_TRUE(done(holder));
  for (const Pending& one : free) ASSERT_TRUE(done(one));
}

TEST_F(OverloadTest, APaidUserWhoseQueueIsFullIsRefusedRatherThanLeftInAFreeOne) {
  start();
  const Pending holder = hold_worker();
  const Pending free = ask("cat", "fill/bytes/9");
  ASSERT_TRUE(waiting("free", 1));
  std::vector<Pending> paid;
  for (int i = 0; i < 3; ++i) paid.push_back(ask("cat", "fill/bytes/" + std::to_string(i), "paid"));
  ASSERT_TRUE(waiting("paid", 3)) << "queue_per_worker of paid, less the turns of the free";
  const Pending joiner = ask("cat", "fill/bytes/9", "paid");
  ASSERT_TRUE(done(joiner));
  EXPECT_EQ(text_of(*joiner->value), "!queue_full");
  EXPECT_EQ(rig_->work_queue->decider().depth("free"), 1U);
  EXPECT_EQ(metric("millrace_agent_queue_lifts_total "), 0);
  release();
  ASSERT_TRUE(done(free)) << "who began it has it still";
  ASSERT_TRUE(done(holder));
  for (const Pending& one : paid) ASSERT_TRUE(done(one));
}

TEST_F(OverloadTest, APaidUsersFileIsProbedBeforeThoseOfTheFree) {
  start();
  ASSERT_EQ(get("cat", "copy"), "100x50x1 a cat");
  freeze(WorkerRole::Probe);
  std::vector<Pending> free;
  for (int i = 0; i < 6; ++i) {
    const std::string key = "file" + std::to_string(i);
    rig_->bucket.entries[key] = {"10x10x1 " + key, "\"" + key + "\"", true};
    free.push_back(ask(key, "copy"));
  }
  ASSERT_TRUE(rig_->until([this] { return rig_->probe_queue->decider().depth("free") == 5; }));
  rig_->bucket.entries["paid"] = {"10x10x1 paid", "\"paid\"", true};
  const Pending paid = ask("paid", "copy", "paid");
  ASSERT_TRUE(rig_->until([this] { return rig_->probe_queue->decider().depth("paid") == 1; }));
  for (const pid_t pid : frozen_) ::kill(pid, SIGCONT);
  ASSERT_TRUE(done(paid));
  EXPECT_LE(std::ranges::count_if(free, [](const Pending& one) { return one->done(); }), 3);
  for (const Pending& one : free) ASSERT_TRUE(done(one));
}

TEST_F(OverloadTest, WhatCouldNotBeDoneInTimeIsDroppedWhenItsTurnComes) {
  start();
  const Pending holder = hold_worker();
  teach(2s);
  const base::TimePoint asked = base::Clock::now();
  const Pending late = ask("cat", "copy", "free", 2s);
  ASSERT_TRUE(waiting("free", 1) || late->done());
  ASSERT_TRUE(rig_->until([&] { return base::Clock::now() > asked + 300ms; }));
  release();
  ASSERT_TRUE(done(late));
  EXPECT_LT(base::Clock::now(), asked + 2s) << "told as soon as it is known";
  EXPECT_EQ(text_of(*late->value), "!deadline");
  EXPECT_EQ(drops("free", "too_late"), 1);
  ASSERT_TRUE(done(holder));
}

TEST_F(OverloadTest, WhatWaitsPastItsDeadlineIsCountedApart) {
  start();
  const Pending holder = hold_worker();
  const Pending late = ask("cat", "copy", "free", 100ms);
  ASSERT_TRUE(done(late));
  EXPECT_EQ(text_of(*late->value), "!deadline");
  EXPECT_TRUE(rig_->until([this] { return drops("free", "expired") == 1; }));
  EXPECT_EQ(drops("free", "too_late"), 0);
  release();
  ASSERT_TRUE(done(holder));
}

TEST_F(OverloadTest, WhatCanNeverMeetItsDeadlineIsRefusedBeforeItQueues) {
  start();
  const Pending holder = hold_worker();
  teach(60s);
  const auto refused = rig_->get("cat", "copy");
  ASSERT_EQ(text_of(refused), "!task_too_expensive");
  EXPECT_NE(refused.error().public_message.find("as a job"), std::string::npos)
      << refused.error().public_message;
  EXPECT_EQ(rig_->work_queue->decider().depth(), 0U);
  EXPECT_EQ(metric("millrace_agent_cost_verdicts_total{verdict=\"refused\"} "), 1);
  release();
  ASSERT_TRUE(done(holder));
}

TEST_F(OverloadTest, AWrongPredictionOfTooMuchUnlearnsItself) {
  start();
  teach(60s);
  // Half an hour ago it was refused for the first time.
  const TaskCeiling ceiling{.cpu = 30s, .memory = base::mebibytes(1024)};
  ASSERT_EQ(rig_->costs->judge(copy_of_cat(), ceiling, base::Clock::now() - 30min),
            CostModel::Verdict::TooMuchCpu);
  for (int i = 0; i < 8; ++i) {
    const std::string key = "cat" + std::to_string(i);
    rig_->bucket.entries[key] = {"100x50x1 " + key, "\"" + key + "\"", true};
    EXPECT_EQ(get(key, "copy"), "100x50x1 " + key) << i;
  }
  EXPECT_LT(rig_->costs->predict(copy_of_cat()).cpu, 1s);
  const double trials = metric("millrace_agent_cost_verdicts_total{verdict=\"trial\"} ");
  EXPECT_GE(trials, 1);
  EXPECT_LE(trials, 6);
}

// A slow origin has eaten the time: that is not the task's fault, and may be tried again.
TEST_F(OverloadTest, TooLittleTimeLeftAfterTheFetchIsNoTooExpensiveTask) {
  start();
  teach(2s);
  rig_->bucket.hold = true;
  const Pending late = ask("cat", "copy", "free", 1500ms);
  ASSERT_TRUE(rig_->until([this] { return rig_->bucket.held() == 1; }));
  rig_->bucket.release();
  ASSERT_TRUE(done(late));
  EXPECT_EQ(text_of(*late->value), "!deadline");
  EXPECT_EQ(metric("millrace_agent_cost_verdicts_total{verdict=\"refused\"} "), 0);
}

// No refusal needs a worker, so none waits for one: here every worker is frozen in the middle of a
// task, and the queue is full behind them.
TEST_F(OverloadTest, RefusalsAreAnsweredWhileEveryWorkerIsFrozen) {
  start([](AgentConfig& config) {
    config.tiers["free"].queue_per_worker = 1;
    config.limits.source_max = base::Bytes{5'000};
  });
  auto& entries = rig_->bucket.entries;
  entries["large"] = {std::string(6'000, 'x'), "\"large\"", true};
  entries["bomb"] = {"29999x29999x1", "\"bomb\"", true};
  entries["film"] = {"10x10x201", "\"film\"", true};
  entries["text"] = {"no picture", "\"text\"", true};
  entries["evil"] = {"10x10x1 evil", "\"evil\"", true};
  ASSERT_EQ(get("evil", "die"), "!worker_died");
  ASSERT_EQ(get("evil", "die"), "!worker_died");
  ASSERT_TRUE(rig_->ready());
  const Pending holder = hold_worker();
  freeze(WorkerRole::Work);

  EXPECT_EQ(get("cat", "paint"), "!unknown_command");
  EXPECT_EQ(get("cat", "fill/bytes/many"), "!bad_parameter");
  EXPECT_EQ(get("dog", "copy"), "!no_key");
  EXPECT_EQ(get("large", "copy"), "!source_too_large");
  EXPECT_EQ(get("bomb", "copy"), "!too_many_pixels");
  EXPECT_EQ(get("film", "copy"), "!too_many_frames");
  EXPECT_EQ(get("text", "copy"), "!unsupported_media");
  EXPECT_EQ(get("evil", "die"), "!quarantined");
  teach(60s);
  EXPECT_EQ(get("cat", "copy"), "!task_too_expensive");

  const Pending queued = ask("cat", "fill/bytes/1");
  ASSERT_TRUE(waiting("free", 1));
  EXPECT_EQ(get("cat", "fill/bytes/2"), "!queue_full");
  EXPECT_EQ(get("dog", "copy"), "!queue_full") << "before anything is asked of the origin";
  EXPECT_EQ(drops("free", "full"), 2);
  EXPECT_FALSE(queued->done());
  for (const pid_t pid : frozen_) ::kill(pid, SIGCONT);
  release();
  ASSERT_TRUE(done(holder));
  ASSERT_TRUE(done(queued));
}

TEST_F(OverloadTest, AProberThatHangsHoldsUpItsOwnFileAlone) {
  start([](AgentConfig& config) { config.image_workers.probe_count = 2; });
  const pid_t victim = rig_->pool->pids(WorkerRole::Probe).front();
  ::kill(victim, SIGSTOP);
  frozen_.push_back(victim);
  const Pending stuck = ask("cat", "copy");  // slots are taken in their order
  ASSERT_TRUE(rig_->until([this] { return rig_->pool->busy(WorkerRole::Probe) == 1; }));
  for (int i = 0; i < 5; ++i) {
    const std::string key = "file" + std::to_string(i);
    rig_->bucket.entries[key] = {"10x10x1 " + key, "\"" + key + "\"", true};
    EXPECT_EQ(get(key, "copy"), "10x10x1 " + key);
  }
  EXPECT_FALSE(stuck->done());
  ::kill(victim, SIGCONT);
  ASSERT_TRUE(done(stuck));
  EXPECT_EQ(text_of(*stuck->value), "100x50x1 a cat");
}

TEST_F(OverloadTest, OneFrozenWorkerHoldsUpItsOwnTaskAlone) {
  start([](AgentConfig& config) { config.image_workers.count = 2; });
  const pid_t victim = rig_->pool->pids(WorkerRole::Work).front();
  ::kill(victim, SIGSTOP);
  frozen_.push_back(victim);
  const Pending stuck = ask("cat", "copy");
  ASSERT_TRUE(rig_->until([this] { return rig_->busy() == 1; }));
  for (int i = 1; i < 50; ++i) {
    EXPECT_EQ(get("cat", "fill/bytes/" + std::to_string(i)).size(), std::size_t(i));
  }
  EXPECT_FALSE(stuck->done());
  ::kill(victim, SIGCONT);
  ASSERT_TRUE(done(stuck));
  EXPECT_EQ(text_of(*stuck->value), "100x50x1 a cat");
}

}  // namespace
}  // namespace millrace::agent
