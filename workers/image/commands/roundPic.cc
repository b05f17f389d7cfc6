// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "pipeline/value_form.h"
#include "workers/image/command.h"
#include "workers/image/round_corners.h"

namespace millrace::workers::image {
namespace {

using base::Reason;
using pipeline::CommandCall;
using pipeline::ParameterKind;
using pipeline::ParameterSpec;
using pipeline::ValueForm;
using vips::VImage;

constexpr std::int64_t kRadiusPxMax = 30'000;  // no side is longer
constexpr std::int64_t kPercentMax = 100;

constexpr const char* kDescription =
    "Cuts the corners of the upright picture to ellipses and gives a PNG of the same size. "
    "`radius/20` makes quarter circles of 20 px, `radius/!10p` quarter ellipses of a tenth of the "
    "width and a tenth of the height; `radius/!50p` is the largest ellipse that the picture holds, "
    "a circle where it is square. A radius of more than half of a side is taken for half of it.\n\n"
    "Either `radius` is given, or both of `radiusx` and `radiusy`. The edge is smooth: its pixels "
    "are transparent by as much of them as lies outside. Transparency that the picture has stays.";

// Pixels, or percent of a side. The order is that of their places in a FormValue.
std::vector<ValueForm> radius_forms() {
  return {{"<n>", {{"n", 1, kRadiusPxMax}}, "So many px."},
          {"!<n>p", {{"n", 1, kPercentMax}}, "So many percent of the side."}};
}

ParameterSpec radius(std::string name, std::string summary) {
  ParameterSpec spec;
  spec.name = std::move(name);
  spec.summary = std::move(summary);
  spec.kind = ParameterKind::Form;
  spec.forms = radius_forms();
  return spec;
}

pipeline::CommandSpec make_spec() {
  pipeline::CommandSpec spec;
  spec.name = "roundPic";
  spec.summary = "Rounds the corners of a picture, up to a circle.";
  spec.description = kDescription;
  spec.named = {radius("radius", "Of all corners, both ways."),
                radius("radiusx", "Across; with `radiusy`."),
                radius("radiusy", "Down; with `radiusx`.")};
  spec.takes = {"image"};
  spec.gives = "image";
  spec.examples = {
      {"roundPic/radius/20", "Corners of 20 px."},
      {"roundPic/radius/!50p", "An ellipse."},
      {"imageView2/1/w/200/h/200|roundPic/radius/!50p", "A round portrait."},
      {"roundPic/radiusx/40/radiusy/!10p", "Corners that are 40 px wide and a tenth high."},
  };
  return spec;
}

// px, at most half of the side.
double length_of(const std::string& value, std::int64_t side_px) {
  const auto found = pipeline::match_form(radius_forms(), value);
  const double number = found ? found->numbers.front() : 0;
  const bool is_percent = found && found->form == 1;
  const auto side = static_cast<double>(side_px);
  return std::min(is_percent ? side * number / 100 : number, side / 2);
}

base::Result<CornerRadii> radii_of(const CommandCall& call, Size size) {
  auto across = call.form("radiusx");
  auto down = call.form("radiusy");
  const auto both = call.form("radius");
  const bool one_pair = both ? !across && !down : across && down;
  if (!one_pair) {
    return base::fail(Reason::BadParameter,
                      "roundPic needs either radius, or both of radiusx and radiusy.");
  }
  if (both) across = down = both;
  return CornerRadii{length_of(*across, size.width), length_of(*down, size.height)};
}

base::Result<void> run(const CommandCall& call, ImageStage& stage) {
  const Size size = stage.size();
  const auto radii = radii_of(call, size);
  if (!radii) return base::fail(radii.error());
  const VImage mask = corner_mask(size, *radii);
  const auto rounded = [&mask](const VImage& frame) { return with_mask(frame, mask); };
  if (auto changed = stage.change(rounded, size); !changed) return changed;
  Encoding encoding;
  encoding.format = OutputFormat::Png;
  return stage.encode_as(encoding);
}

base::Result<std::optional<PictureShape>> plan(const CommandCall& call, const PictureShape& shape) {
  if (const auto radii = radii_of(call, shape.size); !radii) return base::fail(radii.error());
  return shape;
}

}  // namespace

template <>
ImageCommand image_command<"roundPic">(const ImageWorkerOptions&) {
  ImageCommand command;
  command.spec = make_spec();
  command.run = run;
  command.plan = plan;
  return command;
}

}  // namespace millrace::workers::image
