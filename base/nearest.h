// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::base {

// The candidates that look most like `word`, nearest first, at most `count_max`: for "did you
// mean". By edit distance, then in the order given. O(candidates x length^2), allocates.
std::vector<std::string> nearest_words(std::string_view word,
                                       const std::vector<std::string>& candidates,
                                       std::size_t count_max);

}  // namespace millrace::base
