// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "workers/image/command.h"
#include "workers/image/parameters.h"
#include "workers/image/result_file.h"

namespace millrace::workers::image {
namespace {

using base::Reason;
using pipeline::CommandCall;
using pipeline::ParameterSpec;

constexpr const char* kDescription =
    "Scales a picture by one of six rules; never enlarges. W x H is the source after its EXIF "
    "orientation has been "
    "applied, *long* and *short* are its edges.\n\n"
    "| mode | bounds | scale | crop |\n"
    "|---|---|---|---|\n"
    "| 0 | long edge at most w, short edge at most h | min(1, w/long, h/short) | none |\n"
    "| 1 | width at least w, height at least h | min(1, max(w/W, h/H)) | centre, to w x h |\n"
    "| 2 | width at most w, height at most h | min(1, w/W, h/H) | none |\n"
    "| 3 | width at least w, height at least h | min(1, max(w/W, h/H)) | none |\n"
    "| 4 | long edge at least w, short edge at least h | min(1, max(w/long, h/short)) | none |\n"
    "| 5 | as 4 | as 4 | centre, to long edge w and short edge h |\n\n"
    "A bound that is not given binds nothing in modes 0 and 2, and is the other bound in modes 1, "
    "3, 4 and 5. "
    "Sides are rounded to the nearest integer, at least 1. Where the source is smaller than the "
    "crop, the result is as large as "
    "the source allows. Without `w` and `h` the size stays; some other parameter must then be "
    "given.\n\n"
    "`format/auto` is the best of AVIF, JPEG XL and WebP that the client's `Accept` names, or else "
    "what every browser shows: see [delivery](../delivery.md). `format/auto.avif.webp` names them "
    "itself. "
    "`format/best` tries those that `format/auto` would choose from, and what every browser shows, "
    "and gives the smallest of equal likeness.\n\n"
    "`q/auto` is the lowest quality at which the luma of the result has a mean SSIM of 0.97 with "
    "what is encoded (`auto.high`: 0.985, `auto.low`: 0.95), as far as samples of the picture "
    "tell, and within 40 to 95 (AVIF: 25 to 90, HEIC: 20 to 90); never above what is left of a "
    "JPEG source's quality. "
    "With `format/best` a number asks for the likeness that a JPEG of that quality has. "
    "`max-bytes` lowers the quality until the file fits; 422 `result_too_large` where none does, "
    "or "
    "where the format has no quality to lower. `X-Millrace-Quality` says what was found.\n\n"
    "Without `format` the result has the format of the source where every browser shows it (JPEG, "
    "PNG, WebP, GIF). HEIC and AVIF become JPEG; SVG and ICO become PNG; TIFF, BMP, JPEG XL, JPEG "
    "2000, PSD and PDF become JPEG, or PNG when they have transparency. Transparency is flattened "
    "on white when the format has none.\n\n"
    "`q` counts for JPEG, WebP, AVIF, HEIC and JPEG XL. From a JPEG source whose own quality is "
    "q0, no more than min(90, q0 x sqrt(W H / (w h))) is used (without the 90 when q0 is above "
    "it), unless `!` follows the number. `lossless` counts for WebP and JPEG XL.\n\n"
    "`colors` counts for PNG and GIF; a GIF made of a GIF has 128 unless told otherwise. "
    "`interlace` makes a progressive JPEG, or an interlaced PNG or GIF.\n\n"
    "An animated GIF, WebP or JPEG XL stays animated when the result is GIF or WebP: every frame "
    "is scaled and cropped, and the delays and the number of rounds are kept. Other formats take "
    "the first frame.\n\n"
    "Colours are converted to sRGB and the profile is dropped; `icc/keep` leaves the colours in "
    "the space of an RGB or grey profile, and the profile with them (not in GIF). Of the metadata "
    "the copyright notice survives, in JPEG, PNG, WebP, AVIF and HEIC.";

pipeline::CommandSpec make_spec() {
  pipeline::CommandSpec spec;
  spec.name = "imageView2";
  spec.summary = "Thumbnails: scales a picture to fit or to fill bounds, and converts it.";
  spec.description = kDescription;
  ParameterSpec mode = integer_parameter("mode", "Which of the six rules.", "", 0, 5);
  mode.required = true;
  spec.positional = {mode};
  spec.named = {
      integer_parameter("w", "Bound of the width, or of the long edge.", "px", 1, 30'000),
      integer_parameter("h", "Bound of the height, or of the short edge.", "px", 1, 30'000),
  };
  add_file_parameters(spec);
  spec.named.push_back(ignore_error_parameter());
  spec.takes = {"image"};
  spec.gives = "image";
  spec.examples = {
      {"imageView2/1/w/200/h/200", "Exactly 200x200, cropped around the centre."},
      {"imageView2/2/w/800", "At most 800 px wide."},
      {"imageView2/2/w/640/h/640/format/webp/q/80", "Fits into 640x640, as WebP."},
      {"imageView2/0/format/jpg/interlace/1", "The same size, as a progressive JPEG."},
      {"imageView2/2/w/320/q/auto", "In no more quality than it takes to look the same."},
      {"imageView2/2/w/320/format/best", "In the smallest format that the client can show."},
      {"imageView2/2/w/320/max-bytes/8k", "In at most 8 KiB."},
  };
  return spec;
}

Placement placement_of(const CommandCall& call, Size source) {
  return place_view(static_cast<int>(call.integer("mode").value_or(0)),
                    {call.integer("w"), call.integer("h")}, source);
}

base::Result<void> check_arguments(const CommandCall& call) {
  if (call.arguments().size() >= 2) return {};
  return base::fail(
      Reason::BadParameter,
      "imageView2 needs at least one of w, h, format, q, max-bytes, lossless, interlace, colors "
      "and icc besides the mode.");
}

base::Result<std::optional<PictureShape>> plan(const CommandCall& call, const PictureShape& shape) {
  if (auto good = check_arguments(call); !good) return base::fail(std::move(good.error()));
  const Area kept = placement_of(call, shape.size).kept;
  return PictureShape{{kept.width, kept.height}, 1};
}

base::Result<void> run(const CommandCall& call, ImageStage& stage) {
  if (auto good = check_arguments(call); !good) return good;
  const GivenFile given = given_file(stage);
  if (auto scaled = stage.scale_and_crop(placement_of(call, given.size)); !scaled) return scaled;
  return encode_result(call, "q", given, stage);
}

}  // namespace

template <>
ImageCommand image_command<"imageView2">(const ImageWorkerOptions&) {
  ImageCommand command{make_spec(), {}, run};
  command.plan = plan;
  return command;
}

}  // namespace millrace::workers::image
