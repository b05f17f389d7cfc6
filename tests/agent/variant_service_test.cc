// SPDX-License-Identifier: Apache-2.0
// The whole road of a request inside the agent, over real worker processes and a fake origin.
#include "agent/variant_service.h"

#include <algorithm>
#include <chrono>
#include <signal.h>

#include <gtest/gtest.h>

#include "tests/agent/rig.h"

namespace millrace::agent {
namespace {

using namespace std::chrono_literals;

class VariantServiceTest : public testing::Test {
 protected:
  void start(const std::function<void(AgentConfig&)>& adjust = {}) {
    rig_.emplace(adjust);
    ASSERT_TRUE(rig_->ready());
  }
  void SetUp() override { start(); }
  void restart(const std::function<void(AgentConfig&)>& adjust) {
    rig_.reset();
    start(adjust);
  }
  std::string get(const std::string& key, const std::string& pipeline) {
    return text_of(rig_->get(key, pipeline));
  }
  // `count` workers are in the middle of a `wait`.
  bool working(std::size_t count) {
    return rig_->until([&] { return rig_->busy() == count; });
  }
  bool done(const std::shared_ptr<Eventually<Rig::Outcome>>& pending) {
    return rig_->until([&] { return pending->done(); });
  }

  std::optional<Rig> rig_;
};

TEST_F(VariantServiceTest, MakesAVariantAndThenServesItFromTheCache) {
  const auto first = rig_->get("cat", "copy");
  EXPECT_EQ(text_of(first), "100x50x1 a cat");
  EXPECT_EQ(std::get<VariantAnswer>(*first).from, VariantOrigin::Worker);
  const auto second = rig_->get("cat", "copy");
  EXPECT_EQ(text_of(second), "100x50x1 a cat");
  EXPECT_EQ(std::get<VariantAnswer>(*second).from, VariantOrigin::Cache);
  EXPECT_EQ(rig_->bucket.opened, 1);
}

TEST_F(VariantServiceTest, DoesNotProbeWhatACommandTakesAsAFileOfAnyKind) {
  rig_->bucket.entries["card"] = {"a card, no picture", "v1"};
  rig_->bucket.entries["trap"] = {"kill whoever probes it", "v1"};
  EXPECT_EQ(get("card", "copy"), "!unsupported_media");
  EXPECT_EQ(get("card", "send"), "a card, no picture");
  EXPECT_EQ(get("card", "send|copy"), "a card, no picture");
  EXPECT_EQ(get("card", "copy|send"), "!unsupported_media") << "the first command decides";
  EXPECT_EQ(get("trap", "send"), "kill whoever probes it");
}

TEST_F(VariantServiceTest, AnswersAtOnceWhatIsInTheCache) {
  VariantRequest request;
  request.bucket = "b";
  request.key = "cat";
  request.pipeline = "copy";
  EXPECT_FALSE(rig_->service->at_once(request, base::Clock::now()).has_value());
  ASSERT_EQ(get("cat", "copy"), "100x50x1 a cat");
  auto outcome = rig_->service->at_once(request, base::Clock::now());
  ASSERT_TRUE(outcome.has_value());
  const auto& facts = *std::get<VariantAnswer>(*outcome).file.file().facts();
  EXPECT_EQ(facts.headers.find("Content-Type"), "text/plain");
  EXPECT_EQ(facts.headers.find("X-Millrace-Crop"), "face");
  EXPECT_EQ(facts.headers.find("ETag"), facts.etag);
}

TEST_F(VariantServiceTest, AClientThatHasTheVersionGetsNoneAndCostsNoWork) {
  const auto made = rig_->get("cat", "copy");
  const std::string etag = std::get<VariantAnswer>(*made).file.file().facts()->etag;
  const auto again =
      rig_->get("cat", "copy", [&](VariantRequest& request) { request.if_none_match = etag; });
  EXPECT_EQ(text_of(again), "304 " + etag);
  rig_->bucket.entries["cat"].validator = "\"v2\"";
}

TEST_F(VariantServiceTest, AChangedOriginalIsANewVersion) {
  restart([](AgentConfig& config) { config.cache.source_fresh = 0ms; });
  const auto first = rig_->get("cat", "copy");
  ASSERT_EQ(text_of(first), "100x50x1 a cat");
  rig_->bucket.entries["cat"] = {"100x50x1 another cat", "\"v2\"", true};
  const auto second = rig_->get("cat", "copy");
  EXPECT_EQ(text_of(second), "100x50x1 another cat");
  EXPECT_NE(std::get<VariantAnswer>(*first).file.file().facts()->etag,
            std::get<VariantAnswer>(*second).file.file().facts()->etag);
}

TEST_F(VariantServiceTest, AStaleVersionIsAskedForAndKeptWhenItIsTheSame) {
  restart([](AgentConfig& config) { config.cache.source_fresh = 0ms; });
  ASSERT_EQ(get("cat", "copy"), "100x50x1 a cat");
  const auto again = rig_->get("cat", "copy");
  EXPECT_EQ(std::get<VariantAnswer>(*again).from, VariantOrigin::Cache);
  EXPECT_GE(rig_->bucket.not_modified, 1);
}

TEST_F(VariantServiceTest, AnOriginWithoutValidatorsIsKnownByItsContent) {
  restart([](AgentConfig& config) { config.cache.source_fresh = 0ms; });
  rig_->bucket.entries["plain"] = {"1x1x1 one", "", false};
  const auto first = rig_->get("plain", "copy");
  const auto second = rig_->get("plain", "copy");
  EXPECT_EQ(std::get<VariantAnswer>(*second).from, VariantOrigin::Cache);
  rig_->bucket.entries["plain"].content = "1x1x1 two";
  EXPECT_EQ(get("plain", "copy"), "1x1x1 two");
}

TEST_F(VariantServiceTest, OneDownloadForManyWaiters) {
  rig_->bucket.hold = true;
  std::vector<std::shared_ptr<Eventually<Rig::Outcome>>> pending;
  for (int i = 0; i < 100; ++i) {
    pending.push_back(rig_->ask("cat", "fill/bytes/" + std::to_string(i % 10)));
  }
  ASSERT_TRUE(rig_->until([&] { return rig_->bucket.held() == 1; }));
  rig_->bucket.release();
  for (const auto& one : pending) {
    ASSERT_TRUE(done(one));
    EXPECT_TRUE(one->value->has_value()) << text_of(*one->value);
  }
  EXPECT_EQ(rig_->bucket.opened, 1);
}

TEST_F(VariantServiceTest, OneMakingForManyWaiters) {
  std::vector<std::shared_ptr<Eventually<Rig::Outcome>>> pending;
  for (int i = 0; i < 50; ++i) pending.push_back(rig_->ask("cat", "wait"));
  ASSERT_TRUE(working(1));
  rig_->signal_workers();
  int made = 0;
  for (const auto& one : pending) {
    ASSERT_TRUE(done(one));
    ASSERT_EQ(text_of(*one->value), "100x50x1 a cat");
    made += std::get<VariantAnswer>(**one->value).from == VariantOrigin::Worker ? 1 : 0;
  }
  EXPECT_EQ(made, 1);
}

TEST_F(VariantServiceTest, WithoutKeptResultsEachRequestIsWorkButTogetherTheyShareIt) {
  restart([](AgentConfig& config) { config.cache.results = false; });
  for (int i = 0; i < 2; ++i) {
    const auto made = rig_->get("cat", "copy");
    ASSERT_EQ(text_of(made), "100x50x1 a cat");
    EXPECT_EQ(std::get<VariantAnswer>(*made).from, VariantOrigin::Worker);
  }
  EXPECT_EQ(rig_->store->entries(), 1U) << "the original alone";
  const auto a = rig_->ask("cat", "wait");
  const auto b = rig_->ask("cat", "wait");
  ASSERT_TRUE(working(1));
  rig_->signal_workers();
  ASSERT_TRUE(done(a));
  ASSERT_TRUE(done(b));
  EXPECT_EQ(text_of(*a->value), "100x50x1 a cat");
  EXPECT_EQ(text_of(*b->value), "100x50x1 a cat");
}

TEST_F(VariantServiceTest, SaysWhatIsWrong) {
  EXPECT_EQ(get("dog", "copy"), "!no_key");
  EXPECT_EQ(get("cat", "paint"), "!unknown_command");
  EXPECT_EQ(get("cat", "fill/bytes/many"), "!bad_parameter");
  EXPECT_EQ(get("cat", "refuse"), "!corrupt_media");
  EXPECT_EQ(text_of(rig_->get("cat", "copy", [](VariantRequest& r) { r.bucket = "c"; })),
            "!no_bucket");
  EXPECT_EQ(text_of(rig_->get("cat", "copy", [](VariantRequest& r) { r.tier = "gold"; })),
            "!internal");
}

TEST_F(VariantServiceTest, FailuresAreNotRemembered) {
  rig_->bucket.fail = true;
  EXPECT_EQ(get("cat", "copy"), "!origin_failed");
  rig_->bucket.fail = false;
  EXPECT_EQ(get("cat", "copy"), "100x50x1 a cat");
}

TEST_F(VariantServiceTest, LimitsAreEnforcedOnTheProbe) {
  rig_->bucket.entries["bomb"] = {"29999x29999x1", "\"b\"", true};
  rig_->bucket.entries["long"] = {"30001x1x1", "\"l\"", true};
  rig_->bucket.entries["film"] = {"10x10x201", "\"f\"", true};
  rig_->bucket.entries["text"] = {"no picture", "\"t\"", true};
  EXPECT_EQ(get("bomb", "copy"), "!too_many_pixels");
  EXPECT_EQ(get("long", "copy"), "!too_many_pixels");
  EXPECT_EQ(get("film", "copy"), "!too_many_frames");
  EXPECT_EQ(get("text", "copy"), "!unsupported_media");
}

TEST_F(VariantServiceTest, ASourceTooLargeIsRefusedWhetherItsSizeIsSaidOrNot) {
  restart([](AgentConfig& config) { config.limits.source_max = base::Bytes{5'000}; });
  rig_->bucket.entries["said"] = {std::string(5'001, 'x'), "\"1\"", true};
  rig_->bucket.entries["unsaid"] = {std::string(50'000, 'x'), "\"2\"", false};
  EXPECT_EQ(get("said", "copy"), "!source_too_large");
  EXPECT_EQ(get("unsaid", "copy"), "!source_too_large");
  EXPECT_EQ(rig_->store->used().count, 0U);
}

TEST_F(VariantServiceTest, IgnoreErrorGivesTheOriginal) {
  EXPECT_EQ(get("cat", "refuse/ignore-error/1"), "original 100x50x1 a cat");
  EXPECT_EQ(get("cat", "die/ignore-error/1"), "original 100x50x1 a cat");
  EXPECT_EQ(get("dog", "refuse/ignore-error/1"), "!no_key") << "there is no original to give";
}

TEST_F(VariantServiceTest, AWorkerKilledInMidTaskFailsThatRequestAndNoOther) {
  const auto doomed = rig_->ask("cat", "wait");
  ASSERT_TRUE(working(1));
  rig_->bucket.entries["dog"] = {"10x10x1 a dog", "\"d\"", true};
  const auto other = rig_->ask("dog", "wait");
  ASSERT_TRUE(working(2));
  const auto pids = rig_->pool->pids(WorkerRole::Work);
  ::kill(pids[0], SIGKILL);  // slots are taken in their order
  ASSERT_TRUE(done(doomed));
  EXPECT_EQ(text_of(*doomed->value), "!worker_died");
  EXPECT_FALSE(other->done());
  rig_->signal_workers();
  ASSERT_TRUE(done(other));
  EXPECT_EQ(text_of(*other->value), "10x10x1 a dog");
  EXPECT_EQ(get("cat", "copy"), "100x50x1 a cat") << "the next request is served";
}

TEST_F(VariantServiceTest, AFileThatKillsWhoeverReadsItKillsNothingElse) {
  rig_->bucket.entries["evil"] = {"kill", "\"e\"", true};
  EXPECT_EQ(get("evil", "copy"), "!worker_died");
  EXPECT_EQ(get("evil", "copy"), "!worker_died");
  EXPECT_EQ(get("evil", "copy"), "!quarantined");
  EXPECT_EQ(get("cat", "copy"), "100x50x1 a cat");
}

TEST_F(VariantServiceTest, WhatKilledTwiceIsRefusedForAWhile) {
  EXPECT_EQ(get("cat", "die"), "!worker_died");
  EXPECT_EQ(get("cat", "die"), "!worker_died");
  EXPECT_EQ(get("cat", "die"), "!quarantined");
  EXPECT_EQ(get("cat", "copy"), "100x50x1 a cat") << "the same file with another plan";
}

TEST_F(VariantServiceTest, AStoppedWorkerIsKilledAtTheDeadline) {
  const auto pids = rig_->pool->pids(WorkerRole::Work);
  for (const pid_t pid : pids) ::kill(pid, SIGSTOP);
  const auto late = rig_->get("cat", "copy", [](VariantRequest& request) {
    request.deadline = base::Deadline::after(base::Clock::now(), 500ms);
  });
  EXPECT_EQ(text_of(late), "!deadline");
  for (const pid_t pid : rig_->pool->pids(WorkerRole::Work)) ::kill(pid, SIGCONT);
  EXPECT_EQ(get("cat", "copy"), "100x50x1 a cat");
}

TEST_F(VariantServiceTest, AHeaderThatTakesTooLongIsTheFilesFaultAndFreesTheWorker) {
  restart([](AgentConfig& config) { config.image_workers.probe_timeout = 100ms; });
  const pid_t stopped = rig_->pool->pids(WorkerRole::Probe).front();
  ::kill(stopped, SIGSTOP);
  EXPECT_EQ(get("cat", "copy"), "!task_too_expensive");
  EXPECT_TRUE(rig_->until([&] {
    const auto pids = rig_->pool->pids(WorkerRole::Probe);
    return !pids.empty() && pids.front() != stopped;
  }));
}

TEST_F(VariantServiceTest, AFullQueueRefusesAtOnceAndOnlyItsOwnTier) {
  restart([](AgentConfig& config) {
    config.image_workers.count = 1;
    config.tiers["free"].queue_per_worker = 2;
  });
  std::vector<std::shared_ptr<Eventually<Rig::Outcome>>> pending;
  pending.push_back(rig_->ask("cat", "wait"));
  ASSERT_TRUE(working(1));
  pending.push_back(rig_->ask("cat", "fill/bytes/1"));
  pending.push_back(rig_->ask("cat", "fill/bytes/2"));
  ASSERT_TRUE(rig_->until([&] { return rig_->work_queue->decider().depth("free") == 2; }));
  EXPECT_EQ(get("cat", "fill/bytes/3"), "!queue_full");
  pending.push_back(
      rig_->ask("cat", "fill/bytes/4", {}, [](VariantRequest& r) { r.tier = "paid"; }));
  ASSERT_TRUE(rig_->until([&] { return rig_->work_queue->decider().depth("paid") == 1; }));
  rig_->signal_workers();
  for (const auto& one : pending) {
    ASSERT_TRUE(done(one));
    EXPECT_TRUE(one->value->has_value()) << text_of(*one->value);
  }
}

TEST_F(VariantServiceTest, WhoWaitsPastItsDeadlineIsToldSo) {
  restart([](AgentConfig& config) { config.image_workers.count = 1; });
  const auto holder = rig_->ask("cat", "wait");
  ASSERT_TRUE(working(1));
  const auto late = rig_->get("cat", "copy", [](VariantRequest& request) {
    request.deadline = base::Deadline::after(base::Clock::now(), 50ms);
  });
  EXPECT_EQ(text_of(late), "!deadline");
  EXPECT_TRUE(rig_->until([&] { return rig_->work_queue->decider().depth() == 0; }));
  rig_->signal_workers();
  ASSERT_TRUE(done(holder));
}

TEST_F(VariantServiceTest, AClientThatLeavesCancelsTheDownload) {
  rig_->bucket.hold = true;
  net::CancelSource client;
  const auto pending = rig_->ask("cat", "copy", client.token());
  ASSERT_TRUE(rig_->until([&] { return rig_->bucket.held() == 1; }));
  client.cancel();
  ASSERT_TRUE(done(pending));
  EXPECT_EQ(text_of(*pending->value), "!client_gone");
  EXPECT_TRUE(rig_->until([&] { return rig_->bucket.cancelled == 1; }));
}

TEST_F(VariantServiceTest, AClientThatLeavesCancelsTheWork) {
  restart([](AgentConfig& config) { config.image_workers.cancel_grace = 10ms; });
  net::CancelSource client;
  const auto pending = rig_->ask("cat", "wait", client.token());
  ASSERT_TRUE(working(1));
  client.cancel();
  ASSERT_TRUE(done(pending));
  EXPECT_EQ(text_of(*pending->value), "!client_gone");
  EXPECT_TRUE(rig_->until([&] { return rig_->service->in_flight() == 0; }))
      << "the worker that nobody waits for is killed";
  EXPECT_EQ(get("cat", "copy"), "100x50x1 a cat");
}

TEST_F(VariantServiceTest, AClientThatLeavesDoesNotCancelWhatOthersWaitFor) {
  restart([](AgentConfig& config) { config.image_workers.cancel_grace = 1ms; });
  net::CancelSource client;
  const auto leaving = rig_->ask("cat", "wait", client.token());
  const auto staying = rig_->ask("cat", "wait");
  ASSERT_TRUE(working(1));
  client.cancel();
  ASSERT_TRUE(done(leaving));
  rig_->signal_workers();
  ASSERT_TRUE(done(staying));
  EXPECT_EQ(text_of(*staying->value), "100x50x1 a cat");
}

TEST_F(VariantServiceTest, AClientThatLeavesTheQueueGivesUpItsPlace) {
  restart([](AgentConfig& config) { config.image_workers.count = 1; });
  const auto holder = rig_->ask("cat", "wait");
  ASSERT_TRUE(working(1));
  net::CancelSource client;
  const auto queued = rig_->ask("cat", "copy", client.token());
  ASSERT_TRUE(rig_->until([&] { return rig_->work_queue->decider().depth() == 1; }));
  client.cancel();
  EXPECT_TRUE(rig_->until([&] { return rig_->work_queue->decider().depth() == 0; }));
  rig_->signal_workers();
  ASSERT_TRUE(done(holder));
}

TEST_F(VariantServiceTest, AJoinerWithMoreTimeOutlivesWhoeverBegan) {
  rig_->bucket.hold = true;
  const auto hasty = rig_->ask("cat", "copy", {}, [](VariantRequest& request) {
    request.deadline = base::Deadline::after(base::Clock::now(), 50ms);
  });
  const auto patient = rig_->ask("cat", "copy");
  ASSERT_TRUE(done(hasty));
  EXPECT_EQ(text_of(*hasty->value), "!deadline");
  rig_->bucket.release();
  ASSERT_TRUE(done(patient));
  EXPECT_EQ(text_of(*patient->value), "100x50x1 a cat");
}

TEST_F(VariantServiceTest, ADeadOriginHoldsOnlyItsOwnDownloads) {
  restart([](AgentConfig& config) {
    config.fetch.downloads_per_origin_max = 2;
    config.fetch.waiting_per_origin_max = 1;
  });
  rig_->bucket.hold = true;
  std::vector<std::shared_ptr<Eventually<Rig::Outcome>>> pending;
  for (int i = 0; i < 4; ++i) pending.push_back(rig_->ask("key" + std::to_string(i), "copy"));
  ASSERT_TRUE(rig_->until(
      [&] { return std::ranges::any_of(pending, [](const auto& one) { return one->done(); }); }));
  EXPECT_EQ(rig_->bucket.held(), 2U);
  EXPECT_EQ(text_of(*pending.back()->value), "!queue_full");
  rig_->bucket.release();
  for (const auto& one : pending) ASSERT_TRUE(done(one));
}

TEST_F(VariantServiceTest, ACacheInWhichEverythingIsInUseRefusesAndServesOnAfterwards) {
  restart([](AgentConfig& config) { config.cache.bytes_max = base::mebibytes(3); });
  const std::string big(2'500'000, 'x');
  rig_->bucket.entries["big"] = {"10x10x1" + big, "\"big\"", true};
  const auto holder = rig_->ask("big", "wait");
  const bool refused_or_working = rig_->until([&] { return holder->done() || rig_->busy() == 1; });
  ASSERT_TRUE(refused_or_working);
  if (!holder->done()) rig_->signal_workers();
  ASSERT_TRUE(done(holder));
  EXPECT_EQ(text_of(*holder->value), "!cache_full")
      << "original and result together exceed the budget";
  EXPECT_EQ(get("cat", "copy"), "100x50x1 a cat");
}

TEST_F(VariantServiceTest, TwoThousandWaitersAreServedByOneWork) {
  std::vector<std::shared_ptr<Eventually<Rig::Outcome>>> pending;
  for (int i = 0; i < 2'000; ++i) pending.push_back(rig_->ask("cat", "wait"));
  ASSERT_TRUE(working(1));
  rig_->signal_workers();
  for (const auto& one : pending) {
    ASSERT_TRUE(done(one));
    ASSERT_EQ(text_of(*one->value), "100x50x1 a cat");
  }
  EXPECT_EQ(rig_->bucket.opened, 1);
}

}  // namespace
}  // namespace millrace::agent
