// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "tests/codecs/png/reference.h"

namespace millrace::codecs::test {

// What our decoder makes of it; nullopt: it leaves the file to others.
std::optional<PngReading> read_here(std::span<const std::byte> file);

// What is wrong with our reading of a file, beside libpng's; empty: nothing. `given` says whether
// it was ours to read.
std::string difference(std::span<const std::byte> file, bool& given);

}  // namespace millrace::codecs::test
