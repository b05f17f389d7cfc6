// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <vector>

#include <vips/vips8>

#include "base/result.h"
#include "pipeline/pipeline.h"
#include "workers/image/geometry.h"
#include "workers/image/stage.h"

namespace millrace::workers::image {

// One thing that is done to a picture, and the size that it has then.
struct PictureStep {
  enum class Kind { Orient, Scale, Crop, Change };
  Kind kind = Kind::Change;
  Size size;
  std::function<vips::VImage(const vips::VImage&)> change{};  // of Kind::Change
  ImageStage::Reads reads = ImageStage::Reads::TopDown;
  Area kept{};  // of Kind::Crop
};

// The items of imageMogr2 as steps; nothing is computed meanwhile. That list is what is done, and
// its end is what is foretold. Steps that would change nothing are left out.
struct MagickPlan {
  std::vector<PictureStep> steps;
  PictureShape shape;  // at the end
};
// BadParameter for what `shape` does not allow. Pure.
base::Result<MagickPlan> magick_plan(const pipeline::CommandCall& call, const PictureShape& shape);

std::vector<pipeline::ValueForm> blur_forms();

}  // namespace millrace::workers::image
