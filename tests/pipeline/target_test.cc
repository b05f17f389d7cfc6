// SPDX-License-Identifier: Apache-2.0
#include "pipeline/target.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::pipeline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

Target parsed(std::string_view text) {
  auto target = parse_target(text);
  if (!target) {
    ADD_FAILURE() << text << ": " << target.error().public_message;
    return {};
  }
  return std::move(*target);
}

std::string refusal(std::string_view text,
                    std::optional<std::string_view> bucket_of_host = std::nullopt) {
  const auto target = parse_target(text, bucket_of_host);
  if (target) return "accepted: " + target->key;
  EXPECT_EQ(target.error().reason, base::Reason::BadTarget);
  return target.error().public_message;
}

TEST(TargetTest, TakesPathPipelineAndParametersApart) {
  const Target target = parsed("/photos/a%20b.jpg?imageView2/1/w/200%7CimageInfo&attname=d%26.jpg");
  EXPECT_EQ(target.bucket, "photos");
  EXPECT_EQ(target.key, "a b.jpg");
  EXPECT_EQ(target.pipeline, "imageView2/1/w/200|imageInfo");
  EXPECT_THAT(target.parameters, ElementsAre(Pair("attname", "d&.jpg")));
  EXPECT_EQ(target.parameter("attname"), "d&.jpg");
  EXPECT_EQ(target.parameter("token"), std::nullopt);
}

TEST(TargetTest, RawAndEncodedAreTheSame) {
  EXPECT_EQ(parsed("/b/k?imageInfo|imageInfo").pipeline,
            parsed("/b/k?imageInfo%7cimageInfo").pipeline);
  EXPECT_EQ(parsed("/b/照片.jpg?a/照").key, parsed("/b/%E7%85%A7%E7%89%87.jpg").key);
  EXPECT_EQ(parsed("/b/k?a/照").pipeline, parsed("/b/k?a/%E7%85%A7").pipeline);
  EXPECT_EQ(parsed("/b/k?a/200x300>").pipeline, parsed("/b/k?a/200x300%3E").pipeline);
  EXPECT_EQ(parsed("/b/x/y").key, parsed("/b/x%2Fy").key);
}

TEST(TargetTest, DecodesOnceAndKeepsPlus) {
  EXPECT_EQ(parsed("/b/a%2520b").key, "a%20b");
  EXPECT_EQ(parsed("/b/a+b").key, "a+b");
  EXPECT_EQ(parsed("/b/k?a/x+y").pipeline, "a/x+y");
}

TEST(TargetTest, AQueryOfParametersAloneMeansTheOriginal) {
  const Target named = parsed("/b/k?attname=a/b.jpg");
  EXPECT_EQ(named.pipeline, std::nullopt);
  EXPECT_EQ(named.parameter("attname"), "a/b.jpg");
  const Target signed_url = parsed("/b/k?e=1451491200&token=AK:sig-_=");
  EXPECT_EQ(signed_url.pipeline, std::nullopt);
  EXPECT_THAT(signed_url.parameters,
              ElementsAre(Pair("e", "1451491200"), Pair("token", "AK:sig-_=")));
  EXPECT_THAT(parsed("/b/k").parameters, IsEmpty());
}

TEST(TargetTest, APipelineMayHoldEqualsSigns) {
  EXPECT_EQ(parsed("/b/k?saveas/YWJj==").pipeline, "saveas/YWJj==");
  EXPECT_EQ(parsed("/b/k?imageInfo|saveas/YQ==").pipeline, "imageInfo|saveas/YQ==");
  EXPECT_EQ(parsed("/b/k?imageInfo%7Csaveas%2FYQ==").pipeline, "imageInfo|saveas/YQ==");
}

TEST(TargetTest, ThePipelineEndsAtTheFirstAmpersand) {
  const Target target = parsed("/b/k?imageInfo&e=1&&token=t&flag&");
  EXPECT_EQ(target.pipeline, "imageInfo");
  EXPECT_THAT(target.parameters, ElementsAre(Pair("e", "1"), Pair("token", "t"), Pair("flag", "")));
}

TEST(TargetTest, APipelineThatIsNotFirstIsToldSo) {
  EXPECT_THAT(refusal("/b/k?v=3&imageView2/1/w/200"), HasSubstr("first element"));
}

TEST(TargetTest, AHostMayStandForTheBucket) {
  const auto target = parse_target("/dir/k.jpg?imageInfo", "photos");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->bucket, "photos");
  EXPECT_EQ(target->key, "dir/k.jpg");
  EXPECT_THAT(refusal("/", "photos"), HasSubstr("key is empty"));
}

TEST(TargetTest, RefusesWhatIsNoTarget) {
  EXPECT_THAT(refusal(""), HasSubstr("start with"));
  EXPECT_THAT(refusal("*"), HasSubstr("start with"));
  EXPECT_THAT(refusal("http://h/b/k"), HasSubstr("start with"));
  EXPECT_THAT(refusal("/"), HasSubstr("bucket is empty"));
  EXPECT_THAT(refusal("//k"), HasSubstr("bucket is empty"));
  EXPECT_THAT(refusal("/a%2Fb/k"), HasSubstr("slash"));
  EXPECT_THAT(refusal("/b"), HasSubstr("key is empty"));
  EXPECT_THAT(refusal("/b/"), HasSubstr("key is empty"));
  EXPECT_THAT(refusal("/b/k#x"), HasSubstr("%23"));
}

TEST(TargetTest, RefusesBrokenEscapesAndControlCharacters) {
  for (const char* text :
       {"/b/%", "/b/%4", "/b/%zz", "/%/k", "/b/k?a/%", "/b/k?%=1", "/b/k?a=%g0"}) {
    EXPECT_THAT(refusal(text), HasSubstr("hexadecimal")) << text;
  }
  for (const char* text : {"/b/%00", "/b/a%0D%0A", "/b/k?a/%00", "/b/k?attname=%0a", "/b%7f/k"}) {
    EXPECT_THAT(refusal(text), HasSubstr("control character")) << text;
  }
  EXPECT_THAT(refusal(std::string_view("/b/a\0b", 6)), HasSubstr("control character"));
}

TEST(TargetTest, RefusesAnEmptyPipelineAndANamelessParameter) {
  EXPECT_THAT(refusal("/b/k?"), HasSubstr("without a pipeline"));
  EXPECT_THAT(refusal("/b/k?&e=1"), HasSubstr("without a pipeline"));
  EXPECT_THAT(refusal("/b/k?=1"), HasSubstr("no name"));
}

TEST(PercentTest, EncodesEverythingThatIsNotUnreserved) {
  EXPECT_EQ(percent_encode_path("dir/a b%+?é~"), "dir/a%20b%25%2B%3F%C3%A9~");
  EXPECT_EQ(percent_decode("%C3%a9"), "é");
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(percent_decode(percent_encode_path(all)), all);
}

}  // namespace
}  // namespace millrace::pipeline
