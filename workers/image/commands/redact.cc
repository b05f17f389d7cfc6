// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "workers/image/command.h"
#include "workers/image/face/candidates.h"
#include "workers/image/face_finder.h"
#include "workers/image/parameters.h"
#include "workers/image/redaction.h"
#include "workers/image/result_file.h"

namespace millrace::workers::image {
namespace {

using pipeline::CommandCall;
using pipeline::ParameterKind;
using pipeline::ParameterSpec;
using vips::VImage;

constexpr int kCells = 6;
constexpr int kPadPct = 20;
constexpr const char* kBlur = "blur";
constexpr const char* kFacesHeader = "X-Millrace-Faces";

constexpr const char* kDescription =
    "Makes the faces of the upright picture unknowable. What the neural network of facecrop finds, "
    "with a margin, is brought down to `cells` cells along its longer side, and nothing finer is "
    "kept of it:\n\n"
    "| `by` | how it looks |\n"
    "|---|---|\n"
    "| `pixelate` | as squares of one colour |\n"
    "| `blur` | the same cells, smoothly: still a face, but nobody's |\n\n"
    "`X-Millrace-Faces` says how many faces were covered (of an animation, in its first frame; "
    "every frame is looked at). A network finds most faces, not all: look at what must not be "
    "seen. A node without a face model does not offer the command, rather than to give the picture "
    "uncovered. There is no `ignore-error` here, because the original shows the faces: do not ask "
    "for it elsewhere in such a pipeline. The parameters of the file, from `format` to `icc`, are "
    "those of imageView2.";

pipeline::CommandSpec make_spec() {
  pipeline::CommandSpec spec;
  spec.name = "redact";
  spec.summary = "Blurs or pixelates the faces of a picture.";
  spec.description = kDescription;
  ParameterSpec what;
  what.name = "what";
  what.summary = "What is covered.";
  what.kind = ParameterKind::Choice;
  what.choices = {"faces"};
  what.required = true;
  spec.positional = {what};
  ParameterSpec by;
  by.name = "by";
  by.summary = "How it is covered.";
  by.kind = ParameterKind::Choice;
  by.choices = {"pixelate", kBlur};
  by.default_text = "pixelate";
  ParameterSpec cells =
      integer_parameter("cells", "How many cells are left of a face's longer side.", "", 2, 16);
  cells.default_text = std::to_string(kCells);
  ParameterSpec pad =
      integer_parameter("pad", "The margin around a face, of its size.", "%", 0, 100);
  pad.default_text = std::to_string(kPadPct);
  spec.named = {by, cells, pad};
  add_file_parameters(spec);
  spec.takes = {"image"};
  spec.gives = "image";
  spec.examples = {
      {"redact/faces", "Every face in squares."},
      {"redact/faces/by/blur/pad/40|imageView2/2/w/600", "Blurred generously, then 600 px wide."},
  };
  return spec;
}

Area padded(const face::Box& box, double pad, Size whole) {
  const face::Box wide =
      face::clipped({box.x - box.width * pad, box.y - box.height * pad, box.width * (1 + 2 * pad),
                     box.height * (1 + 2 * pad)},
                    static_cast<int>(whole.width), static_cast<int>(whole.height));
  const auto left = static_cast<std::int64_t>(std::floor(wide.x));
  const auto top = static_cast<std::int64_t>(std::floor(wide.y));
  const auto right = static_cast<std::int64_t>(std::ceil(wide.x + wide.width));
  const auto bottom = static_cast<std::int64_t>(std::ceil(wide.y + wide.height));
  return {left, top, std::max<std::int64_t>(1, std::min(whole.width, right) - left),
          std::max<std::int64_t>(1, std::min(whole.height, bottom) - top)};
}

std::vector<Area> areas_of(const FoundFaces& found, double pad, Size whole) {
  std::vector<Area> areas;
  for (const face::Face& face : faces_in(found, whole)) {
    areas.push_back(padded(face.box, pad, whole));
  }
  return areas;
}

base::Result<std::optional<PictureShape>> foretell(const CommandCall&, const PictureShape& shape) {
  return shape;
}

base::Result<void> run(face::FaceDetector* detector, const CommandCall& call, ImageStage& stage) {
  const Size size = stage.size();
  const GivenFile given = given_file(stage);
  const auto found = find_faces(detector, stage);
  if (!found) return base::fail(found.error());
  const double pad = static_cast<double>(call.integer("pad").value_or(kPadPct)) / 100;
  const std::vector<Area> areas = areas_of(*found, pad, size);
  stage.headers()[kFacesHeader] = std::to_string(areas.size());
  const Cover cover = call.choice("by") == kBlur ? Cover::Blur : Cover::Pixelate;
  const auto cells = static_cast<int>(call.integer("cells").value_or(kCells));
  base::Result<void> hidden;
  if (stage.is_animated()) {
    // Faces move: each frame is looked at, and where the first one had some stays covered.
    const auto hide = [=](const VImage& frame) {
      const auto here = find_faces(detector, frame);
      if (!here) throw vips::VError(here.error().detail);
      std::vector<Area> all = areas_of(*here, pad, size);
      all.insert(all.end(), areas.begin(), areas.end());
      return redacted(frame, all, cover, cells);
    };
    hidden = stage.change(hide, size, ImageStage::Reads::AnyOrder);
  } else if (!areas.empty()) {
    const auto hide = [=](const VImage& frame) { return redacted(frame, areas, cover, cells); };
    hidden = stage.change(hide, size, ImageStage::Reads::AnyOrder);
  }
  if (!hidden) return hidden;
  return encode_result(call, "q", given, stage);
}

}  // namespace

template <>
ImageCommand image_command<"redact">(const ImageWorkerOptions& options) {
  const FaceFinder finder = open_face_finder(options);
  ImageCommand command;
  command.spec = make_spec();
  command.plan = foretell;
  command.is_offered = finder.detector != nullptr;
  if (!command.is_offered) command.notes = {"redact is not offered because " + finder.why_not};
  command.run = [detector = finder.detector](const CommandCall& call, ImageStage& stage) {
    return run(detector.get(), call, stage);
  };
  return command;
}

}  // namespace millrace::workers::image
