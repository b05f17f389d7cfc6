// SPDX-License-Identifier: Apache-2.0
// Tasks that need other pictures than the original: over real worker processes and a fake origin.
#include "agent/other_pictures.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/crypto.h"
#include "pipeline/picture.h"
#include "tests/agent/rig.h"

namespace millrace::agent {
namespace {

using namespace std::chrono_literals;

std::string join(const std::vector<std::string>& keys, const std::string& bucket = "b") {
  std::string pipeline = "join";
  for (const std::string& key : keys) pipeline += "/key/" + pipeline::picture_value(bucket, key);
  return pipeline;
}

class OtherPicturesTest : public testing::Test {
 protected:
  void SetUp() override { start({}); }
  void start(const std::function<void(AgentConfig&)>& adjust) {
    rig_.reset();
    rig_.emplace(adjust);
    ASSERT_TRUE(rig_->ready());
    entry("dog", "10x10x1 a dog");
    entry("owl", "10x10x1 an owl");
  }
  void entry(const std::string& key, const std::string& content, const std::string& tag = "1") {
    rig_->bucket.entries[key] = {content, "\"" + key + tag + "\"", true};
  }
  std::string get(const std::string& pipeline) { return text_of(rig_->get("cat", pipeline)); }
  std::string etag_of(const Rig::Outcome& outcome) {
    return outcome ? std::get<VariantAnswer>(*outcome).file.file().facts()->etag : "";
  }
  // What is said of it.
  std::string sentence(const std::string& pipeline) {
    const auto outcome = rig_->get("cat", pipeline);
    return outcome ? "" : outcome.error().public_message;
  }

