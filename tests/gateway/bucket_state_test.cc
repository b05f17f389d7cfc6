// SPDX-License-Identifier: Apache-2.0
#include "gateway/bucket_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::gateway {
namespace {

using base::Reason;
using storage::DeliveryConfig;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

std::string refusal(const base::Result<void>& done, Reason reason = Reason::BadParameter) {
  if (done) return "";
  EXPECT_EQ(done.error().reason, reason) << done.error().public_message;
  return done.error().public_message;
}

class BucketStateTest : public testing::Test {
 protected:
  BucketState state_;
  DeliveryConfig config_;
};

TEST_F(BucketStateTest, SetsReplacesAndRemovesStyles) {
  ASSERT_TRUE(set_style(state_, config_, "thumb", "imageView2/2/w/100"));
  ASSERT_TRUE(set_style(state_, config_, "thumb", "imageView2/2/w/90|imageInfo"));
  EXPECT_EQ(delivery_of(config_, state_).styles.at("thumb"), "imageView2/2/w/90|imageInfo");
  ASSERT_TRUE(remove_style(state_, config_, "thumb"));
  EXPECT_TRUE(delivery_of(config_, state_).styles.empty());
  EXPECT_THAT(refusal(remove_style(state_, config_, "thumb"), Reason::NoStyle),
              HasSubstr("no style \"thumb\""));
}

TEST_F(BucketStateTest, RefusesWhatIsNoStyle) {
  EXPECT_THAT(refusal(set_style(state_, config_, "", "a/1")), HasSubstr("no name of a style"));
  EXPECT_THAT(refusal(set_style(state_, config_, "a/b", "a/1")), HasSubstr("no name of a style"));
  EXPECT_THAT(refusal(set_style(state_, config_, std::string(65, 'a'), "a/1")),
              HasSubstr("no name of a style"));
  EXPECT_THAT(refusal(set_style(state_, config_, "a", "")), HasSubstr("is empty"));
  EXPECT_THAT(refusal(set_style(state_, config_, "a", "b//c")), HasSubstr("side by side"));
  EXPECT_THAT(refusal(set_style(state_, config_, "a-b", "a/1")),
              HasSubstr("one of the bucket's separators (-)"));
  EXPECT_EQ(state_, BucketState{});
}

TEST_F(BucketStateTest, BoundsTheStyles) {
  for (std::size_t i = 0; i < kStylesPerBucketMax; ++i) {
    ASSERT_TRUE(set_style(state_, config_, "s" + std::to_string(i), "a/1"));
  }
  EXPECT_THAT(refusal(set_style(state_, config_, "more", "a/1")), HasSubstr("1000 styles already"));
  EXPECT_TRUE(set_style(state_, config_, "s0", "a/2")) << "those that are there can be changed";
}

TEST_F(BucketStateTest, SetsSeparatorsThatHideNoStyle) {
  EXPECT_EQ(delivery_of(config_, state_).separators, "-");
  ASSERT_TRUE(set_separators(state_, config_, "!"));
  EXPECT_EQ(delivery_of(config_, state_).separators, "!");
  ASSERT_TRUE(set_style(state_, config_, "a-b", "a/1"));
  EXPECT_THAT(refusal(set_separators(state_, config_, "-!")), HasSubstr("\"a-b\" has one of -!"));
  for (const char* text : {"", "a", "!!", "?", "\xc3\xa9"}) {
    EXPECT_THAT(refusal(set_separators(state_, config_, text)),
                HasSubstr("1 to 16 different characters"));
  }
  config_.styles = {{"x.y", "a/1"}};
  EXPECT_THAT(refusal(set_separators(state_, config_, ".")), HasSubstr("\"x.y\""));
  EXPECT_EQ(state_.separators, "!");
}

TEST_F(BucketStateTest, WhatTheConfigurationSaysHolds) {
  config_.styles = {{"thumb", "imageView2/2/w/100"}};
  config_.separators = "_";
  config_.protect_originals = true;
  EXPECT_THAT(refusal(set_style(state_, config_, "thumb", "a/1")), HasSubstr("configuration"));
  EXPECT_THAT(refusal(remove_style(state_, config_, "thumb")), HasSubstr("configuration"));
  EXPECT_THAT(refusal(set_separators(state_, config_, "-")), HasSubstr("configuration"));
  EXPECT_THAT(refusal(set_protection(state_, config_, false)), HasSubstr("configuration"));
  EXPECT_TRUE(set_protection(state_, config_, true));
  EXPECT_TRUE(set_style(state_, config_, "other", "b/1"));
  // What was set before the configuration came to say it.
  state_.styles["thumb"] = "c/1";
  state_.separators = "!";
  const BucketDelivery delivery = delivery_of(config_, state_);
  EXPECT_THAT(delivery.styles,
              ElementsAre(Pair("other", "b/1"), Pair("thumb", "imageView2/2/w/100")));
  EXPECT_EQ(delivery.separators, "_");
  EXPECT_TRUE(delivery.protect_originals);
}

TEST_F(BucketStateTest, ProtectsAndReleases) {
  ASSERT_TRUE(set_protection(state_, config_, true));
  EXPECT_TRUE(delivery_of(config_, state_).protect_originals);
  ASSERT_TRUE(set_protection(state_, config_, false));
  EXPECT_FALSE(delivery_of(config_, state_).protect_originals);
}

TEST_F(BucketStateTest, TakesTheRestFromTheConfiguration) {
  config_.is_private = true;
  config_.owners = {"acme", "zoe"};
  config_.fallback = "none.png";
  config_.format = "auto";
  const BucketDelivery delivery = delivery_of(config_, state_);
  EXPECT_TRUE(delivery.is_private);
  EXPECT_THAT(delivery.owners, ElementsAre("acme", "zoe"));
  EXPECT_EQ(delivery.fallback, "none.png");
  EXPECT_TRUE(delivery.auto_format);
  EXPECT_FALSE(delivery_of({}, {}).auto_format);
}

TEST(BucketStatesFileTest, ComesBackAsItWas) {
  const BucketStates states = {{"empty", {}},
                               {"photos",
                                {.styles = {{"thumb", "a/1"}, {"\x7e", "x/\xe7\x85\xa7"}},
                                 .separators = "-!",
                                 .protect_originals = true}}};
  const auto read = bucket_states_from_json(to_json(states));
  ASSERT_TRUE(read) << read.error().public_message;
  EXPECT_EQ(*read, (BucketStates{{"photos", states.at("photos")}}));
  EXPECT_TRUE(bucket_states_from_json(to_json({}))->empty());
}

TEST(BucketStatesFileTest, RefusesWhatItDoesNotUnderstand) {
  const auto sentence = [](const std::string& json) {
    const auto read = bucket_states_from_json(json);
    return read ? "" : read.error().public_message;
  };
  EXPECT_THAT(sentence(""), HasSubstr("not a JSON object"));
  EXPECT_THAT(sentence("{"), HasSubstr("not a JSON object"));
  EXPECT_THAT(sentence("{\"buckets\":{}}"), HasSubstr("version"));
  EXPECT_THAT(sentence("{\"version\":2,\"buckets\":{}}"), HasSubstr("version"));
  EXPECT_THAT(sentence("{\"version\":1}"), HasSubstr("buckets"));
  EXPECT_THAT(sentence("{\"version\":1,\"buckets\":{\"a/b\":{}}}"), HasSubstr("no bucket"));
  EXPECT_THAT(sentence("{\"version\":1,\"buckets\":{\"a\":1}}"), HasSubstr("no bucket"));
  const auto bucket = [&](const std::string& item) {
    return sentence("{\"version\":1,\"buckets\":{\"photos\":" + item + "}}");
  };
  EXPECT_EQ(bucket("{}"), "");
  EXPECT_THAT(bucket("{\"styles\":[]}"), HasSubstr("styles"));
  EXPECT_THAT(bucket("{\"styles\":{\"a\":1}}"), HasSubstr("a style is a text"));
  EXPECT_THAT(bucket("{\"styles\":{\"a b\":\"x/1\"}}"), HasSubstr("no name of a style"));
  EXPECT_THAT(bucket("{\"styles\":{\"a\":\"\"}}"), HasSubstr("is empty"));
  EXPECT_THAT(bucket("{\"separators\":\"ab\"}"), HasSubstr("separators"));
  EXPECT_THAT(bucket("{\"protect_originals\":1}"), HasSubstr("protect_originals"));
}

}  // namespace
}  // namespace millrace::gateway
