// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace millrace::codecs {

// The loops of rgb.cc, in the widest vectors that the processor has; the same bits on every one,
// and those of libjpeg. Rows that are read may be read kRgbRowSlack samples further than `width`,
// rows of samples that are written may be written as far. Interleaved pixels are touched to their
// last one and no further.
inline constexpr std::int32_t kRgbRowSlack = 64;

struct YccRows {
  const std::uint8_t* y = nullptr;
  const std::uint8_t* cb = nullptr;
  const std::uint8_t* cr = nullptr;
};
struct YccRowsOut {
  std::uint8_t* y = nullptr;
  std::uint8_t* cb = nullptr;
  std::uint8_t* cr = nullptr;
};

// Full-range BT.601 (JFIF) to pixels and back.
void pixels_of_ycc(const YccRows& rows, std::int32_t width, std::uint8_t* pixels);
void pixels_of_grey(const std::uint8_t* grey, std::int32_t width, std::uint8_t* pixels);
void ycc_of_pixels(const std::uint8_t* pixels, std::int32_t width, const YccRowsOut& rows);

// Twice as many samples: each at three quarters, with a quarter of the neighbour on its side.
// samples[-1] and samples[width] repeat the edges.
void double_across(const std::uint8_t* samples, std::int32_t width, std::uint8_t* out);
// (3 * near + far + bias) / 4, where the far row is above (bias 1) or below (bias 2).
void mix_down(const std::uint8_t* near, const std::uint8_t* far, std::int32_t width, int bias,
              std::uint8_t* out);
// Both at once: 3 * near + far, still in four parts, and the doubling of such a row.
void mix_sums(const std::uint8_t* near, const std::uint8_t* far, std::int32_t width,
              std::int16_t* sums);
void double_sums_across(const std::int16_t* sums, std::int32_t width, std::uint8_t* out);

// Half as many samples, from twice `width`: means of two beside each other, of two rows, of four.
// What lies half way is rounded up and down in turn, two rows apart always up.
void halve_across(const std::uint8_t* samples, std::int32_t width, std::uint8_t* out);
void mean_down(const std::uint8_t* upper, const std::uint8_t* lower, std::int32_t width,
               std::uint8_t* out);
void halve_both(const std::uint8_t* upper, const std::uint8_t* lower, std::int32_t width,
                std::uint8_t* out);

}  // namespace millrace::codecs
