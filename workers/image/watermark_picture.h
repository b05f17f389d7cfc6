// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/result.h"
#include "workers/image/stage.h"
#include "workers/image/stamp.h"
#include "workers/image/watermark_marks.h"

namespace millrace::workers::image {

// Which side of a mark is so much of which side of the picture (`wst`).
enum class ScaledBy { Short, Long, Width, Height };

// px, of a mark of that size on a picture of that size: the proportions stay, sides are rounded to
// the nearest and are at least 1.
Size scaled_mark(Size mark, Size picture, double share, ScaledBy by);

// The stamp of a mark that is a picture, for the picture of the stage. nullptr: it is wider or
// higher than the picture, or lies outside of it. Errors as open_other().
base::Result<std::shared_ptr<const Stamp>> picture_stamp(const Mark& mark, ImageStage& stage);

}  // namespace millrace::workers::image
