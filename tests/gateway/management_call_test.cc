// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/management_api.h"

namespace millrace::gateway {
namespace {

using Kind = ManagementCall::Kind;
using testing::HasSubstr;

std::string refusal(const std::string& target) {
  const auto call = parse_management_call(target);
  if (call) return "";
  EXPECT_EQ(call.error().reason, base::Reason::BadTarget);
  return call.error().public_message;
}

TEST(ManagementCallTest, ReadsTheFourCalls) {
  // thumb, imageView2/2/w/100
  const auto style =
      parse_management_call("/style/photos/name/dGh1bWI=/style/aW1hZ2VWaWV3Mi8yL3cvMTAw");
  ASSERT_TRUE(style) << style.error().public_message;
  EXPECT_EQ(style->kind, Kind::Style);
  EXPECT_EQ(style->bucket, "photos");
  EXPECT_EQ(style->style, "thumb");
  EXPECT_EQ(style->pipeline, "imageView2/2/w/100");

  const auto unstyle = parse_management_call("/unstyle/my%2Dphotos/name/dGh1bWI?x=1");
  ASSERT_TRUE(unstyle) << unstyle.error().public_message;
  EXPECT_EQ(unstyle->kind, Kind::Unstyle);
  EXPECT_EQ(unstyle->bucket, "my-photos");
  EXPECT_EQ(unstyle->style, "thumb") << "without padding";

  const auto separator = parse_management_call("/separator/photos/sep/LSE=");
  ASSERT_TRUE(separator) << separator.error().public_message;
  EXPECT_EQ(separator->kind, Kind::Separator);
  EXPECT_EQ(separator->separators, "-!");

  for (const bool on : {false, true}) {
    const auto mode =
        parse_management_call("/accessMode/photos/mode/" + std::string(on ? "1" : "0"));
    ASSERT_TRUE(mode) << mode.error().public_message;
    EXPECT_EQ(mode->kind, Kind::AccessMode);
    EXPECT_EQ(mode->protect, on);
  }
}

TEST(ManagementCallTest, SaysWhatIsWrongAndTheForm) {
  EXPECT_THAT(refusal("/style"), HasSubstr("/style/<bucket>/name/<base64 name>/style/"));
  EXPECT_THAT(refusal("/style/"), HasSubstr("There is no bucket"));
  EXPECT_THAT(refusal("/style/photos"), HasSubstr("There is no name where it belongs"));
  EXPECT_THAT(refusal("/style/photos/name"), HasSubstr("There is no name"));
  EXPECT_THAT(refusal("/style/photos/name/dGh1bWI="), HasSubstr("There is no style"));
  EXPECT_THAT(refusal("/style/photos/style/YQ==/name/YQ=="), HasSubstr("There is no name"));
  EXPECT_THAT(refusal("/style/photos/name/a+b=/style/YQ=="), HasSubstr("name is not URL-safe"));
  EXPECT_THAT(refusal("/style/photos/name/YQ==/style/%21"), HasSubstr("style is not URL-safe"));
  EXPECT_THAT(refusal("/style/photos/name/YQ==/style/YQ==/"), HasSubstr("more behind it"));
  EXPECT_THAT(refusal("/style/%zz/name/YQ==/style/YQ=="), HasSubstr("no bucket"));
  EXPECT_THAT(refusal("/unstyle/photos/name/YQ==/x"), HasSubstr("more behind it"));
  EXPECT_THAT(refusal("/separator/photos/sep/-!"), HasSubstr("sep is not URL-safe"));
  EXPECT_THAT(refusal("/separator/photos/separator/LQ=="), HasSubstr("There is no sep"));
  for (const char* mode : {"2", "", "01", "true"}) {
    EXPECT_THAT(refusal("/accessMode/photos/mode/" + std::string(mode)), HasSubstr("0 or 1"));
  }
  EXPECT_THAT(refusal("/styles/photos"), HasSubstr("no call"));
  EXPECT_THAT(refusal(""), HasSubstr("no call"));
}

}  // namespace
}  // namespace millrace::gateway
