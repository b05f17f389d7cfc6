// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <vips/vips8>

#include "base/result.h"
#include "pipeline/command_spec.h"
#include "pipeline/pipeline.h"
#include "workers/image/geometry.h"
#include "workers/image/stage.h"

namespace millrace::workers::image {

// blurhash and thumbhash: a few bytes that stand for a picture until it is there.

// The parameter `as`: a document, or a header field of the picture as the pipeline made it.
pipeline::ParameterSpec placeholder_way();

// The shape that comes out: that of the picture, where a header field is asked for.
base::Result<std::optional<PictureShape>> plan_placeholder(const pipeline::CommandCall& call,
                                                           const PictureShape& shape);

// ImageStage::preview() turned upright, in memory; the picture of the stage lies as it lay, for it
// may be the answer.
base::Result<vips::VImage> upright_preview(ImageStage& stage, std::int64_t side_px_max,
                                           ImageStage::Alpha alpha);

// Answers with {"<name>": "<hash>", "width": …, "height": …}, or sets the field `header` and lets
// the pipeline go on with the picture. `hash` is visible ASCII.
void give_placeholder(const pipeline::CommandCall& call, ImageStage& stage, std::string_view name,
                      std::string_view header, const std::string& hash);

}  // namespace millrace::workers::image
