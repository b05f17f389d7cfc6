// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>

#include <fmt/format.h>

#include "workers/image/color.h"
#include "workers/image/command.h"
#include "workers/image/content_area.h"
#include "workers/image/operations.h"
#include "workers/image/parameters.h"
#include "workers/image/pixels.h"
#include "workers/image/result_file.h"

namespace millrace::workers::image {
namespace {

using pipeline::CommandCall;
using pipeline::ParameterSpec;
using vips::VImage;

constexpr int kThreshold = 10;
constexpr const char* kCropHeader = "X-Millrace-Crop";

constexpr const char* kDescription =
    "Takes the border off the upright picture: what is left is the smallest rectangle that holds "
    "every pixel that differs from the border by more than `threshold` (of 255, in any of red, "
    "green and blue). The border's colour is `background`, or else that of the pixel in the upper "
    "left corner. Where that is transparent, what counts is alpha alone.\n\n"
    "Specks of a pixel or two are overlooked, and JPEG's noise stays below the default threshold. "
    "A picture that is all border stays as it is.\n\n"
    "`X-Millrace-Crop` says which rectangle was kept (`<w>x<h>+<left>+<top>`). The parameters of "
    "the file, from `format` to `icc`, are those of imageView2.";

pipeline::CommandSpec make_spec() {
  pipeline::CommandSpec spec;
  spec.name = "trim";
  spec.summary = "Takes a border of one colour off.";
  spec.description = kDescription;
  ParameterSpec threshold =
      integer_parameter("threshold", "How much a pixel must differ from the border.", "", 0, 255);
  threshold.default_text = std::to_string(kThreshold);
  ParameterSpec background;
  background.name = "background";
  background.summary = "The colour of the border; that of the upper left corner when not given.";
  background.kind = pipeline::ParameterKind::Color;
  spec.named = {threshold, background};
  add_file_parameters(spec);
  spec.named.push_back(ignore_error_parameter());
  spec.takes = {"image"};
  spec.gives = "image";
  spec.examples = {
      {"trim", "Without its border."},
      {"trim/threshold/40/background/d2hpdGU=", "Without what is nearly white."},
      {"imageMogr2/border/20x30/bordercolor/cmVk|trim", "Framed and unframed again."},
  };
  return spec;
}

// With icc/keep the picture is in another space; thresholds and colours are meant in sRGB.
base::Result<VImage> in_srgb(const VImage& picture, const TaskWatch& watch) {
  if (!has_profile(picture)) return picture;
  bool ignored = false;
  return in_memory(to_srgb(picture, ignored), watch);
}

base::Result<void> run(const CommandCall& call, ImageStage& stage) {
  const Size before = stage.size();
  const GivenFile given = given_file(stage);
  auto picture = stage.picture_in_memory();
  if (!picture) return base::fail(std::move(picture.error()));
  const auto threshold = static_cast<int>(call.integer("threshold").value_or(kThreshold));
  const auto looked_at = in_srgb(*picture, stage.watch());
  if (!looked_at) return base::fail(looked_at.error());
  const Area kept = content_area(*looked_at, call.color("background"), threshold)
                        .value_or(Area{0, 0, before.width, before.height});
  if (auto cut = stage.crop(kept); !cut) return cut;
  stage.headers()[kCropHeader] =
      fmt::format("{}x{}+{}+{}", kept.width, kept.height, kept.left, kept.top);
  return encode_result(call, "q", given, stage);
}

}  // namespace

template <>
ImageCommand image_command<"trim">(const ImageWorkerOptions&) {
  return {make_spec(), {}, run};
}

}  // namespace millrace::workers::image
