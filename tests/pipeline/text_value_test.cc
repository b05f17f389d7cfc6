// SPDX-License-Identifier: Apache-2.0
//
// Parameters of kind Text, and those that come from the request.
#include <gtest/gtest.h>

#include "base/crypto.h"
#include "pipeline/pipeline.h"
#include "pipeline/value.h"

namespace millrace::pipeline {
namespace {

ParameterSpec text_parameter(std::int64_t min, std::int64_t max) {
  ParameterSpec spec;
  spec.name = "text";
  spec.summary = "Some text.";
  spec.kind = ParameterKind::Text;
  spec.min = min;
  spec.max = max;
  return spec;
}

CommandSpec command(ParameterSpec parameter) {
  CommandSpec spec;
  spec.name = "say";
  spec.summary = "Says it.";
  spec.named = {std::move(parameter)};
  return spec;
}

TEST(TextValueTest, IsBase64UrlWithOrWithoutPadding) {
  const ParameterSpec spec = text_parameter(1, 20);
  EXPECT_EQ(canonical_value(spec, "aGVsbG8="), "aGVsbG8=");
  EXPECT_EQ(canonical_value(spec, "aGVsbG8"), "aGVsbG8=");
  EXPECT_EQ(text_from_value("5p6X5b6u"), "林微");
  EXPECT_EQ(canonical_value(spec, "not base64!"), std::nullopt);
}

TEST(TextValueTest, HasAsManyBytesAsAllowedAndNotOneMore) {
  const ParameterSpec spec = text_parameter(2, 5);
  const auto fits = [&spec](std::size_t bytes) {
    return canonical_value(spec, base::base64url_encode(std::string(bytes, 'x'))).has_value();
  };
  EXPECT_FALSE(fits(1));
  EXPECT_TRUE(fits(2));
  EXPECT_TRUE(fits(5));
  EXPECT_FALSE(fits(6));
}

TEST(TextValueTest, IsUtf8WithoutNul) {
  for (const std::string& bad : {std::string("a\xFF"), std::string("\xC3"), std::string("a\0b", 3),
                                 std::string("\xED\xA0\x80")}) {
    EXPECT_EQ(text_from_value(base::base64url_encode(bad)), std::nullopt);
  }
}

TEST(TextValueTest, ACallGivesItDecoded) {
  const Catalogue catalogue({command(text_parameter(1, 20))});
  const auto pipeline = catalogue.check("say/text/aGVsbG8");
  ASSERT_TRUE(pipeline);
  EXPECT_EQ(pipeline->commands[0].decoded("text"), "hello");
  EXPECT_EQ(pipeline->text(), "say/text/aGVsbG8=");
  EXPECT_EQ(pipeline->commands[0].decoded("other"), std::nullopt);
  const auto refused = catalogue.check("say/text/!");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().public_message.find("1 to 20 bytes"), std::string::npos)
      << refused.error().public_message;
}

TEST(TextValueTest, MayBeOneOfSomeTexts) {
  ParameterSpec spec = text_parameter(1, 20);
  spec.choices = {"黑体", "Arial"};
  const auto value = [&spec](const std::string& text) {
    return canonical_value(spec, base::base64url_encode(text)).value_or("");
  };
  EXPECT_EQ(value("黑体"), "6buR5L2T");
  EXPECT_EQ(value("arial"), "") << "in that case alone";
  EXPECT_EQ(value("宋体"), "");
  spec.ignore_case = true;
  EXPECT_EQ(value("aRIAL"), base::base64url_encode("Arial"));
  EXPECT_EQ(allowed_values(spec), "the urlsafe base64 of one of 黑体, Arial");
  const auto back = command_spec_from_json(to_json(command(spec)));
  ASSERT_TRUE(back) << back.error().public_message;
  EXPECT_EQ(*back, command(spec));
  EXPECT_NE(to_markdown(command(spec)).find("urlsafe base64 of `黑体`, `Arial` (in any case)"),
            std::string::npos);
  spec.choices = {"a text of more than twenty bytes"};
  EXPECT_TRUE(validate(command(spec))) << "the texts themselves are the bound";
  spec.choices = {""};
  EXPECT_FALSE(validate(command(spec)));
  spec.choices = {std::string("a\0b", 3)};
  EXPECT_FALSE(validate(command(spec))) << "no text at all";
}

TEST(TextValueTest, TravelsWithItsSpec) {
  ParameterSpec parameter = text_parameter(1, 99);
  parameter.from_request = true;
  const CommandSpec spec = command(parameter);
  const auto again = command_spec_from_json(to_json(spec));
  ASSERT_TRUE(again) << again.error().public_message;
  EXPECT_EQ(*again, spec);
}

TEST(TextValueTest, WhatComesFromTheRequestIsAText) {
  ParameterSpec parameter = text_parameter(1, 99);
  parameter.from_request = true;
  EXPECT_TRUE(validate(command(parameter)));
  parameter.kind = ParameterKind::Integer;
  EXPECT_FALSE(validate(command(parameter)));
}

TEST(TextValueTest, ThePageDoesNotInviteToWriteWhatComesFromTheRequest) {
  ParameterSpec parameter = text_parameter(1, 99);
  EXPECT_NE(to_markdown(command(parameter)).find("say[/text/<text>]"), std::string::npos);
  parameter.from_request = true;
  const std::string page = to_markdown(command(parameter));
  EXPECT_EQ(page.find("say[/text"), std::string::npos);
  EXPECT_NE(page.find("cannot be given"), std::string::npos);
}

}  // namespace
}  // namespace millrace::pipeline
