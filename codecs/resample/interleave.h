// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace millrace::codecs {

// Between pixels (their bands side by side) and a row for each band. `bands`: 1..4.
void split_row(const std::uint8_t* pixels, int bands, std::int32_t count,
               std::uint8_t* const* rows);
void join_row(const std::uint8_t* const* rows, int bands, std::int32_t count, std::uint8_t* pixels);

// Straight colours to those that alpha has weighed, and back; in place. What is not seen at all has
// no colour: it becomes 0.
void weigh_row(std::uint8_t* color, const std::uint8_t* alpha, std::int32_t count);
void unweigh_row(std::uint8_t* color, const std::uint8_t* alpha, std::int32_t count);

}  // namespace millrace::codecs
