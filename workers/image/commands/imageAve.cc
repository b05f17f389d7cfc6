// SPDX-License-Identifier: Apache-2.0
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "workers/image/command.h"
#include "workers/image/pixels.h"

namespace millrace::workers::image {
namespace {

using pipeline::CommandCall;

// Of the mean no more is left than that a picture was scaled down first: half a step at most.
constexpr std::int64_t kPreviewPx = 256;

constexpr const char* kDescription =
    "Answers with JSON (`Cache-Control: no-store`):\n\n"
    "    {\"RGB\": \"0x85694d\"}\n\n"
    "The mean of the sRGB values of all pixels, transparent ones on white: what is left when the "
    "picture is scaled to one pixel.";

pipeline::CommandSpec make_spec() {
  pipeline::CommandSpec spec;
  spec.name = "imageAve";
  spec.summary = "The average colour of a picture.";
  spec.description = kDescription;
  spec.takes = {"image"};
  spec.gives = "json";
  spec.examples = {
      {"imageAve", "Of the original."},
      {"imageView2/1/w/100/h/100|imageAve", "Of its middle."},
  };
  return spec;
}

base::Result<void> run(const CommandCall&, ImageStage& stage) {
  const auto preview = stage.preview(kPreviewPx);
  if (!preview) return base::fail(preview.error());
  const std::vector<std::uint8_t> pixels = packed_pixels(*preview, 3);
  std::array<std::uint64_t, 3> sums{};
  for (std::size_t i = 0; i < pixels.size(); ++i) sums[i % 3] += pixels[i];
  const std::uint64_t count = pixels.size() / 3;
  const auto mean = [&](std::size_t band) { return (sums[band] + count / 2) / count; };
  nlohmann::ordered_json document;
  document["RGB"] = fmt::format("0x{:02x}{:02x}{:02x}", mean(0), mean(1), mean(2));
  constexpr bool kCacheable = false;
  stage.answer_json(document.dump(), kCacheable);
  return {};
}

}  // namespace

template <>
ImageCommand image_command<"imageAve">(const ImageWorkerOptions&) {
  return {make_spec(), {}, run};
}

}  // namespace millrace::workers::image
