// SPDX-License-Identifier: Apache-2.0
// Tasks of one original that wait together are done together: by one worker, which is told what
// comes. Real worker processes, a fake origin.
#include <chrono>
#include <signal.h>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "agent/variant_service.h"
#include "tests/agent/rig.h"

namespace millrace::agent {
namespace {

using namespace std::chrono_literals;
using Pending = std::shared_ptr<Eventually<Rig::Outcome>>;

class ConvoyTest : public testing::Test {
 protected:
  void SetUp() override {
    rig_.emplace([](AgentConfig& config) {
      config.image_workers.count = 1;
      config.tiers["free"].queue_per_worker = 20;
    });
    ASSERT_TRUE(rig_->ready());
    rig_->bucket.entries["photo"] = {"jpeg 100x50x1", "\"photo\"", true};
    rig_->bucket.entries["other"] = {"jpeg 70x50x1", "\"other\"", true};
    rig_->bucket.entries["drawing"] = {"100x50x1", "\"drawing\"", true};
    for (const char* key : {"photo", "other", "drawing"}) {
      ASSERT_EQ(text_of(rig_->get(key, "tell/n/0")), "group 0:") << "nobody waited with it";
    }
  }
  Pending ask(const std::string& key, const std::string& pipeline, const std::string& user = "u",
              net::CancelToken cancel = {}) {
    return rig_->ask(key, pipeline, std::move(cancel), [&](VariantRequest& request) {
      request.user = user;
      request.deadline = base::Deadline::after(base::Clock::now(), 30s);
    });
  }
  std::string answer(const Pending& pending) {
    return rig_->until([&] { return pending->done(); }) ? text_of(*pending->value) : "not answered";
  }
  void hold_worker() {
    holder_ = ask("drawing", "wait", "holder");
    ASSERT_TRUE(rig_->until([this] { return rig_->busy() == 1; }));
  }
  void release() {
    rig_->signal_workers();
    ASSERT_EQ(answer(holder_), "100x50x1");
  }
  [[nodiscard]] bool waiting(std::size_t count) {
    return rig_->until([&] { return rig_->work_queue->decider().depth() == count; });
  }
  [[nodiscard]] double shared() const {
    const std::string text = rig_->base_metrics.text();
    const std::string series = "\nmillrace_agent_shared_decodes_total ";
    return std::stod(text.substr(text.find(series) + series.size()));
  }

