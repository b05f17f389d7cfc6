// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "workers/image/command.h"
#include "workers/image/magick_geometry.h"
#include "workers/image/magick_plan.h"
#include "workers/image/parameters.h"
#include "workers/image/result_file.h"
#include "workers/image/size_limit.h"

namespace millrace::workers::image {
namespace {

using pipeline::CommandCall;
using pipeline::ParameterKind;
using pipeline::ParameterSpec;

constexpr const char* kNoteHeader = "X-Millrace-Note";

constexpr const char* kDescription =
    "Does one thing after the other to a picture, in the order written: `thumbnail/200x/crop/x100` "
    "is not `crop/x100/thumbnail/200x`. An item may come back. `gravity` tells the crops after it "
    "where to count from (`NorthWest` where there is none).\n\n"
    "The picture is taken **as it is stored**. `auto-orient`, best written first, turns it "
    "upright. "
    "Without it the sizes are those of the stored picture, and the result says the orientation of "
    "the source (EXIF, in JPEG, PNG and WebP), so that a viewer still shows it upright; with "
    "`strip`, and in the other formats, it does not.\n\n"
    "Geometry is ImageMagick's; a value that begins with `!` has letters for what a URL would have "
    "to escape: `p` for %, `r` for ^, `a` for +. Sides are rounded to the nearest integer, with "
    "`@` downwards, and are at least 1. A crop is what of its rectangle lies inside the picture; "
    "400 `bad_parameter` when nothing does.\n\n"
    "`rotate` turns clockwise, onto the smallest canvas that holds the picture. What it, `extent` "
    "and `border` add has the colour of `background` or `bordercolor`, and so has what is "
    "transparent in the picture of `extent` and `border`, unless that colour is transparent "
    "itself. A grey picture becomes coloured, and one without alpha gets it, where a colour wants "
    "that. A format without alpha is flattened on white.\n\n"
    "`blur` is a Gaussian bell of `sigma` px, cut off `radius` px from its middle; a sigma of 0 "
    "does nothing. `sharpen/1` is a 3x3 kernel.\n\n"
    "`format`, `quality`, `max-bytes`, `lossless`, `interlace`, `colors` and `icc` are those of "
    "imageView2 (`format`, `q`, …), and so is what becomes of an animation: each step is done to "
    "every frame; "
    "`format/copy` keeps the format of the source even where that is AVIF. `density` is written "
    "into JPEG and PNG. `strip` drops the copyright notice and the orientation too: nothing else "
    "is ever kept.\n\n"
    "`size-limit` lowers the quality of a JPEG until the file fits, as far as that goes. With `!` "
    "it does so for every format that has a quality, and where the file still is too large the "
    "answer is the original (`X-Millrace-Note: size-limit-not-met`). It excludes `max-bytes`.";

ParameterSpec with_forms(std::string name, std::string summary,
                         std::vector<pipeline::ValueForm> forms) {
  ParameterSpec spec;
  spec.name = std::move(name);
  spec.summary = std::move(summary);
  spec.kind = ParameterKind::Form;
  spec.forms = std::move(forms);
  return spec;
}

ParameterSpec with_unit(ParameterSpec spec, std::string unit) {
  spec.unit = std::move(unit);
  return spec;
}

ParameterSpec one_of(std::string name, std::string summary, std::vector<std::string> choices) {
  ParameterSpec spec;
  spec.name = std::move(name);
  spec.summary = std::move(summary);
  spec.kind = ParameterKind::Choice;
  spec.choices = std::move(choices);
  spec.ignore_case = true;
  return spec;
}

ParameterSpec without_range(std::string name, std::string summary, ParameterKind kind,
                            std::string default_text = "") {
  ParameterSpec spec;
  spec.name = std::move(name);
  spec.summary = std::move(summary);
  spec.kind = kind;
  spec.default_text = std::move(default_text);
  return spec;
}

// What is done at its place.
std::vector<ParameterSpec> items() {
  std::vector<ParameterSpec> specs = {
      without_range("auto-orient", "Turns the picture upright.", ParameterKind::Flag),
      with_forms("thumbnail", "Scales.", thumbnail_forms()),
      one_of("gravity", "Where the crops after it count from.", gravity_words()),
      with_unit(with_forms("crop", "Cuts out a rectangle.", crop_forms()), "px"),
      integer_parameter("rotate", "Turns clockwise.", "degrees", 1, 360),
      with_forms("blur", "Blurs.", blur_forms()),
      switch_parameter("sharpen", "1: sharpens."),
      with_unit(with_forms("extent", "Puts the picture on a canvas.", extent_forms()), "px"),
      with_unit(with_forms("border", "Puts a border around it.", border_forms()), "px"),
      one_of("colorspace", "`gray` takes the colours out; `srgb` is what results have anyway.",
             {"srgb", "gray"}),
  };
  for (ParameterSpec& spec : specs) spec.repeatable = true;
  return specs;
}

// What is said of the whole.
std::vector<ParameterSpec> settings() {
  ParameterSpec format = format_parameter();
  format.choices.emplace_back("copy");
  std::vector<ParameterSpec> specs = {
      without_range("background", "The colour that `rotate` and `extent` fill with.",
                    ParameterKind::Color, "white"),
      without_range("bordercolor", "The colour of `border`.", ParameterKind::Color, "white"),
      without_range("strip", "Drops what the file would say of itself.", ParameterKind::Flag),
      format,
      quality_parameter("quality"),
      max_bytes_parameter(),
      lossless_parameter(),
      interlace_parameter(),
      colors_parameter(),
      icc_parameter(),
      integer_parameter("density", "The resolution that the file claims.", "dpi", 1, 1'200),
      with_forms("size-limit", "The most bytes of the result.", size_limit_forms()),
      ignore_error_parameter(),
  };
  for (ParameterSpec& spec : specs) spec.anywhere = true;
  return specs;
}

pipeline::CommandSpec make_spec() {
  pipeline::CommandSpec spec;
  spec.name = "imageMogr2";
  spec.summary = "Scales, crops, turns, blurs, frames and converts, in the order written.";
  spec.description = kDescription;
  spec.named = items();
  for (ParameterSpec& setting : settings()) spec.named.push_back(std::move(setting));
  spec.order_matters = true;
  spec.takes = {"image"};
  spec.gives = "image";
  spec.examples = {
      {"imageMogr2/auto-orient/thumbnail/800x", "Upright, 800 px wide."},
      {"imageMogr2/auto-orient/thumbnail/!200x200r/gravity/Center/crop/200x200",
       "A square from the middle."},
      {"imageMogr2/thumbnail/640x640>/format/webp/quality/80",
       "Fits into 640x640 px, never enlarged, as WebP."},
      {"imageMogr2/thumbnail/300x300/extent/300x300/background/I2Y1ZjVmNQ==",
       "All of it in the middle of a light grey square."},
      {"imageMogr2/thumbnail/400x/rotate/8/background/dHJhbnNwYXJlbnQ=/format/png",
       "Askew, with transparent corners."},
      {"imageMogr2/thumbnail/400x/blur/12x4", "Out of focus."},
      {"imageMogr2/thumbnail/400x/colorspace/gray/border/12x12/bordercolor/YmxhY2s=",
       "Grey, with a black border."},
      {"imageMogr2/thumbnail/1024x/size-limit/60k", "At most 60 KiB."},
  };
  return spec;
}

base::Result<void> apply(const PictureStep& step, ImageStage& stage) {
  switch (step.kind) {
    case PictureStep::Kind::Orient:
      return stage.orient();
    case PictureStep::Kind::Scale:
      return stage.scale_and_crop({step.size, {0, 0, step.size.width, step.size.height}});
    case PictureStep::Kind::Crop:
      return stage.crop(step.kept);
    case PictureStep::Kind::Change:
      break;
  }
  return stage.change(step.change, step.size, step.reads);
}

base::Result<void> limit_size(const SizeLimit& limit, ImageStage& stage) {
  if (!limit.is_strict && stage.encoding().format != OutputFormat::Jpeg) return {};
  const auto bytes = stage.fit_file_into(limit.bytes_max);
  if (!bytes) return base::fail(bytes.error());
  if (*bytes <= limit.bytes_max || !limit.is_strict) return {};
  stage.start_over();
  stage.headers()[kNoteHeader] = "size-limit-not-met";
  return {};
}

base::Result<void> check_arguments(const CommandCall& call) {
  if (call.arguments().empty()) {
    return base::fail(base::Reason::BadParameter,
                      "imageMogr2 needs something to do, as in imageMogr2/thumbnail/200x.");
  }
  if (call.form("size-limit") && call.form("max-bytes")) {
    return base::fail(base::Reason::BadParameter,
                      "imageMogr2: size-limit and max-bytes exclude each other.");
  }
  return {};
}

base::Result<std::optional<PictureShape>> foretell(const CommandCall& call,
                                                   const PictureShape& shape) {
  if (auto good = check_arguments(call); !good) return base::fail(std::move(good.error()));
  const auto plan = magick_plan(call, shape);
  if (!plan) return base::fail(plan.error());
  const auto limit = call.form("size-limit");
  if (limit && size_limit_from(*limit, 0).is_strict) return std::nullopt;
  PictureShape foretold = plan->shape;
  if (call.flag("strip")) foretold.orientation = 1;
  return foretold;
}

base::Result<void> run(const CommandCall& call, ImageStage& stage) {
  if (auto good = check_arguments(call); !good) return good;
  const GivenFile given = given_file(stage);
  const auto plan = magick_plan(call, {given.size, stage.orientation()});
  if (!plan) return base::fail(plan.error());
  for (const PictureStep& step : plan->steps) {
    if (auto done = apply(step, stage); !done) return done;
  }
  if (call.flag("strip")) {
    if (auto stripped = stage.strip(); !stripped) return stripped;
  }
  if (auto encoded = encode_result(call, "quality", given, stage); !encoded) return encoded;
  const auto limit = call.form("size-limit");
  if (!limit) return {};
  return limit_size(size_limit_from(*limit, stage.original().bytes.size()), stage);
}

}  // namespace

template <>
ImageCommand image_command<"imageMogr2">(const ImageWorkerOptions&) {
  ImageCommand command{make_spec(), {}, run};
  command.plan = foretell;
  command.takes_stored = true;
  return command;
}

}  // namespace millrace::workers::image
