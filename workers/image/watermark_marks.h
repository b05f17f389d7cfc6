// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pipeline/command_spec.h"
#include "pipeline/pipeline.h"
#include "workers/image/geometry.h"
#include "workers/image/gravity.h"

namespace millrace::workers::image {

// One mark of a watermark command: what it is, and what is said of it.
struct Mark {
  enum class Kind { Picture, Text, TextTiles };
  Kind kind = Kind::Text;
  pipeline::CommandCall call;  // its own parameters alone, each at most once
};

inline constexpr std::size_t kMarksMax = 32;
// The largest letters: 1000 px.
inline constexpr std::int64_t kFontTwipsMax = 20'000;
inline constexpr double kResizeMin = 0.1;

// The marks in the order in which they are put on. In mode 3 a mark begins with its `text` or
// `image`, and has what follows up to the next one; in the others there is one, and the order is
// free. BadParameter: none or too many marks, a parameter twice, or one that such a mark has not
// got.
base::Result<std::vector<Mark>> marks_of(const pipeline::CommandCall& call);

// What is said of marks: `text` and `font` where there are font names to choose from. Each may come
// back, for each mark.
std::vector<pipeline::ParameterSpec> mark_parameters(const std::vector<std::string>& font_names,
                                                     std::string_view default_font);

// How a mark lies on a picture.
struct MarkPlace {
  Gravity gravity = Gravity::SouthEast;
  Offset moved{10, 10};  // px
};
MarkPlace place_of(const Mark& mark);
// 0..255, from `dissolve`.
int opacity_of(const Mark& mark);
// A number that is written with or without a fraction.
double decimal_of(const Mark& mark, std::string_view parameter, double otherwise);

}  // namespace millrace::workers::image
