// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "workers/image/command.h"
#include "workers/image/face/crop_plan.h"
#include "workers/image/face_finder.h"
#include "workers/image/interest.h"
#include "workers/image/parameters.h"

namespace millrace::workers::image {
namespace {

using base::Reason;
using face::CropPlan;
using face::CropSubject;
using face::PixelRect;
using face::PixelSize;
using pipeline::CommandCall;
using pipeline::ParameterKind;
using pipeline::ParameterSpec;

constexpr std::int64_t kSidePxMax = 9'999;
constexpr const char* kCropHeader = "X-Millrace-Crop";

constexpr const char* kDescription =
    "Finds the faces of the upright picture with a neural network, cuts out the largest rectangle "
    "of the aspect w:h "
    "and scales it to exactly w x h px. The rectangle is moved to the faces; it zooms in on them "
    "only with `zoom`, and never so far that something would be enlarged.\n\n"
    "`X-Millrace-Crop` says what the rectangle was placed by:\n\n"
    "| value | placed by |\n"
    "|---|---|\n"
    "| `faces` | all faces, since all of them fit with some space around |\n"
    "| `face` | the largest face, alone in the picture or where not all fit |\n"
    "| `attention` | no face was found, or the node has no face model: libvips' attention crop "
    "|\n\n"
    "Faces lower than a fifth of the largest one are passers-by and do not count. Above the faces "
    "there is room for the "
    "hair: 45 % of a face's height where the picture has it, and a quarter of a face at the sides "
    "and below. A face that "
    "fits into the rectangle is inside whole; of a larger one the eyes are in the middle.\n\n"
    "With `index` one face counts and all others are ignored: 0 is the largest, and the command "
    "`faces` lists them in that order. Where there are not so many the answer is 400 "
    "`bad_parameter`. `index` and `all` exclude each other.\n\n"
    "Where w or h is larger than the picture the answer is 400 `bad_parameter`, since nothing is "
    "enlarged; "
    "with `ignore-error/1` it is the source itself. The result is a JPEG of quality 75, or less "
    "when the "
    "source is a JPEG of less (see imageView2's `q`).";

pipeline::CommandSpec make_spec() {
  pipeline::CommandSpec spec;
  spec.name = "facecrop";
  spec.aliases = {"facecrop2"};
  spec.summary = "Crops around the faces of a picture, to an exact size.";
  spec.description = kDescription;
  ParameterSpec size;
  size.name = "size";
  size.summary = "Width and height of the result.";
  size.kind = ParameterKind::Size;
  size.unit = "px";
  size.min = 1;
  size.max = kSidePxMax;
  size.required = true;
  spec.positional = {size};
  ParameterSpec zoom = integer_parameter(
      "zoom", "How close to the faces; 100: as close as they and their margins allow.", "%", 0,
      100);
  zoom.default_text = "0";
  ParameterSpec pad = integer_parameter(
      "pad", "The margin beside and below a face, of its size; above it is 1.8 times that.", "%", 0,
      200);
  pad.default_text = "25";
  ParameterSpec all;
  all.name = "all";
  all.summary = "All faces count, even the small ones, and even if not all of them fit.";
  all.kind = ParameterKind::Flag;
  spec.named = {zoom, pad,
                integer_parameter("index", "The one face that counts; the largest is 0.", "", 0,
                                  face::FaceDetector::kFacesMax - 1),
                all, ignore_error_parameter()};
  spec.takes = {"image"};
  spec.gives = "image";
  spec.examples = {
      {"facecrop/200x200", "A square around the faces."},
      {"facecrop/320x160/ignore-error/1", "A banner, or the source itself where it is too small."},
      {"facecrop2/120x160|imageView2/2/w/60", "A portrait, then half of that."},
      {"facecrop/160x160/zoom/100/pad/40", "Close to the faces, with some more room around."},
      {"facecrop/300x200/all", "With as many of the faces as there is room for."},
  };
  return spec;
}

// A rectangle of the preview's size and place, as a scaling of the whole picture and a cut of the
// wanted size from that. `largest` is the largest rectangle of that aspect.
Placement placement_of(const PixelRect& rect, PixelSize largest, PixelSize preview, Size source,
                       Size wanted) {
  // The largest rectangle is the picture's own width, or its own height: that side decides the
  // scale. A smaller one is scaled up by as much as it is smaller, told by its longer side; what is
  // lost to rounding must not enlarge.
  const double cover =
      std::max(static_cast<double>(wanted.width) / static_cast<double>(source.width),
               static_cast<double>(wanted.height) / static_cast<double>(source.height));
  const double zoom = largest.width >= largest.height
                          ? static_cast<double>(largest.width) / rect.width
                          : static_cast<double>(largest.height) / rect.height;
  const double scale = std::min(cover * zoom, std::max(cover, 1.0));
  const auto side = [scale](std::int64_t length, std::int64_t least) {
    return std::max(least,
                    static_cast<std::int64_t>(std::llround(static_cast<double>(length) * scale)));
  };
  const Size whole{side(source.width, wanted.width), side(source.height, wanted.height)};
  const Area at{rect.left, rect.top, rect.width, rect.height};
  return {whole, area_of_whole(at, {preview.width, preview.height}, whole, wanted)};
}

face::CropWishes wishes_of(const CommandCall& call, PixelSize preview, Size source, Size wanted) {
  face::CropWishes wishes;
  if (const auto index = call.integer("index")) wishes.index = static_cast<std::size_t>(*index);
  wishes.all = call.flag("all");
  wishes.zoom_pct = static_cast<int>(call.integer("zoom").value_or(0));
  if (const auto pad = call.integer("pad")) wishes.pad_pct = static_cast<int>(*pad);
  // As many px of the preview as the result has of the source: nothing is enlarged.
  const auto least = [](std::int64_t wanted_px, std::int64_t source_px, int preview_px) {
    const double exact =
        static_cast<double>(wanted_px) * preview_px / static_cast<double>(source_px);
    return static_cast<int>(std::ceil(exact));
  };
  wishes.least = {least(wanted.width, source.width, preview.width),
                  least(wanted.height, source.height, preview.height)};
  return wishes;
}

base::Result<CropPlan> plan_crop(const CommandCall& call, const FoundFaces& found, Size source,
                                 Size wanted) {
  const PixelSize preview{found.preview.width(), found.preview.height()};
  const PixelSize aspect{static_cast<int>(wanted.width), static_cast<int>(wanted.height)};
  const face::CropWishes wishes = wishes_of(call, preview, source, wanted);
  if (const auto plan = face::plan_face_crop(preview, aspect, found.faces, wishes)) return *plan;
  if (wishes.index) {
    return base::fail(Reason::BadParameter,
                      fmt::format("facecrop: there is no face {}; faces found: {} (the largest is "
                                  "face 0).",
                                  *wishes.index, found.faces.size()));
  }
  const PixelSize crop = face::largest_of_aspect(preview, aspect);
  const Area area = interesting_area(found.preview, {crop.width, crop.height}, Interest::Attention);
  return CropPlan{
      {static_cast<int>(area.left), static_cast<int>(area.top), crop.width, crop.height},
      CropSubject::Attention};
}

Encoding jpeg_for(const ImageStage& stage, Size result) {
  Encoding encoding;
  encoding.format = OutputFormat::Jpeg;
  encoding.quality_pct = effective_quality(OutputFormat::Jpeg, std::nullopt,
                                           {stage.jpeg_quality_pct(), stage.size(), result});
  return encoding;
}

// The size of the result.
base::Result<Size> size_for(const CommandCall& call, Size source) {
  const auto size = call.size("size");
  if (!size)
    return base::fail(Reason::BadParameter, "facecrop needs a size, as in facecrop/200x200");
  if (size->width > source.width || size->height > source.height) {
    return base::fail(
        Reason::BadParameter,
        fmt::format("facecrop does not enlarge: {}x{} px do not fit into the picture's "
                    "{}x{} px",
                    size->width, size->height, source.width, source.height));
  }
  if (call.flag("all") && call.integer("index")) {
    return base::fail(Reason::BadParameter, "facecrop: index and all exclude each other.");
  }
  return Size{size->width, size->height};
}

base::Result<std::optional<PictureShape>> foretell(const CommandCall& call,
                                                   const PictureShape& shape) {
  const auto size = size_for(call, shape.size);
  if (!size) return base::fail(size.error());
  // Whether there is a face of that index only the pixels tell.
  if (call.integer("index")) return std::nullopt;
  return PictureShape{*size, 1};
}

base::Result<void> run(face::FaceDetector* detector, const CommandCall& call, ImageStage& stage) {
  const Size source = stage.size();
  const auto wanted = size_for(call, source);
  if (!wanted) return base::fail(wanted.error());
  const auto found = find_faces(detector, stage);
  if (!found) return base::fail(found.error());
  const auto plan = plan_crop(call, *found, source, *wanted);
  if (!plan) return base::fail(plan.error());

  const Encoding encoding = jpeg_for(stage, *wanted);
  const PixelSize preview{found->preview.width(), found->preview.height()};
  const PixelSize largest = face::largest_of_aspect(
      preview, {static_cast<int>(wanted->width), static_cast<int>(wanted->height)});
  const Placement placement = placement_of(plan->rect, largest, preview, source, *wanted);
  if (auto scaled = stage.scale_and_crop(placement); !scaled) return scaled;
  stage.headers()[kCropHeader] = face::word_of(plan->subject);
  return stage.encode_as(encoding);
}

}  // namespace

template <>
ImageCommand image_command<"facecrop">(const ImageWorkerOptions& options) {
  ImageCommand command;
  command.spec = make_spec();
  const FaceFinder finder = open_face_finder(options);
  if (!finder.detector) {
    command.notes = {"facecrop uses the attention crop because " + finder.why_not};
  }
  command.plan = foretell;
  command.build = finder.build();
  command.run = [detector = finder.detector](const CommandCall& call, ImageStage& stage) {
    return run(detector.get(), call, stage);
  };
  return command;
}

}  // namespace millrace::workers::image