  std::optional<Rig> rig_;
};

TEST_F(OtherPicturesTest, AreFetchedAndGivenToTheWorkerInTheirOrder) {
  EXPECT_EQ(get(join({"owl", "dog", "owl"})), "100x50x1 a cat+10x10x1 an owl+10x10x1 a dog");
  EXPECT_EQ(rig_->bucket.opened, 3) << "each once";
  EXPECT_EQ(get(join({"dog", "owl"})), "100x50x1 a cat+10x10x1 a dog+10x10x1 an owl");
  EXPECT_EQ(rig_->bucket.opened, 3) << "they are in the cache";
}

TEST_F(OtherPicturesTest, MayBeTheOriginalItself) {
  EXPECT_EQ(get(join({"cat"})), "100x50x1 a cat+100x50x1 a cat");
  EXPECT_EQ(rig_->bucket.opened, 1);
}

TEST_F(OtherPicturesTest, TheResultIsKeptAndAnsweredAtOnce) {
  VariantRequest request;
  request.bucket = "b";
  request.key = "cat";
  request.pipeline = join({"dog"});
  EXPECT_FALSE(rig_->service->at_once(request, base::Clock::now()).has_value());
  ASSERT_EQ(get(join({"dog"})), "100x50x1 a cat+10x10x1 a dog");
  const auto ready = rig_->service->at_once(request, base::Clock::now());
  ASSERT_TRUE(ready.has_value());
  EXPECT_EQ(std::get<VariantAnswer>(*ready).from, VariantOrigin::Cache);
}

TEST_F(OtherPicturesTest, AChangedOneIsANewVersionOfTheResult) {
  start([](AgentConfig& config) { config.cache.source_fresh = 0ms; });
  const auto first = rig_->get("cat", join({"dog"}));
  ASSERT_EQ(text_of(first), "100x50x1 a cat+10x10x1 a dog");
  const auto same = rig_->get("cat", join({"dog"}));
  EXPECT_EQ(std::get<VariantAnswer>(*same).from, VariantOrigin::Cache);
  EXPECT_GE(rig_->bucket.not_modified, 2) << "both were asked for";
  EXPECT_EQ(etag_of(same), etag_of(first));

  entry("dog", "10x10x1 a wolf", "2");
  const auto second = rig_->get("cat", join({"dog"}));
  EXPECT_EQ(text_of(second), "100x50x1 a cat+10x10x1 a wolf");
  EXPECT_NE(etag_of(second), etag_of(first));
  // Who has the old one is not told that it is still right.
  const auto asked = rig_->get("cat", join({"dog"}), [&](VariantRequest& request) {
    request.if_none_match = etag_of(first);
  });
  EXPECT_EQ(text_of(asked), "100x50x1 a cat+10x10x1 a wolf");
}

TEST_F(OtherPicturesTest, WhileTheyAreFreshNobodyIsAsked) {
  ASSERT_EQ(get(join({"dog"})), "100x50x1 a cat+10x10x1 a dog");
  entry("dog", "10x10x1 a wolf", "2");
  EXPECT_EQ(get(join({"dog"})), "100x50x1 a cat+10x10x1 a dog");
}

TEST_F(OtherPicturesTest, WhatIsWrongWithOneIsSaidOfThatOne) {
  entry("bomb", "29999x29999x1");
  entry("film", "10x10x201");
  entry("text", "no picture");
  entry("evil", "kill");
  const std::vector<std::pair<std::string, std::string>> cases = {{"gone", "!no_key"},
                                                                  {"bomb", "!too_many_pixels"},
                                                                  {"film", "!too_many_frames"},
                                                                  {"text", "!unsupported_media"},
                                                                  {"evil", "!worker_died"}};
  for (const auto& [key, expected] : cases) {
    EXPECT_EQ(get(join({"dog", key})), expected);
    EXPECT_NE(sentence(join({"dog", key})).find("\"kodo://b/" + key + "\" cannot be used"),
              std::string::npos)
        << sentence(join({key}));
  }
  EXPECT_EQ(get(join({"dog"}, "c")), "!no_bucket");
  EXPECT_NE(sentence(join({"dog"}, "c")).find("kodo://c/dog"), std::string::npos);
  EXPECT_EQ(get(join({"dog"})), "100x50x1 a cat+10x10x1 a dog") << "the node goes on";
}

TEST_F(OtherPicturesTest, OneTooLargeIsRefused) {
  start([](AgentConfig& config) { config.limits.source_max = base::Bytes{5'000}; });
  entry("large", "10x10x1 " + std::string(5'000, 'x'));
  EXPECT_EQ(get(join({"large"})), "!source_too_large");
  EXPECT_NE(sentence(join({"large"})).find("kodo://b/large"), std::string::npos);
}

TEST_F(OtherPicturesTest, AnOriginThatFailsFailsTheRequest) {
  ASSERT_EQ(get("copy"), "100x50x1 a cat");
  rig_->bucket.fail = true;
  EXPECT_EQ(get(join({"dog"})), "!origin_failed");
  rig_->bucket.fail = false;
  EXPECT_EQ(get(join({"dog"})), "100x50x1 a cat+10x10x1 a dog");
}

TEST_F(OtherPicturesTest, IgnoreErrorGivesTheOriginalForAMissingOneToo) {
  entry("text", "no picture");
  EXPECT_EQ(get(join({"gone"}) + "/ignore-error/1"), "original 100x50x1 a cat");
  EXPECT_EQ(get(join({"text"}) + "/ignore-error/1"), "original 100x50x1 a cat");
}

TEST_F(OtherPicturesTest, OnlyEntriesComeAsFarAsANode) {
  EXPECT_EQ(get("join/key/" + base::base64url_encode("dog")), "!bad_parameter");
  EXPECT_EQ(get("join/key/" + base::base64url_encode("http://127.0.0.1/a.png")), "!bad_parameter");
  EXPECT_EQ(rig_->bucket.opened, 0);
}

TEST_F(OtherPicturesTest, AreDownloadedAtTheSameTimeAndOnceForAllWhoWait) {
  ASSERT_EQ(get("copy"), "100x50x1 a cat");
  rig_->bucket.opened = 0;
  rig_->bucket.hold = true;
  std::vector<std::shared_ptr<Eventually<Rig::Outcome>>> pending;
  for (int i = 0; i < 20; ++i) pending.push_back(rig_->ask("cat", join({"dog", "owl"})));
  for (int i = 0; i < 20; ++i) pending.push_back(rig_->ask("cat", join({"owl", "dog"})));
  ASSERT_TRUE(rig_->until([&] { return rig_->bucket.held() == 2; }));
  rig_->bucket.release();
  for (const auto& one : pending) {
    ASSERT_TRUE(rig_->until([&] { return one->done(); }));
    EXPECT_TRUE(one->value->has_value()) << text_of(*one->value);
  }
  EXPECT_EQ(rig_->bucket.opened, 2);
}

TEST_F(OtherPicturesTest, AClientThatLeavesCancelsTheirDownloads) {
  ASSERT_EQ(get("copy"), "100x50x1 a cat");
  rig_->bucket.hold = true;
  net::CancelSource client;
  const auto pending = rig_->ask("cat", join({"dog", "owl"}), client.token());
  ASSERT_TRUE(rig_->until([&] { return rig_->bucket.held() == 2; }));
  client.cancel();
  ASSERT_TRUE(rig_->until([&] { return pending->done(); }));
  EXPECT_EQ(text_of(*pending->value), "!client_gone");
  EXPECT_TRUE(rig_->until([&] { return rig_->bucket.cancelled == 2; }));
}

TEST_F(OtherPicturesTest, WhoWaitsForThemPastItsDeadlineIsToldSo) {
  ASSERT_EQ(get("copy"), "100x50x1 a cat");
  rig_->bucket.hold = true;
  const auto late = rig_->get("cat", join({"dog"}), [](VariantRequest& request) {
    request.deadline = base::Deadline::after(base::Clock::now(), 100ms);
  });
  EXPECT_EQ(text_of(late), "!deadline");
}

TEST_F(OtherPicturesTest, OneThatKillsWorkersIsQuarantinedWithItsPlan) {
  entry("poison", "10x10x1 die");
  EXPECT_EQ(get(join({"poison"})), "!worker_died");
  EXPECT_EQ(get(join({"poison"})), "!worker_died");
  EXPECT_EQ(get(join({"poison"})), "!quarantined");
  EXPECT_EQ(get(join({"dog"})), "100x50x1 a cat+10x10x1 a dog") << "the same plan with another";
}

TEST_F(OtherPicturesTest, AnotherVersionOfItIsNot) {
  start([](AgentConfig& config) { config.cache.source_fresh = 0ms; });
  entry("poison", "10x10x1 die");
  EXPECT_EQ(get(join({"poison"})), "!worker_died");
  EXPECT_EQ(get(join({"poison"})), "!worker_died");
  EXPECT_EQ(get(join({"poison"})), "!quarantined");
  entry("poison", "10x10x1 cured", "2");
  EXPECT_EQ(get(join({"poison"})), "100x50x1 a cat+10x10x1 cured");
}

TEST_F(OtherPicturesTest, AreNotPinnedForLongerThanTheyAreUsed) {
  ASSERT_EQ(get(join({"dog", "owl"})), "100x50x1 a cat+10x10x1 a dog+10x10x1 an owl");
  EXPECT_TRUE(rig_->until([&] { return rig_->service->in_flight() == 0; }));
  EXPECT_EQ(rig_->store->pinned().count, 0U);
}

}  // namespace
}  // namespace millrace::agent
