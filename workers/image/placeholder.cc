// SPDX-License-Identifier: Apache-2.0
#include "workers/image/placeholder.h"

#include <nlohmann/json.hpp>

#include "workers/image/operations.h"
#include "workers/image/pixels.h"

namespace millrace::workers::image {

pipeline::ParameterSpec placeholder_way() {
  pipeline::ParameterSpec spec;
  spec.name = "as";
  spec.summary =
      "`json`: a document. `header`: the picture as the commands before made it (the original when "
      "there are none), with the hash as a header field.";
  spec.kind = pipeline::ParameterKind::Choice;
  spec.choices = {"json", "header"};
  spec.default_text = "json";
  return spec;
}

base::Result<std::optional<PictureShape>> plan_placeholder(const pipeline::CommandCall& call,
                                                           const PictureShape& shape) {
  if (call.choice("as") == "header") return shape;
  return std::nullopt;
}

base::Result<vips::VImage> upright_preview(ImageStage& stage, std::int64_t side_px_max,
                                           ImageStage::Alpha alpha) {
  auto preview = stage.preview(side_px_max, alpha);
  if (!preview) return preview;
  return in_memory(upright(*preview, stage.orientation()), stage.watch());
}

void give_placeholder(const pipeline::CommandCall& call, ImageStage& stage, std::string_view name,
                      std::string_view header, const std::string& hash) {
  if (call.choice("as") == "header") {
    stage.headers()[std::string(header)] = hash;
    return;
  }
  nlohmann::ordered_json document;
  document[std::string(name)] = hash;
  const Size size = upright(PictureShape{stage.size(), stage.orientation()}).size;
  document["width"] = size.width;
  document["height"] = size.height;
  constexpr bool kCacheable = false;
  stage.answer_json(document.dump(), kCacheable);
}

}  // namespace millrace::workers::image
