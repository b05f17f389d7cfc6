// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "workers/image/command.h"
#include "workers/image/loader.h"
#include "workers/image/operations.h"
#include "workers/image/other_picture.h"
#include "workers/image/pixels.h"
#include "workers/image/source.h"
#include "workers/image/ssim.h"

namespace millrace::workers::image {
namespace {

using base::Reason;
using pipeline::CommandCall;
using vips::VImage;

constexpr const char* kDescription =
    "Answers with JSON (`Cache-Control: no-store`) about the file that the commands before would "
    "have given:\n\n"
    "    {\"ssim\": 0.9812, \"dssim\": 0.0094, \"ssimLowest\": 0.9544, \"size\": 14513}\n\n"
    "| field | what |\n"
    "|---|---|\n"
    "| `ssim` | mean structural similarity of the luma, over windows of 8 x 8 px, of what the file "
    "shows and the pixels that were to be encoded; 1 is equal |\n"
    "| `dssim` | structural dissimilarity, (1 - ssim) / 2; 0 is equal |\n"
    "| `ssimLowest` | the lowest mean of a tile of 128 x 128 px |\n"
    "| `size` | bytes of the file |\n\n"
    "So it tells what format and quality cost at that size: compare "
    "`imageView2/2/w/400/q/60|compare` with `imageView2/2/w/400/format/webp/q/60|compare`. "
    "Transparent pixels are compared on white. 400 `bad_parameter` where no command before made a "
    "file.\n\n"
    "With `with` the other picture, upright, stands for the pixels that were to be encoded: two "
    "variants are compared, or an original with what was made of it elsewhere. Then no command "
    "need "
    "stand before. Both must have the same size, since scaling one would be measured too: 400 "
    "`bad_parameter` says both sizes.";

pipeline::CommandSpec make_spec() {
  pipeline::CommandSpec spec;
  spec.name = "compare";
  spec.summary = "How much a variant has lost by being encoded: SSIM, DSSIM and bytes.";
  spec.description = kDescription;
  pipeline::ParameterSpec with;
  with.name = "with";
  with.summary = "The picture to compare with.";
  with.kind = pipeline::ParameterKind::Picture;
  with.takes_key = true;
  spec.named = {with};
  spec.takes = {"image"};
  spec.gives = "json";
  spec.examples = {
      {"imageView2/2/w/400/q/60|compare", "What quality 60 costs at 400 px."},
      {"imageView2/2/w/400/format/webp|compare", "The same question for WebP."},
      {"compare/with/cGllci1lZGl0ZWQuanBn",
       "How much pier-edited.jpg of the same bucket differs from the source."},
  };
  return spec;
}

// What the file shows, in 8 bits: some formats are read with more.
base::Result<VImage> shown_by(const std::string& file) {
  const auto source = read_source(std::as_bytes(std::span(file)), {});
  if (!source) return base::fail(source.error());
  auto image = open_picture(*source);
  if (!image || image->format() == VIPS_FORMAT_UCHAR) return image;
  return (*image >> 8).cast(VIPS_FORMAT_UCHAR);
}

base::Result<Plane> luma_on_white(const VImage& image, const TaskWatch& watch) {
  auto pixels = in_memory(on_white(image), watch);
  if (!pixels) return base::fail(std::move(pixels.error()));
  return luma_of(*pixels);
}

double rounded(double value) { return std::round(value * 1e6) / 1e6; }

// What the other picture shows, or what was to be encoded.
base::Result<Plane> wanted_luma(const std::optional<std::string>& other, ImageStage& stage) {
  if (!other) {
    const auto picture = stage.picture_in_memory();
    if (!picture) return base::fail(picture.error());
    return luma_on_white(*picture, stage.watch());
  }
  const auto picture = open_other(stage, *other);
  if (!picture) return base::fail(picture.error());
  return luma_on_white(*picture, stage.watch());
}

// What the file shows; of an original, upright.
base::Result<Plane> shown_luma(const std::string& file, ImageStage& stage) {
  const auto shown = stage.untouched() ? stage.picture() : shown_by(file);
  if (!shown) return base::fail(shown.error());
  return luma_on_white(*shown, stage.watch());
}

base::Result<void> check_size(const std::string& other, ImageStage& stage) {
  const auto size = size_of_other(stage, other);
  if (!size) return base::fail(size.error());
  if (*size != stage.size()) return base::fail(about_size(other, *size, stage.size()));
  return {};
}

base::Result<void> run(const CommandCall& call, ImageStage& stage) {
  const std::optional<std::string> other = call.choice("with");
  if (stage.untouched() && !other) {
    return base::fail(Reason::BadParameter,
                      "compare tells what encoding costs: some command must make a picture first, "
                      "or with names another one.");
  }
  if (other) {
    if (auto same = check_size(*other, stage); !same) return same;
  }
  // Before the file: the picture can be read once.
  const auto wanted = wanted_luma(other, stage);
  if (!wanted) return base::fail(wanted.error());
  auto file = stage.encoded();
  if (!file) return base::fail(std::move(file.error()));
  const auto shown = shown_luma(*file, stage);
  if (!shown) return base::fail(shown.error());
  const SsimScore score = ssim(*wanted, *shown);
  nlohmann::ordered_json document;
  document["ssim"] = rounded(score.mean);
  document["dssim"] = rounded(dssim_of(score.mean));
  document["ssimLowest"] = rounded(score.lowest_tile);
  document["size"] = file->size();
  constexpr bool kCacheable = false;
  stage.answer_json(document.dump(), kCacheable);
  return {};
}

}  // namespace

template <>
ImageCommand image_command<"compare">(const ImageWorkerOptions&) {
  return {make_spec(), {}, run};
}

}  // namespace millrace::workers::image
