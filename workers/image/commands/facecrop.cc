// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "workers/image/command.h"
#include "workers/image/face/crop_plan.h"
#include "workers/image/face/detector.h"

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
using vips::VImage;

constexpr std::int64_t kSidePxMax = 9'999;
// Half as large again as what the detector looks at first: the second look at a face needs pixels
// to spare.
constexpr std::int64_t kPreviewPx = face::FaceDetector::kLongSidePx * 3 / 2;
constexpr const char* kCropHeader = "X-Millrace-Crop";

constexpr const char* kDescription =
    "Finds the faces of the upright picture with a neural network, cuts out the largest rectangle "
    "of the aspect w:h "
    "and scales it to exactly w x h px. The rectangle is moved to the faces; it never zooms in on "
    "them.\n\n"
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
  ParameterSpec ignore_error;
  ignore_error.name = "ignore-error";
  ignore_error.summary = "1: answer with the source itself when it cannot be processed.";
  ignore_error.min = 0;
  ignore_error.max = 1;
  ignore_error.default_text = "0";
  spec.named = {ignore_error};
  spec.takes = {"image"};
  spec.gives = "image";
  spec.examples = {
      {"facecrop/200x200", "A square around the faces."},
      {"facecrop/320x160/ignore-error/1", "A banner, or the source itself where it is too small."},
      {"facecrop2/120x160|imageView2/2/w/60", "A portrait, then half of that."},
  };
  return spec;
}

// Where libvips' attention crop goes: bright skin tones, edges and saturated colours.
CropPlan plan_attention_crop(const VImage& preview, PixelSize wanted) {
  const PixelSize crop = face::largest_of_aspect({preview.width(), preview.height()}, wanted);
  const VImage cut = preview.smartcrop(
      crop.width, crop.height, VImage::option()->set("interesting", VIPS_INTERESTING_ATTENTION));
  return {{-cut.xoffset(), -cut.yoffset(), crop.width, crop.height}, CropSubject::Attention};
}

// A rectangle of the preview's size and place, as a scaling of the whole picture and a cut of the
// wanted size from that.
Placement placement_of(const PixelRect& rect, PixelSize preview, Size source, PixelSize wanted) {
  const Size wanted_px{wanted.width, wanted.height};
  // The rectangle is the picture's own width, or its own height: that side decides the scale.
  const double scale =
      std::max(static_cast<double>(wanted_px.width) / static_cast<double>(source.width),
               static_cast<double>(wanted_px.height) / static_cast<double>(source.height));
  const auto side = [scale](std::int64_t length, std::int64_t least) {
    return std::max(least,
                    static_cast<std::int64_t>(std::llround(static_cast<double>(length) * scale)));
  };
  Placement placement;
  placement.whole = {side(source.width, wanted_px.width), side(source.height, wanted_px.height)};
  const auto start = [](int at, int preview_px, std::int64_t whole_px, std::int64_t kept_px) {
    const double exact = static_cast<double>(at) * static_cast<double>(whole_px) / preview_px;
    return std::clamp<std::int64_t>(std::llround(exact), 0, whole_px - kept_px);
  };
  placement.kept = {start(rect.left, preview.width, placement.whole.width, wanted_px.width),
                    start(rect.top, preview.height, placement.whole.height, wanted_px.height),
                    wanted_px.width, wanted_px.height};
  return placement;
}

base::Result<CropPlan> plan_crop(face::FaceDetector* detector, const VImage& preview,
                                 PixelSize wanted) {
  if (detector != nullptr) {
    const VImage rgb = preview.bands() == 3
                           ? preview
                           : preview.colourspace(VIPS_INTERPRETATION_sRGB).copy_memory();
    const auto width = static_cast<std::size_t>(rgb.width());
    auto faces = detector->detect(
        {static_cast<const std::uint8_t*>(rgb.data()), rgb.width(), rgb.height(), width * 3});
    if (!faces) return base::fail(std::move(faces.error()));
    const auto plan = face::plan_face_crop({rgb.width(), rgb.height()}, wanted, *faces);
    if (plan) return *plan;
  }
  return plan_attention_crop(preview, wanted);
}

Encoding jpeg_for(const ImageStage& stage, Size result) {
  Encoding encoding;
  encoding.format = OutputFormat::Jpeg;
  encoding.quality_pct = effective_quality(OutputFormat::Jpeg, std::nullopt,
                                           {stage.jpeg_quality_pct(), stage.size(), result});
  return encoding;
}

base::Result<void> run(face::FaceDetector* detector, const CommandCall& call, ImageStage& stage) {
  const auto size = call.size("size");
  if (!size)
    return base::fail(Reason::BadParameter, "facecrop needs a size, as in facecrop/200x200");
  const Size source = stage.size();
  if (size->width > source.width || size->height > source.height) {
    return base::fail(
        Reason::BadParameter,
        fmt::format("facecrop does not enlarge: {}x{} px do not fit into the picture's "
                    "{}x{} px",
                    size->width, size->height, source.width, source.height));
  }
  const PixelSize wanted{static_cast<int>(size->width), static_cast<int>(size->height)};
  auto preview = stage.preview(kPreviewPx);
  if (!preview) return base::fail(std::move(preview.error()));
  const auto plan = plan_crop(detector, *preview, wanted);
  if (!plan) return base::fail(plan.error());

  const Encoding encoding = jpeg_for(stage, {wanted.width, wanted.height});
  const Placement placement =
      placement_of(plan->rect, {preview->width(), preview->height()}, source, wanted);
  if (auto scaled = stage.scale_and_crop(placement); !scaled) return scaled;
  stage.headers()[kCropHeader] = face::word_of(plan->subject);
  return stage.encode_as(encoding);
}

}  // namespace

// The model is loaded here, eagerly: it takes about 20 ms, no file may be opened once the worker
// has started, and a model that is wrong shows in the worker's notes at once instead of in a
// customer's picture.
template <>
ImageCommand image_command<"facecrop">(const ImageWorkerOptions& options) {
  ImageCommand command;
  command.spec = make_spec();
  std::shared_ptr<face::FaceDetector> detector;
  if (options.face_model_path.empty()) {
    command.notes = {"facecrop uses the attention crop because no face model is configured"};
  } else if (auto loaded = face::load_face_detector(options.face_model_path)) {
    detector = std::move(*loaded);
  } else {
    command.notes = {"facecrop uses the attention crop because " + loaded.error().public_message};
  }
  command.build = detector ? "face/" + detector->model() : "face/none";
  command.run = [detector](const CommandCall& call, ImageStage& stage) {
    return run(detector.get(), call, stage);
  };
  return command;
}

}  // namespace millrace::workers::image
