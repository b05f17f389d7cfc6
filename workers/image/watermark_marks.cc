// SPDX-License-Identifier: Apache-2.0
#include "workers/image/watermark_marks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/crypto.h"
#include "pipeline/value_form.h"
#include "workers/image/parameters.h"

namespace millrace::workers::image {
namespace {

using base::Reason;
using pipeline::CommandCall;
using pipeline::ParameterKind;
using pipeline::ParameterSpec;
using pipeline::ValueForm;
using Argument = CommandCall::Argument;

constexpr std::string_view kMode = "mode";
constexpr std::string_view kText = "text";
constexpr std::string_view kImage = "image";
constexpr std::int64_t kTextBytesMax = 1'000;
constexpr std::int64_t kMovedPxMax = 30'000;  // no side is longer
constexpr std::int64_t kCellPxMax = 10'000;
constexpr int kDecimals = 3;

// Bits: which kinds of mark have a parameter.
enum Owner : unsigned { OfPicture = 1, OfText = 2, OfTiles = 4 };

struct Item {
  std::string_view name;
  unsigned owners;
};
constexpr std::array kItems = {
    Item{"image", OfPicture},
    Item{"text", OfText | OfTiles},
    Item{"font", OfText | OfTiles},
    Item{"fontsize", OfText | OfTiles},
    Item{"fill", OfText | OfTiles},
    Item{"dissolve", OfPicture | OfText | OfTiles},
    Item{"gravity", OfPicture | OfText},
    Item{"dx", OfPicture | OfText | OfTiles},
    Item{"dy", OfPicture | OfText | OfTiles},
    Item{"ws", OfPicture},
    Item{"wst", OfPicture},
    Item{"tile", OfPicture},
    Item{"uws", OfPicture},
    Item{"uhs", OfPicture},
    Item{"rotate", OfTiles},
    Item{"uw", OfTiles},
    Item{"uh", OfTiles},
    Item{"resize", OfTiles},
};

const Item* item_of(std::string_view name) {
  const auto* const found = std::ranges::find(kItems, name, &Item::name);
  return found == kItems.end() ? nullptr : found;
}

unsigned owner_of(Mark::Kind kind) {
  switch (kind) {
    case Mark::Kind::Picture:
      return OfPicture;
    case Mark::Kind::Text:
      return OfText;
    case Mark::Kind::TextTiles:
      return OfTiles;
  }
  return 0;
}

std::string_view words_of(Mark::Kind kind) {
  switch (kind) {
    case Mark::Kind::Picture:
      return "a picture as a mark";
    case Mark::Kind::Text:
      return "a text as a mark";
    case Mark::Kind::TextTiles:
      return "watermark/4";
  }
  return "";
}

base::Failure refuse(std::string sentence) {
  return base::fail(Reason::BadParameter, std::move(sentence));
}

bool begins_a_mark(const Argument& argument) {
  return argument.name == kText || argument.name == kImage;
}

base::Result<void> check(const Mark& mark) {
  const auto& arguments = mark.call.arguments();
  for (const char* share : {"ws", "uws", "uhs"}) {
    if (decimal_of(mark, share, 1) <= 0) {
      return refuse(fmt::format("watermark: {} must be above 0.", share));
    }
  }
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i].name;
    const Item* const item = item_of(name);
    if (item == nullptr || (item->owners & owner_of(mark.kind)) == 0) {
      return refuse(fmt::format("watermark: {} says nothing about {}.", name, words_of(mark.kind)));
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (arguments[j].name == name) {
        return refuse(fmt::format("watermark: {} is given twice for one mark.", name));
      }
    }
  }
  return {};
}

Mark made(Mark::Kind kind, std::vector<Argument> arguments) {
  return {kind, CommandCall("watermark", std::move(arguments))};
}

