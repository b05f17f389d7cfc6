// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace millrace::workers::image {

// The BlurHash of a picture: its lowest `across` x `down` cosine terms (each 1..9) in linear light,
// as 4 + 2 across down characters of base 83. `rgb` is width x height px of 8-bit sRGB, rows
// without gaps; a copy of some 32 px is enough. O(pixels x terms). Source: the BlurHash
// specification (woltapp/blurhash, Algorithm.md).
std::string blurhash_of(std::span<const std::uint8_t> rgb, int width, int height, int across,
                        int down);

}  // namespace millrace::workers::image
