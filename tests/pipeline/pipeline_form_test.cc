// SPDX-License-Identifier: Apache-2.0
#include "pipeline/pipeline_form.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::pipeline {
namespace {

using testing::HasSubstr;

std::string refusal(std::string_view text) {
  const auto checked = check_pipeline_form(text);
  if (checked) return "";
  EXPECT_EQ(checked.error().reason, base::Reason::BadParameter);
  return checked.error().public_message;
}

TEST(PipelineFormTest, TakesWhatMayBeAPipeline) {
  for (const char* text :
       {"imageView2/2/w/100", "imageView2/2/w/100/", "imageInfo", "imageMogr2/thumbnail/200x300>",
        "a/b|c/d|e", "watermark/2/text/5L2g5aW9/", "x/!50p", "x/\xe7\x85\xa7", "x/10%", "x/%zz",
        "imageMogr2/size-limit/$(fsize)!"}) {
    EXPECT_EQ(refusal(text), "") << text;
  }
}

TEST(PipelineFormTest, SaysWhatCannotBeOne) {
  EXPECT_THAT(refusal(""), HasSubstr("is empty"));
  EXPECT_THAT(refusal("a||b"), HasSubstr("one \"|\" between"));
  EXPECT_THAT(refusal("|a"), HasSubstr("is empty"));
  EXPECT_THAT(refusal("a|"), HasSubstr("is empty"));
  EXPECT_THAT(refusal("/"), HasSubstr("is empty"));
  EXPECT_THAT(refusal("a//b"), HasSubstr("side by side"));
  EXPECT_THAT(refusal("a/b//"), HasSubstr("one too many"));
  EXPECT_THAT(refusal("im age/2"), HasSubstr("\"im age\" is no name"));
  EXPECT_THAT(refusal("w=100"), HasSubstr("no name of a command"));
  EXPECT_THAT(refusal("a/b&attname=c"), HasSubstr("before \"&\""));
  EXPECT_THAT(refusal("a/b%7Cc/d"), HasSubstr("without \"%7C\""));
  EXPECT_THAT(refusal("a/b\n"), HasSubstr("control characters"));
  EXPECT_THAT(refusal("a/\xff"), HasSubstr("UTF-8"));
}

TEST(PipelineFormTest, KeepsTheLimits) {
  const std::string longest = "a/" + std::string(4'094, '1');
  EXPECT_EQ(refusal(longest), "");
  EXPECT_THAT(refusal(longest + "1"), HasSubstr("at most 4096"));
  std::string most = "a";
  for (int i = 1; i < 16; ++i) most += "|a";
  EXPECT_EQ(refusal(most), "");
  EXPECT_THAT(refusal(most + "|a"), HasSubstr("at most 16"));
  const std::string name(64, 'n');
  EXPECT_EQ(refusal(name), "");
  EXPECT_THAT(refusal(name + "n"), HasSubstr("no name of a command"));
}

}  // namespace
}  // namespace millrace::pipeline
