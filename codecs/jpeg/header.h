// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"

namespace millrace::codecs {

// What a decoder must know before the first scan of a JPEG file (ITU-T T.81, annex B). What
// photographs tell about themselves (orientation, profile, copyright) is not read here.

enum class JpegProcess { Baseline, Extended, Progressive, Lossless, Hierarchical };

// What the components mean, told the way that libjpeg tells it.
enum class JpegColor { Grey, YCbCr, Other };

struct JpegComponent {
  std::uint8_t id = 0;
  std::uint8_t across = 1;  // sampling factors, 1..4
  std::uint8_t down = 1;
  std::uint8_t quantisation_table = 0;  // 0..3
};

struct JpegScanComponent {
  std::uint8_t component = 0;  // index into JpegHeader::components
  std::uint8_t dc_table = 0;   // 0..3
  std::uint8_t ac_table = 0;
};

// A Huffman code as the file describes it: how many codes there are of each length, and what they
// stand for, shortest first.
struct JpegCode {
  std::array<std::uint8_t, 17> codes_of_length{};  // [0] is unused
  std::array<std::uint8_t, 256> symbols{};
  int symbol_count = 0;
};

using JpegSteps = std::array<std::uint16_t, 64>;  // in zigzag order

struct JpegHeader {
  std::int32_t width_px = 0;  // 1..65535, as stored
  std::int32_t height_px = 0;
  int precision_bits = 8;
  JpegProcess process = JpegProcess::Baseline;
  bool arithmetic = false;
  JpegColor color = JpegColor::YCbCr;
  std::optional<std::uint8_t> adobe_transform;
  std::vector<JpegComponent> components;  // at least one
  std::int32_t restart_interval_mcus = 0;

  std::array<std::optional<JpegSteps>, 4> steps;
  std::array<std::optional<JpegCode>, 4> dc_codes;
  std::array<std::optional<JpegCode>, 4> ac_codes;

  // The first scan.
  std::vector<JpegScanComponent> scan;  // empty where its header makes no sense
  std::uint8_t spectral_first = 0;
  std::uint8_t spectral_last = 63;
  std::uint8_t approximation = 0;
  std::size_t scan_offset_bytes = 0;  // where its data begins

  // Nothing stands in the header that libjpeg would refuse or that is read in more than one way.
  bool regular = true;

  [[nodiscard]] int across_max() const;
  [[nodiscard]] int down_max() const;
};

// Skips from marker to marker up to the data of the first scan. CorruptMedia with a sentence where
// the file is no JPEG, ends before a scan, or has no pixels. Every table index and length is within
// its bounds in what is returned. O(header).
base::Result<JpegHeader> read_jpeg_header(std::span<const std::byte> file);

}  // namespace millrace::codecs
