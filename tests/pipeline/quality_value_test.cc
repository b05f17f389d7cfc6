// SPDX-License-Identifier: Apache-2.0

// A quality that is a number or one of a few words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/pipeline.h"

namespace millrace::pipeline {
namespace {

using testing::HasSubstr;

CommandSpec shrink(std::vector<std::string> words) {
  ParameterSpec quality;
  quality.name = "q";
  quality.summary = "The quality.";
  quality.kind = ParameterKind::Quality;
  quality.min = 1;
  quality.max = 100;
  quality.choices = std::move(words);
  CommandSpec spec;
  spec.name = "shrink";
  spec.summary = "Shrinks.";
  spec.named = {quality};
  spec.takes = {"image"};
  spec.gives = "image";
  return spec;
}

TEST(QualityValueTest, IsANumberOrAWord) {
  const Catalogue catalogue({shrink({"auto", "auto.high"})});
  for (const char* text : {"shrink/q/auto", "shrink/q/auto.high", "shrink/q/1", "shrink/q/100!"}) {
    const auto checked = catalogue.check(text);
    ASSERT_TRUE(checked) << checked.error().public_message;
    EXPECT_EQ(checked->text(), text);
  }
  const auto word = catalogue.check("shrink/q/auto.high");
  EXPECT_FALSE(word->commands[0].quality("q")) << "a word is no number";
  EXPECT_EQ(word->commands[0].choice("q"), "auto.high");
  EXPECT_EQ(catalogue.check("shrink/q/80!")->commands[0].quality("q")->percent, 80);
}

TEST(QualityValueTest, RefusesOtherWordsAndSaysWhichThereAre) {
  const Catalogue catalogue({shrink({"auto", "auto.high"})});
  for (const char* value : {"auto!", "AUTO", "best", "0", "101", "auto."}) {
    const auto checked = catalogue.check(std::string("shrink/q/") + value);
    ASSERT_FALSE(checked) << value;
    EXPECT_THAT(checked.error().public_message, HasSubstr("auto, auto.high")) << value;
  }
  EXPECT_FALSE(Catalogue({shrink({})}).check("shrink/q/auto"));
}

TEST(QualityValueTest, WordsTravelWithTheSpec) {
  for (const CommandSpec& spec : {shrink({"auto"}), shrink({})}) {
    const auto read = command_spec_from_json(to_json(spec));
    ASSERT_TRUE(read) << read.error().public_message;
    EXPECT_EQ(*read, spec);
  }
  EXPECT_THAT(to_markdown(shrink({"auto"})), HasSubstr("; or auto"));
}

TEST(QualityValueTest, RefusesSpecsWithImpossibleWords) {
  EXPECT_FALSE(validate(shrink({"a/b"})));
  EXPECT_FALSE(validate(shrink({""})));
  EXPECT_FALSE(validate(shrink(std::vector<std::string>(257, "a"))));
  EXPECT_TRUE(validate(shrink(std::vector<std::string>(256, "a"))));
}

}  // namespace
}  // namespace millrace::pipeline