  std::optional<Rig> rig_;
  Pending holder_;
};

TEST_F(ConvoyTest, TheFirstIsToldOfThoseBehindIt) {
  hold_worker();
  const Pending first = ask("photo", "tell/n/1");
  const Pending second = ask("photo", "tell/n/2");
  const Pending third = ask("photo", "tell/n/3");
  ASSERT_TRUE(waiting(3));
  release();
  EXPECT_EQ(answer(first), "group 1: tell/n/2 tell/n/3");
  EXPECT_EQ(answer(second), "group 1:");
  EXPECT_EQ(answer(third), "group 1:");
  EXPECT_EQ(shared(), 3);
  EXPECT_EQ(rig_->busy(), 0U);
  EXPECT_EQ(rig_->work_queue->decider().running_cpu(), base::Duration::zero());
}

TEST_F(ConvoyTest, IsOfOneUserAndOneOriginalInJpeg) {
  hold_worker();
  const std::vector<Pending> all = {ask("photo", "tell/n/1"), ask("other", "tell/n/1"),
                                    ask("drawing", "tell/n/1"), ask("photo", "tell/n/2", "v"),
                                    ask("drawing", "tell/n/2")};
  ASSERT_TRUE(waiting(5));
  release();
  for (const Pending& one : all) EXPECT_EQ(answer(one), "group 0:");
  EXPECT_EQ(shared(), 0);
}

TEST_F(ConvoyTest, GoesOnWithoutWhoeverWentAway) {
  hold_worker();
  const Pending first = ask("photo", "tell/n/1");
  net::CancelSource gone;
  const Pending second = ask("photo", "wait", "u", gone.token());
  const net::CancelSource going;
  const Pending third = ask("photo", "tell/n/3", "u", going.token());
  const Pending fourth = ask("photo", "tell/n/4");
  ASSERT_TRUE(waiting(4));
  gone.cancel();
  EXPECT_EQ(answer(second), "!client_gone");
  release();
  EXPECT_EQ(answer(first), "group 1: tell/n/3 tell/n/4");
  EXPECT_EQ(answer(third), "group 1:");
  EXPECT_EQ(answer(fourth), "group 1:");
}

TEST_F(ConvoyTest, PassesOverWhoeverLeavesWhileTheFirstIsAtWork) {
  hold_worker();
  const Pending first = ask("photo", "wait");
  net::CancelSource going;
  const Pending second = ask("photo", "tell/n/2", "u", going.token());
  const Pending third = ask("photo", "tell/n/3");
  ASSERT_TRUE(waiting(3));
  release();
  ASSERT_TRUE(waiting(0)) << "the two behind are called";
  going.cancel();
  EXPECT_EQ(answer(second), "!client_gone");
  EXPECT_FALSE(third->done());
  rig_->signal_workers();
  EXPECT_EQ(answer(first), "jpeg 100x50x1");
  EXPECT_EQ(answer(third), "group 1:");
  EXPECT_EQ(rig_->work_queue->decider().running_cpu(), base::Duration::zero());
}

TEST_F(ConvoyTest, ADeathCostsOneTaskAndEndsTheSharing) {
  hold_worker();
  const Pending first = ask("photo", "die");
  const Pending second = ask("photo", "tell/n/2");
  const Pending third = ask("photo", "tell/n/3");
  const Pending other = ask("other", "tell/n/4", "v");
  ASSERT_TRUE(waiting(4));
  release();
  EXPECT_EQ(answer(first), "!worker_died");
  EXPECT_EQ(answer(second), "group 1:") << "nothing is to be done for the third";
  EXPECT_EQ(answer(third), "group 1:");
  EXPECT_EQ(answer(other), "group 0:");
  ASSERT_TRUE(rig_->until([this] { return rig_->busy() == 0; }));
}

TEST_F(ConvoyTest, WhatFailsIsFollowedByTheNext) {
  hold_worker();
  const Pending first = ask("photo", "refuse");
  const Pending second = ask("photo", "tell/n/2");
  ASSERT_TRUE(waiting(2));
  release();
  EXPECT_EQ(answer(first), "!corrupt_media");
  EXPECT_EQ(answer(second), "group 1:");
}

TEST_F(ConvoyTest, HasAtMostEight) {
  hold_worker();
  std::vector<Pending> all;
  for (int i = 1; i <= 9; ++i) all.push_back(ask("photo", "tell/n/" + std::to_string(i)));
  ASSERT_TRUE(waiting(9));
  release();
  EXPECT_EQ(answer(all[0]),
            "group 1: tell/n/2 tell/n/3 tell/n/4 tell/n/5 tell/n/6 tell/n/7 tell/n/8");
  EXPECT_EQ(answer(all[7]), "group 1:");
  EXPECT_EQ(answer(all[8]), "group 0:");
}

// Of twenty places; the first is called when nineteen wait.
TEST_F(ConvoyTest, WorkIsMadeSmallerWhileTheLineIsNearlyFull) {
  hold_worker();
  std::vector<Pending> all;
  for (int i = 1; i <= 15; ++i) all.push_back(ask("drawing", "tell/n/" + std::to_string(i)));
  all.push_back(ask("drawing", "tell/n/16", "v"));
  ASSERT_TRUE(waiting(16));
  release();
  EXPECT_EQ(answer(all[0]), "group 0: eased");
  EXPECT_EQ(answer(all[15]).substr(0, 8), "group 0:");
  for (const Pending& one : all) EXPECT_NE(answer(one), "not answered");
  EXPECT_EQ(answer(all[14]), "group 0:");

  const auto etag = [&](const std::string& if_none_match) -> std::string {
    const Rig::Outcome made = rig_->get("drawing", "tell/n/1", [&](VariantRequest& request) {
      request.if_none_match = if_none_match;
    });
    if (!made) return "!" + std::string(base::word_of(made.error().reason));
    if (const auto* same = std::get_if<VariantNotModified>(&*made)) return "304 " + same->etag;
    return std::get<VariantAnswer>(*made).file.file().facts()->etag;
  };
  const std::string eased = etag("");
  EXPECT_TRUE(eased.ends_with("-e\"")) << eased;
  EXPECT_EQ(etag(eased), "304 " + eased);
  // Who has the one with more effort need not have another.
  const std::string whole = eased.substr(0, eased.size() - 3) + "\"";
  EXPECT_EQ(etag(whole), "304 " + whole);
  EXPECT_EQ(etag("\"other\""), eased);
}

}  // namespace
}  // namespace millrace::agent