// Of modes 1, 2 and 4.
base::Result<std::vector<Mark>> only_mark(std::string_view mode, Mark::Kind kind,
                                          std::vector<Argument> arguments) {
  const std::string_view what = kind == Mark::Kind::Picture ? kImage : kText;
  if (std::ranges::find(arguments, what, &Argument::name) == arguments.end()) {
    return refuse(fmt::format("watermark/{}: {} is missing.", mode, what));
  }
  std::vector<Mark> marks;
  marks.push_back(made(kind, std::move(arguments)));
  if (auto good = check(marks.front()); !good) return base::fail(std::move(good.error()));
  return marks;
}

// Of mode 3.
base::Result<std::vector<Mark>> groups(const std::vector<Argument>& arguments) {
  std::vector<std::vector<Argument>> parts;
  for (const Argument& argument : arguments) {
    if (begins_a_mark(argument)) {
      parts.emplace_back();
    } else if (parts.empty()) {
      return refuse(
          fmt::format("watermark/3: {} stands before any mark; a mark begins with image or text.",
                      argument.name));
    }
    parts.back().push_back(argument);
  }
  if (parts.empty()) return refuse("watermark/3: there is no mark; one begins with image or text.");
  if (parts.size() > kMarksMax) {
    return refuse(fmt::format("watermark/3: at most {} marks are allowed.", kMarksMax));
  }
  std::vector<Mark> marks;
  for (std::vector<Argument>& part : parts) {
    const bool is_text = part.front().name == kText;
    marks.push_back(made(is_text ? Mark::Kind::Text : Mark::Kind::Picture, std::move(part)));
    if (auto good = check(marks.back()); !good) return base::fail(std::move(good.error()));
  }
  return marks;
}

ParameterSpec named(std::string name, std::string summary, ParameterKind kind,
                    std::string default_text = "") {
  ParameterSpec spec;
  spec.name = std::move(name);
  spec.summary = std::move(summary);
  spec.kind = kind;
  spec.default_text = std::move(default_text);
  return spec;
}

ParameterSpec with_default(ParameterSpec spec, std::string default_text) {
  spec.default_text = std::move(default_text);
  return spec;
}

ParameterSpec decimal(std::string name, std::string summary, std::int64_t max,
                      std::string default_text = "") {
  ParameterSpec spec =
      named(std::move(name), std::move(summary), ParameterKind::Form, std::move(default_text));
  spec.forms = {{"<n>", {{"n", 0, max, kDecimals}}, ""}};
  return spec;
}

ParameterSpec text_parameter(std::string name, std::string summary, std::int64_t bytes_max) {
  ParameterSpec spec = named(std::move(name), std::move(summary), ParameterKind::Text);
  spec.unit = "bytes";
  spec.min = 1;
  spec.max = bytes_max;
  return spec;
}

ParameterSpec one_of(std::string name, std::string summary, std::vector<std::string> choices,
                     std::string default_text) {
  ParameterSpec spec =
      named(std::move(name), std::move(summary), ParameterKind::Choice, std::move(default_text));
  spec.choices = std::move(choices);
  spec.ignore_case = true;
  return spec;
}

}  // namespace

base::Result<std::vector<Mark>> marks_of(const CommandCall& call) {
  std::vector<Argument> arguments;
  for (const Argument& argument : call.arguments()) {
    if (!argument.positional && item_of(argument.name) != nullptr) arguments.push_back(argument);
  }
  const std::string mode = call.choice(kMode).value_or("");
  if (mode == "1") return only_mark(mode, Mark::Kind::Picture, std::move(arguments));
  if (mode == "2") return only_mark(mode, Mark::Kind::Text, std::move(arguments));
  if (mode == "4") return only_mark(mode, Mark::Kind::TextTiles, std::move(arguments));
  return groups(arguments);
}

