// SPDX-License-Identifier: Apache-2.0
//
// What a command foretells is what comes out: for pipelines drawn at random, over pictures of all
// orientations.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/crypto.h"
#include "pipeline/picture.h"
#include "pipeline/pipeline.h"
#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"

namespace millrace::workers::image {
namespace {

constexpr int kPipelines = 2'000;
constexpr int kDrawsMax = 5 * kPipelines;

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  int number(int min, int max) {
    return min + static_cast<int>(engine_() % static_cast<unsigned>(max - min + 1));
  }
  template <class T>
  const T& one_of(const std::vector<T>& things) {
    return things[engine_() % things.size()];
  }

 private:
  std::mt19937 engine_;
};

// A value for one number of a form: mostly small, so that the pictures stay so.
std::string digits(Dice& dice, const pipeline::FormNumber& number) {
  const auto min = static_cast<int>(number.min);
  const auto max = static_cast<int>(std::min<std::int64_t>(number.max, 150));
  const int whole = dice.number(min, std::max(min, max));
  std::string text = std::to_string(whole);
  if (number.decimals_max > 0 && whole < number.max) {
    text += "." + std::to_string(dice.number(1, 9));
  }
  if (number.is_offset) text = (dice.number(0, 1) == 0 ? "a" : "-") + text;
  return text;
}

std::string form_value(Dice& dice, const pipeline::ParameterSpec& spec) {
  const pipeline::ValueForm& form = dice.one_of(spec.forms);
  std::string text = form.text;
  for (const pipeline::FormNumber& number : form.numbers) {
    const std::string name = "<" + number.name + ">";
    text.replace(text.find(name), name.size(), digits(dice, number));
  }
  return text;
}

std::string value(Dice& dice, const pipeline::ParameterSpec& spec) {
  switch (spec.kind) {
    case pipeline::ParameterKind::Integer:
      return std::to_string(dice.number(static_cast<int>(spec.min),
                                        static_cast<int>(std::min<std::int64_t>(spec.max, 400))));
    case pipeline::ParameterKind::Choice:
      return dice.one_of(spec.choices);
    case pipeline::ParameterKind::Quality:
      if (!spec.choices.empty() && dice.number(1, 8) == 1) return dice.one_of(spec.choices);
      return std::to_string(dice.number(1, 100)) + (dice.number(0, 1) == 0 ? "!" : "");
    case pipeline::ParameterKind::Size:
      return std::to_string(dice.number(1, 120)) + "x" + std::to_string(dice.number(1, 120));
    case pipeline::ParameterKind::Form:
      return form_value(dice, spec);
    case pipeline::ParameterKind::Color:
      return pipeline::value_of(pipeline::Color{static_cast<std::uint8_t>(dice.number(0, 255)), 9,
                                                99,
                                                static_cast<std::uint8_t>(dice.number(0, 255))});
    case pipeline::ParameterKind::Text:
      return base::base64url_encode(spec.choices.empty() ? "text" : dice.one_of(spec.choices));
    case pipeline::ParameterKind::Picture:
      return pipeline::picture_value("others", std::to_string(dice.number(1, 3)));
    case pipeline::ParameterKind::Flag:
      break;
  }
  return "";
}

std::string command(Dice& dice, const pipeline::CommandSpec& spec) {
  std::string text = spec.name;
  for (const auto& parameter : spec.positional) text += "/" + value(dice, parameter);
  std::vector<std::string> given;
  for (const pipeline::ParameterSpec& parameter : spec.named) {
    if (!parameter.required) continue;
    given.push_back(parameter.name);
    const std::string text_of_value = value(dice, parameter);
    text += "/" + parameter.name + (text_of_value.empty() ? "" : "/" + text_of_value);
  }
  for (int i = dice.number(1, 4); i > 0 && !spec.named.empty(); --i) {
    const pipeline::ParameterSpec& parameter = dice.one_of(spec.named);
    // A failure is what is looked for; whether a file fits only its bytes tell.
    if (parameter.name == "ignore-error" || parameter.name == "max-bytes") continue;
    if (std::ranges::count(given, parameter.name) > 0) continue;
    const std::string text_of_value = value(dice, parameter);
    // They take their time.
    const bool slow = text_of_value.find("avif") != std::string::npos || text_of_value == "heic";
    if (slow && dice.number(0, 4) > 0) continue;
    given.push_back(parameter.name);
    text += "/" + parameter.name + (text_of_value.empty() ? "" : "/" + text_of_value);
  }
  return text;
}

std::string picture(Dice& dice) {
  const int width = dice.number(1, 200);
  const int height = dice.number(1, 200);
  switch (dice.number(0, 9)) {
    case 0:
    case 1:
      return make_file(make_photo_with_alpha(width, height), ".png");
    case 2:
      return make_file(make_photo(width, height), ".webp");
    case 3:
      return make_file(make_photo_with_alpha(width, height), ".gif");
    case 4:
      return make_file(make_photo(width, height), ".tif");
    case 5:
      return make_file(make_photo(width, height).colourspace(VIPS_INTERPRETATION_RGB16), ".png");
    default:
      return make_oriented_jpeg(width, height, dice.number(1, 8));
  }
}

// By libvips, of the two kinds that it may not read here by their headers.
Size size_of_file(const Variant& variant) {
  const std::string& type = variant.outcome.media_type;
  if (type == "image/jxl" || type == "image/bmp") {
    const auto header = probe(variant.file);
    return header ? Size{header->width, header->height} : Size{};
  }
  const auto made = vips::VImage::new_from_buffer(variant.file.data(), variant.file.size(), "");
  return {made.width(), made.height()};
}

// The files of the other pictures that it names.
std::vector<std::string> others_of(const pipeline::Pipeline& pipeline) {
  static const std::string file = make_file(make_photo_with_alpha(40, 30), ".png");
  return std::vector<std::string>(pipeline::pictures_of(pipeline).size(), file);
}

// Whether the pipeline gave a picture of a size that was foretold.
bool holds_for(const std::string& source, const pipeline::Pipeline& pipeline) {
  const auto seen = probe(source);
  if (!seen) return false;
  const std::string text = pipeline.text();
  const auto plan = test_worker().plan(pipeline, {{seen->width, seen->height}, seen->orientation});
  const auto variant = run_pipeline(source, text, others_of(pipeline));
  if (!plan) {
    EXPECT_FALSE(variant) << text;
    if (!variant) EXPECT_EQ(variant.error().reason, plan.error().reason) << text;
    return false;
  }
  if (!variant) {
    // Limits are no part of a plan, and what it does not know it cannot refuse.
    const bool expected = variant.error().reason == base::Reason::ResultTooLarge ||
                          (!*plan && variant.error().reason == base::Reason::BadParameter);
    EXPECT_TRUE(expected) << text << ": " << variant.error().public_message
                          << variant.error().detail;
    return false;
  }
  const Size made = size_of_file(*variant);
  EXPECT_EQ((Size{variant->outcome.width, variant->outcome.height}), made) << text;
  if (!*plan) return false;
  EXPECT_EQ(made, **plan) << text << " on " << seen->width << "x" << seen->height;
  return true;
}

TEST(PlanTest, ForetellsTheSizeOfRandomPipelines) {
  std::vector<pipeline::CommandSpec> specs;
  for (const auto& spec : test_worker().commands()) {
    // What takes any file refuses most pictures.
    const bool takes_pictures = std::ranges::count(spec.takes, "image") > 0;
    if (spec.gives == "image" && takes_pictures) specs.push_back(spec);
  }
  const pipeline::Catalogue catalogue(test_worker().commands());
  Dice dice(20'260'727);
  int foretold = 0;
  for (int i = 0; i < kDrawsMax && foretold < kPipelines && !HasFailure(); ++i) {
    std::string text = command(dice, dice.one_of(specs));
    for (int more = dice.number(0, 2); more > 0; --more) {
      text += "|" + command(dice, dice.one_of(specs));
    }
    const auto checked = catalogue.check(text);
    ASSERT_TRUE(checked) << text << ": " << checked.error().public_message;
    if (holds_for(picture(dice), *checked)) ++foretold;
  }
  EXPECT_EQ(foretold, kPipelines);
}

TEST(PlanTest, DoesNotKnowWhatDependsOnBytes) {
  const pipeline::Catalogue catalogue(test_worker().commands());
  const auto plan = [&](const char* text) {
    return test_worker().plan(*catalogue.check(text), {{640, 427}, 6});
  };
  EXPECT_EQ(*plan("imageMogr2/thumbnail/320x/size-limit/5k!"), std::nullopt);
  EXPECT_EQ(*plan("imageInfo"), std::nullopt);
  EXPECT_EQ(*plan("imageMogr2/thumbnail/320x"), (Size{320, 214}));
  EXPECT_EQ(*plan("imageView2/2/w/320"), (Size{320, 480}));
  EXPECT_EQ(*plan("imageMogr2/thumbnail/320x|imageView2/2/w/107"), (Size{107, 160}));
  EXPECT_EQ(*plan("imageMogr2/thumbnail/320x/strip|imageView2/2/w/160"), (Size{160, 107}));
  EXPECT_EQ(plan("imageMogr2/crop/!5x5a640a0").error().reason, base::Reason::BadParameter);
}

}  // namespace
}  // namespace millrace::workers::image
