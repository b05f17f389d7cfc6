// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace millrace::codecs::test {

// The file with one to four changes that know how a JPEG file is built: bytes of a chosen segment,
// lengths, table numbers and sampling factors, segments moved, doubled, lost; in the data of scans
// bits, bytes, stuffed zeros and restart markers; the end cut off. Sides stay below 1024 px. The
// same seed makes the same changes.
std::vector<std::byte> mutated(std::span<const std::byte> file, std::uint32_t seed);

}  // namespace millrace::codecs::test
