// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>

#include "workers/image/command.h"
#include "workers/image/parameters.h"
#include "workers/image/result_file.h"

namespace millrace::workers::image {
namespace {

using base::Reason;
using pipeline::CommandCall;
using pipeline::ParameterSpec;

constexpr int kQualityPct = 85;

constexpr const char* kDescription =
    "The forerunner of imageView2, for URLs that were written for it; write new ones with "
    "imageView2. The source is taken upright, and is never enlarged:\n\n"
    "| mode | what |\n"
    "|---|---|\n"
    "| 1 | covers w x h, and the middle of it is cut out |\n"
    "| 2 | fits into w x h |\n\n"
    "Sides are bounded, rounded and cropped as by the same modes of imageView2. `q` is 85 where "
    "imageView2 has 75; from a JPEG source no more is used than is left in it, as there.";

pipeline::CommandSpec make_spec() {
  pipeline::CommandSpec spec;
  spec.name = "imageView";
  spec.summary = "Thumbnails by the rules of old; see imageView2.";
  spec.description = kDescription;
  ParameterSpec mode = integer_parameter("mode", "1: crops; 2: fits.", "", 1, 2);
  mode.required = true;
  spec.positional = {mode};
  ParameterSpec quality = quality_parameter("q");
  quality.default_text = std::to_string(kQualityPct);
  spec.named = {
      integer_parameter("w", "Bound of the width.", "px", 1, 30'000),
      integer_parameter("h", "Bound of the height.", "px", 1, 30'000),
      quality,
      max_bytes_parameter(),
      format_parameter(),
  };
  spec.takes = {"image"};
  spec.gives = "image";
  spec.examples = {
      {"imageView/1/w/200/h/200", "Exactly 200x200, cropped around the centre."},
      {"imageView/2/w/400/q/90/format/jpg", "At most 400 px wide, as JPEG of quality 90."},
  };
  return spec;
}

Placement placement_of(const CommandCall& call, Size source) {
  return place_view(static_cast<int>(call.integer("mode").value_or(1)),
                    {call.integer("w"), call.integer("h")}, source);
}

base::Result<void> check_arguments(const CommandCall& call) {
  if (call.integer("w") || call.integer("h")) return {};
  return base::fail(Reason::BadParameter, "imageView needs at least one of w and h.");
}

base::Result<std::optional<PictureShape>> plan(const CommandCall& call, const PictureShape& shape) {
  if (auto good = check_arguments(call); !good) return base::fail(std::move(good.error()));
  const Area kept = placement_of(call, shape.size).kept;
  return PictureShape{{kept.width, kept.height}, 1};
}

// As if the URL had named the quality.
CommandCall with_quality(const CommandCall& call) {
  if (call.choice("q")) return call;
  auto arguments = call.arguments();
  arguments.push_back({"q", std::to_string(kQualityPct)});
  return {call.name(), std::move(arguments)};
}

base::Result<void> run(const CommandCall& call, ImageStage& stage) {
  if (auto good = check_arguments(call); !good) return good;
  const GivenFile given = given_file(stage);
  if (auto scaled = stage.scale_and_crop(placement_of(call, given.size)); !scaled) return scaled;
  return encode_result(with_quality(call), "q", given, stage);
}

}  // namespace

template <>
ImageCommand image_command<"imageView">(const ImageWorkerOptions&) {
  ImageCommand command{make_spec(), {}, run};
  command.plan = plan;
  return command;
}

}  // namespace millrace::workers::image
