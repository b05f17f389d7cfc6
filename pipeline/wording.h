// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::pipeline {

// The pieces that sentences for people are made of. What a client sent is quoted here and nowhere
// else, so that a sentence is always valid UTF-8 without control characters, however hostile the
// input.

// In double quotes; quotes, backslashes, control characters and bytes that are not UTF-8 as \xNN;
// cut after `bytes_max` bytes of input with "…".
std::string in_quotes(std::string_view bytes, std::size_t bytes_max = 64);

// The length in bytes of the well-formed UTF-8 sequence (RFC 3629) at the start of `bytes`; 0 when
// there is none.
std::size_t utf8_sequence_bytes(std::string_view bytes);

// Those of `names` that `given` may have been meant to be, nearest first, at most three: the same
// but for case, within a few edits, or one the beginning of the other.
std::vector<std::string_view> nearest(std::string_view given,
                                      const std::vector<std::string_view>& names);

// "a, b, c", at most `count_max` and then "…".
std::string listed(const std::vector<std::string_view>& names, std::size_t count_max = 40);

}  // namespace millrace::pipeline
