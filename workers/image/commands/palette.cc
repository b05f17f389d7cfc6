// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "workers/image/command.h"
#include "workers/image/dominant_colors.h"
#include "workers/image/pixels.h"

namespace millrace::workers::image {
namespace {

using pipeline::CommandCall;
using pipeline::ParameterSpec;

constexpr std::int64_t kCountMax = 32;
constexpr std::int64_t kCountDefault = 8;
// Sixteen thousand pixels tell the shares to a tenth of a percent.
constexpr std::int64_t kPreviewPx = 160;

constexpr const char* kDescription =
    "Answers with JSON (`Cache-Control: no-store`), the largest share first:\n\n"
    "    {\"colors\": [{\"RGB\": \"0x2b3a55\", \"share\": 0.4127}, {\"RGB\": \"0xd9c8a9\", "
    "\"share\": 0.2316}, …]}\n\n"
    "`share` is the part of the picture that this colour stands for; all of them make 1 (as far as "
    "four digits tell). Transparent pixels do not count, half transparent ones count half. There "
    "are fewer colours than `count` where the picture has no more that differ visibly, and none "
    "where nothing of it can be seen.";

pipeline::CommandSpec make_spec() {
  pipeline::CommandSpec spec;
  spec.name = "palette";
  spec.summary = "The dominant colours of a picture, with their shares.";
  spec.description = kDescription;
  ParameterSpec count;
  count.name = "count";
  count.summary = "The most colours.";
  count.min = 1;
  count.max = kCountMax;
  count.default_text = std::to_string(kCountDefault);
  spec.named = {count};
  spec.takes = {"image"};
  spec.gives = "json";
  spec.examples = {
      {"palette", "At most eight colours."},
      {"palette/count/3", "The three that matter most."},
  };
  return spec;
}

base::Result<void> run(const CommandCall& call, ImageStage& stage) {
  const auto preview = stage.preview(kPreviewPx, ImageStage::Alpha::Kept);
  if (!preview) return base::fail(preview.error());
  const auto count = static_cast<std::size_t>(call.integer("count").value_or(kCountDefault));
  auto colors = nlohmann::ordered_json::array();
  for (const DominantColor& color : dominant_colors(packed_pixels(*preview, 4), count)) {
    nlohmann::ordered_json item;
    item["RGB"] = fmt::format("0x{:02x}{:02x}{:02x}", color.rgb[0], color.rgb[1], color.rgb[2]);
    item["share"] = std::round(color.share * 1e4) / 1e4;
    colors.push_back(std::move(item));
  }
  nlohmann::ordered_json document;
  document["colors"] = std::move(colors);
  constexpr bool kCacheable = false;
  stage.answer_json(document.dump(), kCacheable);
  return {};
}

}  // namespace

template <>
ImageCommand image_command<"palette">(const ImageWorkerOptions&) {
  return {make_spec(), {}, run};
}

}  // namespace millrace::workers::image
