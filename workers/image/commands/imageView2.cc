// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "workers/image/command.h"
#include "workers/image/vips_runtime.h"

namespace millrace::workers::image {
namespace {

using base::Reason;
using pipeline::CommandCall;
using pipeline::ParameterKind;
using pipeline::ParameterSpec;

// What the reference gives to a GIF made of a GIF.
constexpr int kColorsOfGif = 128;

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
    "Without `format` the result has the format of the source; HEIC and AVIF become JPEG, TIFF "
    "becomes JPEG, or PNG when "
    "it has an alpha channel. Transparency is flattened on white when the format has none.\n\n"
    "`q` counts for JPEG, WebP and AVIF. From a JPEG source whose own quality is q0, no more than "
    "min(90, q0 x sqrt(W H / (w h))) is used (without the 90 when q0 is above it), unless `!` "
    "follows the number.\n\n"
    "`colors` counts for PNG and GIF; a GIF made of a GIF has 128 unless told otherwise. "
    "`interlace` makes a progressive JPEG, "
    "or an interlaced PNG or GIF.\n\n"
    "Colours are converted to sRGB and the profile is dropped. Of the metadata the copyright "
    "notice survives, in JPEG, PNG, "
    "WebP and AVIF; GIF has no place for it. Of an animation the first frame is taken.";

ParameterSpec integer(std::string name, std::string summary, std::string unit, std::int64_t min,
                      std::int64_t max) {
  ParameterSpec spec;
  spec.name = std::move(name);
  spec.summary = std::move(summary);
  spec.kind = ParameterKind::Integer;
  spec.unit = std::move(unit);
  spec.min = min;
  spec.max = max;
  return spec;
}

ParameterSpec format_parameter() {
  ParameterSpec spec;
  spec.name = "format";
  spec.summary = "The format of the result; the source's own when it is not given.";
  spec.kind = ParameterKind::Choice;
  spec.choices = {"jpg", "jpeg"};
  for (const OutputFormat format :
       {OutputFormat::Png, OutputFormat::Webp, OutputFormat::Gif, OutputFormat::Avif}) {
    if (can_write(format)) spec.choices.emplace_back(word_of(format));
  }
  spec.ignore_case = true;
  return spec;
}

ParameterSpec with_default(ParameterSpec spec, std::string text) {
  spec.default_text = std::move(text);
  return spec;
}

pipeline::CommandSpec make_spec() {
  pipeline::CommandSpec spec;
  spec.name = "imageView2";
  spec.summary = "Thumbnails: scales a picture to fit or to fill bounds, and converts it.";
  spec.description = kDescription;
  ParameterSpec mode = integer("mode", "Which of the six rules.", "", 0, 5);
  mode.required = true;
  spec.positional = {mode};
  ParameterSpec quality =
      integer("q", "The quality of the result; `!` after it forces it.", "", 1, 100);
  quality.kind = ParameterKind::Quality;
  ParameterSpec colors = integer("colors", "The most colours of a PNG or GIF.", "", 0, 0);
  colors.kind = ParameterKind::Choice;
  colors.choices = {"2", "4", "8", "16", "32", "64", "128", "256"};
  spec.named = {
      integer("w", "Bound of the width, or of the long edge.", "px", 1, 30'000),
      integer("h", "Bound of the height, or of the short edge.", "px", 1, 30'000),
      format_parameter(),
      with_default(integer("interlace", "1: progressive.", "", 0, 1), "0"),
      with_default(quality, "75 (avif: 50)"),
      colors,
      with_default(
          integer("ignore-error", "1: answer with the source itself when it cannot be processed.",
                  "", 0, 1),
          "0"),
  };
  spec.takes = {"image"};
  spec.gives = "image";
  spec.examples = {
      {"imageView2/1/w/200/h/200", "Exactly 200x200, cropped around the centre."},
      {"imageView2/2/w/800", "At most 800 px wide."},
      {"imageView2/2/w/640/h/640/format/webp/q/80", "Fits into 640x640, as WebP."},
      {"imageView2/0/format/jpg/interlace/1", "The same size, as a progressive JPEG."},
  };
  return spec;
}

Encoding encoding_for(const CommandCall& call, const ImageStage& stage, const QualityFacts& facts) {
  Encoding encoding;
  encoding.format = stage.encoding().format;
  if (const auto word = call.choice("format")) {
    encoding.format = output_format_from_word(*word).value_or(encoding.format);
  }
  encoding.quality_pct = effective_quality(encoding.format, call.quality("q"), facts);
  encoding.interlace = call.integer("interlace").value_or(0) == 1;
  const bool gif_to_gif =
      stage.encoding().format == OutputFormat::Gif && encoding.format == OutputFormat::Gif;
  if (gif_to_gif) encoding.colors = kColorsOfGif;
  if (const auto colors = call.choice("colors")) encoding.colors = std::stoi(*colors);
  return encoding;
}

base::Result<void> run(const CommandCall& call, ImageStage& stage) {
  if (call.arguments().size() < 2) {
    return base::fail(
        Reason::BadParameter,
        "imageView2 needs at least one of w, h, format, q, interlace and colors besides the mode.");
  }
  const Size before = stage.size();
  const Placement placement = place_view(static_cast<int>(call.integer("mode").value_or(0)),
                                         {call.integer("w"), call.integer("h")}, before);
  QualityFacts facts;
  facts.source_jpeg_quality_pct = stage.jpeg_quality_pct();
  facts.source = before;
  facts.result = {placement.kept.width, placement.kept.height};
  const Encoding encoding = encoding_for(call, stage, facts);
  if (auto scaled = stage.scale_and_crop(placement); !scaled) return scaled;
  return stage.encode_as(encoding);
}

}  // namespace

template <>
ImageCommand image_command<"imageView2">(const ImageWorkerOptions&) {
  return {make_spec(), {}, run};
}

}  // namespace millrace::workers::image