std::vector<ParameterSpec> mark_parameters(const std::vector<std::string>& font_names,
                                           std::string_view default_font) {
  std::vector<ParameterSpec> specs;
  specs.push_back(named("image", "The mark is this picture.", ParameterKind::Picture));
  if (!font_names.empty()) {
    specs.push_back(text_parameter("text", "The mark is this text.", kTextBytesMax));
    ParameterSpec font = text_parameter("font", "What it is written with.", kTextBytesMax);
    font.choices = font_names;
    font.ignore_case = true;
    font.default_text = base::base64url_encode(default_font);
    specs.push_back(std::move(font));
    specs.push_back(with_default(
        integer_parameter("fontsize",
                          "How large, in twentieths of a point at 72 dpi: 240 are 12 px; "
                          "0 is the default.",
                          "twips", 0, kFontTwipsMax),
        "240"));
    specs.push_back(named("fill", "The colour of the text.", ParameterKind::Color, "d2hpdGU="));
  }
  specs.push_back(
      with_default(integer_parameter("dissolve", "How opaque the mark is.", "%", 1, 100), "100"));
  specs.push_back(one_of("gravity", "Where the mark lies.", gravity_words(), "SouthEast"));
  specs.push_back(
      with_default(integer_parameter("dx", "How far from that edge; from the middle, to the right.",
                                     "px", -kMovedPxMax, kMovedPxMax),
                   "10"));
  specs.push_back(
      with_default(integer_parameter("dy", "How far from that edge; from the middle, downwards.",
                                     "px", -kMovedPxMax, kMovedPxMax),
                   "10"));
  specs.push_back(
      decimal("ws", "The mark is scaled to this share of the picture's side, above 0 to 1.", 1));
  specs.push_back(with_default(
      integer_parameter(
          "wst",
          "Which sides those are: 0 the short ones, 1 the long ones, 2 the widths, 3 the heights.",
          "", 0, 3),
      "0"));
  specs.push_back(switch_parameter("tile", "1: a picture as a mark comes back, all over."));
  specs.push_back(
      decimal("uws", "How far it is to the next, as a share of the width, above 0 to 1.", 1));
  specs.push_back(decimal("uhs", "The same downwards, of the height.", 1));
  if (!font_names.empty()) {
    specs.push_back(with_default(
        integer_parameter("rotate", "watermark/4: turns the text clockwise.", "degrees", -180, 180),
        "0"));
    specs.push_back(with_default(
        integer_parameter("uw", "watermark/4: the width of a cell.", "px", 1, kCellPxMax), "100"));
    specs.push_back(with_default(
        integer_parameter("uh", "watermark/4: the height of a cell.", "px", 1, kCellPxMax), "100"));
    specs.push_back(decimal(
        "resize", "watermark/4: scales the cells and the text in them, 0.1 to 10.", 10, "1"));
  }
  for (ParameterSpec& spec : specs) spec.repeatable = true;
  return specs;
}

MarkPlace place_of(const Mark& mark) {
  MarkPlace place;
  if (mark.kind == Mark::Kind::TextTiles) place = {Gravity::NorthWest, {0, 0}};
  if (const auto word = mark.call.choice("gravity")) {
    place.gravity = gravity_from_word(*word).value_or(place.gravity);
  }
  place.moved.x = mark.call.integer("dx").value_or(place.moved.x);
  place.moved.y = mark.call.integer("dy").value_or(place.moved.y);
  return place;
}

int opacity_of(const Mark& mark) {
  const auto percent = static_cast<double>(mark.call.integer("dissolve").value_or(100));
  return static_cast<int>(std::lround(percent * 255 / 100));
}

double decimal_of(const Mark& mark, std::string_view parameter, double otherwise) {
  const auto text = mark.call.form(parameter);
  if (!text) return otherwise;
  static const std::vector<ValueForm> form = {{"<n>", {{"n", 0, INT32_MAX, kDecimals}}, ""}};
  const auto value = pipeline::match_form(form, *text);
  return value ? value->numbers.front() : otherwise;
}

}  // namespace millrace::workers::image
