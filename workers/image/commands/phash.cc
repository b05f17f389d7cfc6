// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "workers/image/command.h"
#include "workers/image/perceptual_hash.h"
#include "workers/image/ssim.h"

namespace millrace::workers::image {
namespace {

using pipeline::CommandCall;
using vips::VImage;

constexpr std::int64_t kPreviewPx = 256;

constexpr const char* kDescription =
    "Answers with JSON (`Cache-Control: no-store`):\n\n"
    "    {\"phash\": \"e1b86c3d92679a4c\"}\n\n"
    "64 bits of the upright picture on white, as sixteen hexadecimal digits. Two pictures are "
    "compared by the number of bits that differ (the ones in the exclusive or of both): up to "
    "about 10 it is the same picture, scaled, recompressed, in grey or a little brighter; pictures "
    "that have nothing to do with each other differ in about 32. A mirrored, turned or cropped "
    "picture is another picture.";

pipeline::CommandSpec make_spec() {
  pipeline::CommandSpec spec;
  spec.name = "phash";
  spec.summary = "A perceptual hash, by which to find a picture again.";
  spec.description = kDescription;
  spec.takes = {"image"};
  spec.gives = "json";
  spec.examples = {{"phash", "Of the original."}};
  return spec;
}

base::Result<void> run(const CommandCall&, ImageStage& stage) {
  const auto preview = stage.preview(kPreviewPx);
  if (!preview) return base::fail(preview.error());
  const VImage square =
      preview
          ->resize(static_cast<double>(kHashedSidePx) / preview->width(),
                   VImage::option()->set("vscale",
                                         static_cast<double>(kHashedSidePx) / preview->height()))
          .copy_memory();
  const Plane luma = luma_of(square);
  nlohmann::ordered_json document;
  document["phash"] = fmt::format("{:016x}", perceptual_hash(luma.samples));
  constexpr bool kCacheable = false;
  stage.answer_json(document.dump(), kCacheable);
  return {};
}

}  // namespace

template <>
ImageCommand image_command<"phash">(const ImageWorkerOptions&) {
  return {make_spec(), {}, run};
}

}  // namespace millrace::workers::image
