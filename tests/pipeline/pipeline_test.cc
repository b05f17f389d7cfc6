// SPDX-License-Identifier: Apache-2.0
#include "pipeline/pipeline.h"

#include <gtest/gtest.h>

#include "tests/pipeline/sample_specs.h"

namespace millrace::pipeline {
namespace {

Pipeline checked(std::string_view text) { return Catalogue(sample_specs()).check(text).value(); }

TEST(CommandCallTest, GivesTypedValues) {
  const Pipeline pipeline = checked("imageView2/3/w/200/format/PNG/q/80!|facecrop2/30x40");
  const CommandCall& view = pipeline.commands.at(0);
  EXPECT_EQ(view.name(), "imageView2");
  EXPECT_EQ(view.integer("mode"), 3);
  EXPECT_EQ(view.integer("w"), 200);
  EXPECT_EQ(view.choice("format"), "png");
  ASSERT_TRUE(view.quality("q"));
  EXPECT_EQ(view.quality("q")->percent, 80);
  EXPECT_TRUE(view.quality("q")->forced);
  const CommandCall& crop = pipeline.commands.at(1);
  EXPECT_EQ(crop.name(), "facecrop");
  ASSERT_TRUE(crop.size("size"));
  EXPECT_EQ(crop.size("size")->width, 30);
  EXPECT_EQ(crop.size("size")->height, 40);
}

TEST(CommandCallTest, NeverFillsInADefault) {
  const CommandCall view = checked("imageView2/3").commands.at(0);
  EXPECT_EQ(view.integer("w"), std::nullopt);
  EXPECT_EQ(view.choice("format"), std::nullopt);
  EXPECT_FALSE(view.quality("q"));
  EXPECT_FALSE(view.size("size"));
}

TEST(PipelineTest, TellsWhetherErrorsAreIgnored) {
  EXPECT_FALSE(checked("imageView2/1/w/2").ignores_errors());
  EXPECT_FALSE(checked("imageView2/1/ignore-error/0").ignores_errors());
  EXPECT_TRUE(checked("imageInfo|facecrop/1x1/ignore-error/1").ignores_errors());
}

}  // namespace
}  // namespace millrace::pipeline
