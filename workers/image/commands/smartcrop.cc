// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "workers/image/command.h"
#include "workers/image/interest.h"
#include "workers/image/operations.h"
#include "workers/image/parameters.h"
#include "workers/image/result_file.h"

namespace millrace::workers::image {
namespace {

using pipeline::CommandCall;
using pipeline::ParameterKind;
using pipeline::ParameterSpec;

constexpr std::int64_t kSidePxMax = 9'999;
// libvips looks at less than this anyway.
constexpr std::int64_t kPreviewPx = 640;
constexpr const char* kCropHeader = "X-Millrace-Crop";
constexpr const char* kEntropy = "entropy";

constexpr const char* kDescription =
    "Scales the upright picture until it covers w x h px, as imageView2/1 does, and cuts out of it "
    "not the middle but the part that is worth most, by libvips:\n\n"
    "| `by` | what is looked for |\n"
    "|---|---|\n"
    "| `attention` | skin tones, edges and saturated colours |\n"
    "| `entropy` | the most detail |\n\n"
    "Never enlarges: where the picture is smaller than w x h, the result is as large as the "
    "picture allows. `X-Millrace-Crop` says what the crop was placed by. The parameters of the "
    "file, from `format` to `icc`, are those of imageView2. For faces see facecrop.";

pipeline::CommandSpec make_spec() {
  pipeline::CommandSpec spec;
  spec.name = "smartcrop";
  spec.summary = "Crops to an exact size around what is worth seeing.";
  spec.description = kDescription;
  ParameterSpec size =
      integer_parameter("size", "Width and height of the result.", "px", 1, kSidePxMax);
  size.kind = ParameterKind::Size;
  size.required = true;
  spec.positional = {size};
  ParameterSpec by;
  by.name = "by";
  by.summary = "What is looked for.";
  by.kind = ParameterKind::Choice;
  by.choices = {"attention", kEntropy};
  by.default_text = "attention";
  spec.named = {by};
  add_file_parameters(spec);
  spec.named.push_back(ignore_error_parameter());
  spec.takes = {"image"};
  spec.gives = "image";
  spec.examples = {
      {"smartcrop/200x200", "A square around what draws the eye."},
      {"smartcrop/400x100/by/entropy/format/webp",
       "A banner of what has the most detail, as WebP."},
  };
  return spec;
}

// The whole scaled, and its middle kept: where the crop goes is found later.
Placement cover(const CommandCall& call, Size source) {
  const auto size = call.size("size").value_or(pipeline::SizeValue{1, 1});
  return place_view(1, {size.width, size.height}, source);
}

base::Result<std::optional<PictureShape>> foretell(const CommandCall& call,
                                                   const PictureShape& shape) {
  const Area kept = cover(call, shape.size).kept;
  return PictureShape{{kept.width, kept.height}, 1};
}

// A side of the crop as it is in the preview.
std::int64_t in_preview(std::int64_t kept_px, std::int64_t whole_px, std::int64_t preview_px) {
  const double exact = static_cast<double>(kept_px) * static_cast<double>(preview_px) /
                       static_cast<double>(whole_px);
  return std::clamp<std::int64_t>(std::llround(exact), 1, preview_px);
}

// The picture is scaled first and looked at then: one decode, and no more pixels than needed.
base::Result<void> run(const CommandCall& call, ImageStage& stage) {
  const GivenFile given = given_file(stage);
  const Placement placement = cover(call, given.size);
  const Size whole = placement.whole;
  const Size kept{placement.kept.width, placement.kept.height};
  const Interest interest = call.choice("by") == kEntropy ? Interest::Entropy : Interest::Attention;
  auto scaled = stage.scale_and_crop({whole, {0, 0, whole.width, whole.height}});
  if (!scaled) return scaled;
  if (kept != whole) {
    auto preview = stage.preview(kPreviewPx);
    if (!preview) return base::fail(std::move(preview.error()));
    const Size small{preview->width(), preview->height()};
    const Size wanted{in_preview(kept.width, whole.width, small.width),
                      in_preview(kept.height, whole.height, small.height)};
    const Area area =
        area_of_whole(interesting_area(*preview, wanted, interest), small, whole, kept);
    if (auto cut = stage.crop(area); !cut) return cut;
  }
  stage.headers()[kCropHeader] = interest == Interest::Entropy ? kEntropy : "attention";
  return encode_result(call, "q", given, stage);
}

}  // namespace

template <>
ImageCommand image_command<"smartcrop">(const ImageWorkerOptions&) {
  ImageCommand command{make_spec(), {}, run};
  command.plan = foretell;
  return command;
}

}  // namespace millrace::workers::image
