// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/task_features.h"

#include <utility>

#include <gtest/gtest.h>

#include "pipeline/picture.h"
namespace millrace::agent {
namespace {

pipeline::CommandSpec view_spec() {
  pipeline::CommandSpec spec;
  spec.name = "view";
  pipeline::ParameterSpec mode;
  mode.name = "mode";
  mode.summary = "Which.";
  mode.max = 5;
  mode.required = true;
  spec.positional = {mode};
  for (const char* name : {"w", "h", "q", "interlace"}) {
    pipeline::ParameterSpec side;
    side.name = name;
    side.summary = "Px.";
    side.max = 30'000;
    if (side.name == "q") {
      side.kind = pipeline::ParameterKind::Quality;
      side.choices = {"auto"};
    }
    spec.named.push_back(side);
  }
  pipeline::ParameterSpec format;
  format.name = "format";
  format.summary = "Of the result.";
  format.kind = pipeline::ParameterKind::Choice;
  format.choices = {"jpg",           "webp",      "auto",     "auto.avif.webp",
                    "auto.jxl.webp", "auto.webp", "best.webp"};
  spec.named.push_back(format);
  spec.gives = "image";
  return spec;
}

pipeline::CommandSpec crop_spec() {
  pipeline::CommandSpec spec;
  spec.name = "crop";
  pipeline::ParameterSpec size;
  size.name = "size";
  size.summary = "Of the result.";
  size.kind = pipeline::ParameterKind::Size;
  size.min = 1;
  size.max = 9'999;
  size.required = true;
  spec.positional = {size};
  spec.gives = "image";
  return spec;
}

pipeline::CommandSpec steps_spec() {
  pipeline::CommandSpec spec;
  spec.name = "steps";
  spec.order_matters = true;
  pipeline::ParameterSpec size;
  size.name = "thumbnail";
  size.kind = pipeline::ParameterKind::Form;
  size.forms = {{"<w>x", {{"w", 1, 9'999}}, ""},
                {"<w>x<h>", {{"w", 1, 9'999}, {"h", 1, 9'999}}, ""},
                {"!<n>p", {{"n", 1, 999}}, ""}};
  size.repeatable = true;
  pipeline::ParameterSpec orient;
  orient.name = "auto-orient";
  orient.kind = pipeline::ParameterKind::Flag;
  pipeline::ParameterSpec color;
  color.name = "background";
  color.kind = pipeline::ParameterKind::Color;
  color.anywhere = true;
  spec.named = {size, orient, color};
  spec.gives = "image";
  return spec;
}

pipeline::CommandSpec tell_spec() {
  pipeline::CommandSpec spec;
  spec.name = "tell";
  spec.gives = "json";
  pipeline::ParameterSpec as;
  as.name = "as";
  as.summary = "How.";
  as.kind = pipeline::ParameterKind::Choice;
  as.choices = {"json", "header"};
  spec.named = {as};
  return spec;
}

TaskFeatures features(const std::string& plan, int orientation = 1) {
  const pipeline::Catalogue catalogue({view_spec(), crop_spec(), steps_spec(), tell_spec()});
  ipc::Probe probe;
  probe.format = "jpeg";
  probe.width = 4'000;
  probe.height = 3'000;
  probe.orientation = orientation;
  const auto checked = catalogue.check(plan);
  EXPECT_TRUE(checked) << plan;
  return features_of(probe, checked.value(), catalogue);
}

TEST(TaskFeaturesTest, ReadsBoundsFromSides) {
  EXPECT_EQ(features("view/1/w/200/h/100").result_px, 20'000);
  EXPECT_EQ(features("view/2/w/400").result_px, 400 * 300);
  EXPECT_EQ(features("view/2/h/400/format/webp").result_px, 400 * 400 * 4 / 3.0);
  EXPECT_EQ(features("view/2/w/9000").result_px, 12e6) << "never enlarged";
  EXPECT_EQ(features("view/2/w/400", 6).result_px, 400 * 400 * 4 / 3.0) << "turned by 90 degrees";
}

TEST(TaskFeaturesTest, ReadsSizesAndFollowsTheChain) {
  EXPECT_EQ(features("crop/320x160").result_px, 320 * 160);
  const TaskFeatures chain = features("crop/300x200|view/2/w/60/format/jpg");
  EXPECT_EQ(chain.result_px, 60 * 40);
  EXPECT_EQ(chain.source_px, 12e6);
  EXPECT_EQ(chain.format_out, "jpeg");
  EXPECT_EQ(chain.chain, "crop|view/2");
}

TEST(TaskFeaturesTest, ASearchIsNoPlainTask) {
  EXPECT_EQ(features("view/2/w/400/format/best.webp").format_out, "best.webp");
  EXPECT_EQ(features("view/2/w/400/q/80").chain, "view/2");
  EXPECT_EQ(features("view/2/w/400/q/80!").chain, "view/2");
  EXPECT_EQ(features("view/2/w/400/q/auto").chain, "view/2/q/auto");
}

TEST(TaskFeaturesTest, AnAutoFormatIsReckonedAsTheDearestThatItMayBecome) {
  EXPECT_EQ(features("view/2/w/400/format/auto.avif.webp").format_out, "avif");
  EXPECT_EQ(features("view/2/w/400/format/auto.jxl.webp").format_out, "jxl");
  EXPECT_EQ(features("view/2/w/400/format/auto.webp").format_out, "webp");
  EXPECT_EQ(features("view/2/w/400/format/auto").format_out, "") << "the kind of the source";
}

TEST(TaskFeaturesTest, TheNameHasWhatIsNoSize) {
  EXPECT_EQ(features("view/2/w/400/q/80/interlace/1").chain, "view/2/interlace/1");
  EXPECT_EQ(features("view/2/w/400").chain, features("view/2/w/17").chain);
}

TEST(TaskFeaturesTest, ReadsStepsInTheirOrderAndNamesTheirForms) {
  const TaskFeatures steps =
      features("steps/auto-orient/thumbnail/400x/background/cmVk/thumbnail/100x200");
  EXPECT_EQ(steps.chain, "steps/auto-orient/thumbnail/<w>x/thumbnail/<w>x<h>");
  EXPECT_EQ(steps.result_px, 100 * 200);
  EXPECT_EQ(features("steps/thumbnail/400x").result_px, 400 * 300);
  EXPECT_EQ(features("steps/thumbnail/!50p").chain, features("steps/thumbnail/!7p").chain);
}

TEST(TaskFeaturesTest, OtherPicturesCountByTheirNumberAndTheirPixels) {
  pipeline::CommandSpec spec;
  spec.name = "join";
  spec.order_matters = true;
  pipeline::ParameterSpec key;
  key.name = "key";
  key.kind = pipeline::ParameterKind::Picture;
  key.repeatable = true;
  spec.named = {key};
  const pipeline::Catalogue catalogue({spec});
  ipc::Probe probe;
  probe.width = 400;
  probe.height = 300;
  ipc::Probe other;
  other.width = 20;
  other.height = 10;
  const std::string a = "/key/" + pipeline::picture_value("b", "a");
  const std::string b = "/key/" + pipeline::picture_value("b", "b");
  const auto both = features_of(probe, *catalogue.check("join" + a + b), catalogue, {other, other});
  EXPECT_EQ(both.source_px, 400 * 300 + 2 * 20 * 10);
  EXPECT_EQ(both.chain, "join/key/key");
  EXPECT_EQ(features_of(probe, *catalogue.check("join" + b), catalogue, {other}).chain, "join/key");
}

TEST(TaskFeaturesTest, WhatGivesNoPictureCostsNone) {
  EXPECT_EQ(features("tell").result_px, 0);
  EXPECT_EQ(features("crop/320x160|tell/as/json").result_px, 0);
  EXPECT_EQ(features("crop/320x160|tell/as/header").result_px, 320 * 160)
      << "a header field rides on the picture";
}

}  // namespace
}  // namespace millrace::agent
