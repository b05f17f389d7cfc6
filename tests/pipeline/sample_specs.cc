// SPDX-License-Identifier: Apache-2.0
#include "tests/pipeline/sample_specs.h"

namespace millrace::pipeline {
namespace {

ParameterSpec number(std::string name, std::int64_t min, std::int64_t max, std::string unit = "") {
  ParameterSpec spec;
  spec.summary = "A number.";
  spec.name = std::move(name);
  spec.kind = ParameterKind::Integer;
  spec.min = min;
  spec.max = max;
  spec.unit = std::move(unit);
  return spec;
}

ParameterSpec choice(std::string name, std::vector<std::string> choices, bool ignore_case) {
  ParameterSpec spec;
  spec.summary = "A choice.";
  spec.name = std::move(name);
  spec.kind = ParameterKind::Choice;
  spec.choices = std::move(choices);
  spec.ignore_case = ignore_case;
  return spec;
}

CommandSpec view() {
  CommandSpec spec;
  spec.name = "imageView2";
  spec.summary = "Scales and crops.";
  ParameterSpec mode = number("mode", 0, 5);
  mode.required = true;
  spec.positional = {mode};
  ParameterSpec quality = number("q", 1, 100);
  quality.kind = ParameterKind::Quality;
  quality.default_text = "75";
  spec.named = {number("w", 1, 9999, "px"),
                number("h", 1, 9999, "px"),
                choice("format", {"jpg", "png", "webp"}, true),
                choice("interlace", {"0", "1"}, false),
                quality,
                choice("colors", {"2", "4", "8", "16"}, false),
                choice("ignore-error", {"0", "1"}, false)};
  spec.takes = {"image"};
  spec.gives = "image";
  spec.examples = {{"imageView2/1/w/200/h/200", "A square of 200 pixels."}};
  return spec;
}

CommandSpec crop() {
  CommandSpec spec;
  spec.name = "facecrop";
  spec.aliases = {"facecrop2"};
  spec.summary = "Crops to faces.";
  ParameterSpec size = number("size", 1, 9999, "px");
  size.kind = ParameterKind::Size;
  size.required = true;
  spec.positional = {size};
  spec.named = {choice("ignore-error", {"0", "1"}, false)};
  spec.takes = {"image"};
  spec.gives = "image";
  return spec;
}

CommandSpec info() {
  CommandSpec spec;
  spec.name = "imageInfo";
  spec.summary = "Says what a picture is.";
  spec.takes = {"image"};
  spec.gives = "json";
  return spec;
}

ParameterSpec resizing() {
  ParameterSpec spec;
  spec.summary = "A size.";
  spec.name = "thumbnail";
  spec.kind = ParameterKind::Form;
  spec.forms = {
      {"!<n>p", {{"n", 1, 999}}, "Both sides at n %."},
      {"<w>x", {{"w", 1, 9999}}, "That width."},
      {"<w>x<h>", {{"w", 1, 9999}, {"h", 1, 9999}}, "Fits inside."},
      {"<w>x<h><", {{"w", 1, 9999}, {"h", 1, 9999}}, "Only if it enlarges."},
      {"<w>x<h>>", {{"w", 1, 9999}, {"h", 1, 9999}}, "Only if it shrinks."},
      {"!<w>x<dx><dy>",
       {{"w", 0, 9999}, {"dx", 0, 500, 0, true}, {"dy", 0, 500, 0, true}},
       "With an offset."},
      {"s<sigma>", {{"sigma", 0, 10, 2}}, "With a fraction."},
      {"$(fsize)", {}, "A word of its own."},
  };
  spec.repeatable = true;
  return spec;
}

ParameterSpec flag(std::string name) {
  ParameterSpec spec;
  spec.summary = "A flag.";
  spec.name = std::move(name);
  spec.kind = ParameterKind::Flag;
  return spec;
}

CommandSpec ordered() {
  CommandSpec spec;
  spec.name = "imageMogr2";
  spec.summary = "One thing after the other.";
  spec.order_matters = true;
  ParameterSpec background;
  background.summary = "A colour.";
  background.name = "background";
  background.kind = ParameterKind::Color;
  background.anywhere = true;
  ParameterSpec format = choice("format", {"jpg", "png"}, true);
  format.anywhere = true;
  spec.named = {flag("auto-orient"),
                number("rotate", -360, 360, "degrees"),
                number("blur", 1, 50, "px"),
                resizing(),
                background,
                format};
  return spec;
}

CommandSpec frame() {
  CommandSpec spec;
  spec.name = "vframe";
  spec.summary = "One frame of a film.";
  spec.kind = "av";
  spec.positional = {choice("format", {"jpg", "png"}, false)};
  ParameterSpec offset = number("offset", 0, 86'400, "s");
  offset.required = true;
  spec.named = {offset, number("w", 20, 3840, "px")};
  return spec;
}

}  // namespace

std::vector<CommandSpec> sample_specs() { return {view(), crop(), info(), ordered(), frame()}; }

}  // namespace millrace::pipeline
