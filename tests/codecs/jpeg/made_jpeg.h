// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace millrace::codecs::test {

// A picture with edges, gradients and noise, written by libjpeg.
struct Recipe {
  int width = 67;
  int height = 45;
  int components = 3;  // 1 grey, 3 YCbCr, 4 CMYK
  int luma_across = 2;
  int luma_down = 2;
  int chroma_across = 1;
  int chroma_down = 1;
  int quality_pct = 85;
  int restart_interval_mcus = 0;
  bool progressive = false;
  bool arithmetic = false;
  bool optimised = false;        // Huffman codes
  bool one_scan_each = false;    // a scan for every component
  bool rgb = false;              // stored as such
  std::optional<unsigned> seed;  // noise over all
};

using Bytes = std::vector<std::byte>;

Bytes make_jpeg(const Recipe& recipe);

// 4:2:0 and so on, and grey.
struct Sampling {
  std::string name;
  int components, luma_across, luma_down, chroma_across, chroma_down;
};
const std::vector<Sampling>& samplings();
Recipe recipe_of(const Sampling& sampling);

// Where the segments of `marker` begin (at their FF).
std::vector<std::size_t> segments(std::span<const std::byte> file, int marker);

}  // namespace millrace::codecs::test
