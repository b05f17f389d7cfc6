// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::workers::image {

// The lines of a text, each without what ends it (LF, CR LF, or Unicode's separators of lines and
// paragraphs). Nothing in it is markup. BadParameter: it is not UTF-8, has control characters
// other than those, or has more than kTextLinesMax lines. At least one line.
inline constexpr std::size_t kTextLinesMax = 100;
base::Result<std::vector<std::u32string>> text_lines(std::string_view text);

}  // namespace millrace::workers::image
