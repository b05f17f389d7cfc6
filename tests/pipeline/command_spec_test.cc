// SPDX-License-Identifier: Apache-2.0
#include "pipeline/command_spec.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/pipeline/sample_specs.h"

namespace millrace::pipeline {
namespace {

using ::testing::HasSubstr;

TEST(CommandSpecTest, SurvivesJson) {
  for (const CommandSpec& spec : sample_specs()) {
    const auto back = command_spec_from_json(to_json(spec));
    ASSERT_TRUE(back) << back.error().public_message;
    EXPECT_EQ(*back, spec) << spec.name;
  }
}

TEST(CommandSpecTest, IgnoresFieldsOfANewerSide) {
  std::string json = to_json(sample_specs().at(0));
  json.insert(1, R"("colour":"blue",)");
  const auto back = command_spec_from_json(json);
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, sample_specs().at(0));
}

TEST(CommandSpecTest, RefusesWhatItCannotUnderstand) {
  for (
      const char* json :
      {"", "[]", "{", R"({"version":2,"name":"a","kind":"image"})",
       R"({"version":1,"kind":"image"})", R"({"version":1,"name":7,"kind":"image"})",
       R"({"version":1,"name":"a","kind":"image","named":[{"name":"x","kind":"colour"}]})",
       R"({"version":1,"name":"a","kind":"image","named":[{"name":"x","kind":"integer"}]})",
       R"({"version":1,"name":"a","kind":"image","named":[3]})",
       R"({"version":1,"name":"a","kind":"image","named":{}})",
       R"({"version":1,"name":"a","kind":"image","named":[{"name":"x","kind":"form"}]})",
       R"({"version":1,"name":"a","kind":"image","named":[{"name":"x","kind":"form","forms":[]}]})",
       R"({"version":1,"name":"a","kind":"image","named":[{"name":"x","kind":"form",)"
       R"("forms":[{"text":"<n>","numbers":[]}]}]})",
       R"({"version":1,"name":"a/b","kind":"image"})"}) {
    const auto read = command_spec_from_json(json);
    ASSERT_FALSE(read) << json;
    EXPECT_EQ(read.error().reason, base::Reason::Internal);
  }
}

TEST(CommandSpecTest, ValidatesSpecs) {
  for (const CommandSpec& spec : sample_specs()) EXPECT_TRUE(validate(spec)) << spec.name;
  CommandSpec spec = sample_specs().at(0);
  spec.named.push_back(spec.named.front());
  EXPECT_THAT(validate(spec).error().public_message, HasSubstr("twice"));
  spec = sample_specs().at(0);
  spec.named.front().min = 10'000;
  EXPECT_THAT(validate(spec).error().public_message, HasSubstr("nothing in it"));
  spec = sample_specs().at(0);
  spec.positional.insert(spec.positional.begin(), sample_specs().at(4).positional.front());
  EXPECT_THAT(validate(spec).error().public_message, HasSubstr("follows an optional"));
  spec = sample_specs().at(0);
  spec.named.at(2).choices = {"a|b"};
  EXPECT_FALSE(validate(spec));
  spec.named.at(2).choices.clear();
  EXPECT_FALSE(validate(spec));
  spec = sample_specs().at(0);
  spec.named.front().repeatable = true;
  EXPECT_THAT(validate(spec).error().public_message, HasSubstr("order that does not matter"));
  spec = sample_specs().at(3);
  spec.positional = {spec.named.front()};
  spec.named.erase(spec.named.begin());
  EXPECT_THAT(validate(spec).error().public_message, HasSubstr("fixed place"));
}

TEST(CommandSpecTest, ValidatesForms) {
  const FormNumber n{"n", 0, 9};
  EXPECT_TRUE(validate(ValueForm{"<n>", {n}, ""}));
  EXPECT_TRUE(validate(ValueForm{"<n><", {n}, ""}));
  EXPECT_TRUE(validate(ValueForm{"<n><n>", {n, {"n", 0, 9, 0, true}}, ""}));
  for (const ValueForm& form :
       {ValueForm{"", {}, ""}, ValueForm{"a/b", {}, ""}, ValueForm{"<n>", {}, ""},
        ValueForm{"<m>", {n}, ""}, ValueForm{"<n>", {n, n}, ""}, ValueForm{"<n><n>", {n, n}, ""},
        ValueForm{"<n>", {{"n", 5, 4}}, ""}, ValueForm{"<n>", {{"n", -1, 4}}, ""},
        ValueForm{"<n>", {{"n", 0, 1'000'000'000}}, ""}, ValueForm{"<n>", {{"n", 0, 4, 4}}, ""}}) {
    EXPECT_FALSE(validate(form)) << form.text;
  }
}

TEST(CommandSpecTest, MarkdownHasUsageBoundsAndExamples) {
  const std::string page = to_markdown(sample_specs().at(0));
  EXPECT_THAT(page, HasSubstr("# imageView2\n"));
  EXPECT_THAT(page, HasSubstr("    imageView2/<mode>[/w/<w>][/h/<h>]"));
  EXPECT_THAT(page, HasSubstr("| `w/<w>` | a whole number from 1 to 9999 (px) | none |"));
  EXPECT_THAT(page, HasSubstr("`jpg`, `png`, `webp` (in any case)"));
  EXPECT_THAT(page, HasSubstr("| `75` |"));
  EXPECT_THAT(page, HasSubstr("| `imageView2/1/w/200/h/200` | A square of 200 pixels. |"));
  EXPECT_THAT(to_markdown(sample_specs().at(1)),
              HasSubstr("facecrop/<width>x<height>[/ignore-error"));
  EXPECT_THAT(to_markdown(sample_specs().at(1)), HasSubstr("Also known as `facecrop2`."));
  EXPECT_THAT(to_markdown(sample_specs().at(2)), HasSubstr("None."));
}

TEST(CommandSpecTest, MarkdownTellsOfOrderFormsAndColours) {
  const std::string page = to_markdown(sample_specs().at(3));
  EXPECT_THAT(page, HasSubstr("    imageMogr2[/auto-orient][/rotate/<rotate>]"));
  EXPECT_THAT(page, HasSubstr("| `auto-orient` | alone, without a value | none | A flag. |"));
  EXPECT_THAT(page, HasSubstr("several times, each at its place: `thumbnail`."));
  EXPECT_THAT(page, HasSubstr("wherever they stand: `background`, `format`."));
  EXPECT_THAT(page, HasSubstr("| `<w>x<h>>` | w 1 to 9999, h 1 to 9999 | Only if it shrinks. |"));
  EXPECT_THAT(page, HasSubstr("dx ±0 to 500"));
  EXPECT_THAT(page, HasSubstr("`gray` (#7e7e7e)"));
}

}  // namespace
}  // namespace millrace::pipeline
