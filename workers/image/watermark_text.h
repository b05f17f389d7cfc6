// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/result.h"
#include "workers/image/stamp.h"
#include "workers/image/text/font_book.h"
#include "workers/image/text/text_layout.h"
#include "workers/image/watch.h"
#include "workers/image/watermark_marks.h"

namespace millrace::workers::image {

// A text mark as it will look, whatever picture it comes onto. BadParameter as lay_out(), and for
// letters that `resize` makes larger than the largest that can be asked for.
base::Result<TextLayout> layout_of(const Mark& mark, const FontBook& book);

// The stamp of it for a picture of that size: of a text what lies inside the picture, of
// watermark/4 one cell. nullptr: nothing of it can be seen. Deadline, TaskTooExpensive.
base::Result<std::shared_ptr<const Stamp>> text_stamp(const Mark& mark, const TextLayout& layout,
                                                      Size picture, const TaskWatch& watch);

}  // namespace millrace::workers::image
