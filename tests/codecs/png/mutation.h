// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace millrace::codecs::test {

// The file with one to three changes that know how a PNG file is built, most of them with check
// sums that are right again: bytes of a chosen chunk, fields of the header, chunks moved, doubled,
// lost, renamed or parted; in the pixels filter numbers, bytes before they are deflated and bits
// after; the end cut off. Sides stay below 4096 px. The same seed makes the same changes.
std::vector<std::byte> mutated_png(std::span<const std::byte> file, std::uint32_t seed);

}  // namespace millrace::codecs::test
