// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include <vips/vips8>

#include "base/result.h"
#include "workers/image/geometry.h"
#include "workers/image/stage.h"

namespace millrace::workers::image {

// The other pictures that a pipeline names, for the commands that lay them over, beside or after
// the one that they work on. `value` is the text of the argument that names it. Errors name the
// picture; none of these throws because of what is in its file.

// px, upright. A header's cost.
base::Result<Size> size_of_other(ImageStage& stage, std::string_view value);

// BadParameter: the other picture has not the size that it must have.
base::Error about_size(std::string_view value, Size other, Size wanted);

// Its first frame or page, upright, in memory: 8-bit sRGB with straight alpha, always 4 bands. As
// ImageStage::other(), CorruptMedia, and TaskTooExpensive where it does not fit into memory.
base::Result<vips::VImage> open_other(ImageStage& stage, std::string_view value);

// The same, scaled and cropped (`placement` is of the upright picture): no more of it is decoded
// than that takes. ResultTooLarge where it is enlarged beyond what a result may have.
base::Result<vips::VImage> open_other(ImageStage& stage, std::string_view value,
                                      const Placement& placement);

// An 8-bit picture, sRGB or grey, with or without alpha, as sRGB with alpha.
vips::VImage with_alpha(const vips::VImage& image);

}  // namespace millrace::workers::image
