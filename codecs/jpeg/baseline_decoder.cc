// SPDX-License-Identifier: Apache-2.0
#include "codecs/jpeg/baseline_decoder.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "codecs/jpeg/baseline_scan.h"
#include "codecs/jpeg/huffman_table.h"
#include "codecs/jpeg/mcu_rows.h"
#include "codecs/jpeg/zigzag.h"

namespace millrace::codecs {
namespace {

constexpr int kBlocksInMcuMax = 10;
constexpr std::int32_t kSidePxMax = 65500;  // libjpeg's

class BaselineDecoding {
 public:
  BaselineDecoding(std::span<const std::byte> file, const JpegHeader& header,
                   std::span<const JpegLayout> layouts)
      : layout_(layouts.front()),
        scan_(file.subspan(header.scan_offset_bytes), header.restart_interval_mcus),
        rows_(layouts) {
    const bool skips = layout_.eighths < 8 || layout_.first_mcu_row > 0 ||
                       layout_.end_mcu_column - layout_.first_mcu_column < layout_.mcus_across;
    for (std::size_t i = 0; i < header.components.size(); ++i) {
      ScanComponent& component = scan_.components[i];
      component.blocks_across = layout_.components[i].across;
      component.blocks_down = layout_.components[i].down;
      const JpegSteps& steps = *header.steps[header.components[i].quantisation_table];
      component.dc =
          table(dc_, header.dc_codes, header.scan[i].dc_table, HuffmanTable::Kind::Dc, false, 0);
      component.ac =
          table(ac_, header.ac_codes, header.scan[i].ac_table, HuffmanTable::Kind::Ac, skips,
                kCoefficientMax / std::max<int>(1, *std::ranges::max_element(steps)));
      place(steps, component);
    }
    scan_.component_count = static_cast<int>(header.components.size());
  }

  [[nodiscard]] bool has_sound_codes() const { return sound_codes_; }

  // Rows are read in order. False: the row cannot be read.
  bool skip_row() { return skip_mcus(scan_, layout_.mcus_across); }
  bool read_row() {
    if (!skip_mcus(scan_, layout_.first_mcu_column)) return false;
    const std::int32_t wanted = layout_.end_mcu_column - layout_.first_mcu_column;
    for (std::int32_t mcu = 0; mcu < wanted; mcu += kGroupMcus) {
      const int count = std::min(kGroupMcus, wanted - mcu);
      rows_.finest().clear();
      if (!read_mcus(layout_.eighths, scan_, rows_.finest(), count)) return false;
      rows_.transform(mcu, count);
    }
    return skip_mcus(scan_, layout_.mcus_across - layout_.end_mcu_column);
  }

  [[nodiscard]] const ScaledMcuRows& rows() const { return rows_; }
  [[nodiscard]] bool is_ended_by_marker() const { return scan_.bytes.is_ended_by_marker(); }

 private:
  // By the slot of the code and the largest value of a whole word.
  using Tables = std::map<std::pair<std::size_t, std::int32_t>, HuffmanTable>;
  using Codes = std::array<std::optional<JpegCode>, 4>;

  const HuffmanTable* table(Tables& tables, const Codes& codes, std::size_t slot,
                            HuffmanTable::Kind kind, bool with_skips, std::int32_t value_max) {
    const auto [at, is_new] = tables.try_emplace({slot, value_max});
    if (is_new) {
      sound_codes_ = at->second.build(*codes[slot], kind, with_skips, value_max) && sound_codes_;
    }
    return &at->second;
  }

  void place(const JpegSteps& steps, ScanComponent& component) const {
    const BlockShape shape = block_shape(layout_.eighths);
    for (std::size_t k = 0; k < steps.size(); ++k) {
      const int across = kZigzag[k] % 8;
      const int down = kZigzag[k] / 8;
      if (across >= layout_.eighths || down >= layout_.eighths) continue;
      component.places[k] = {steps[k], static_cast<std::int32_t>(down * shape.row + across)};
    }
  }

  const JpegLayout& layout_;
  Tables dc_;
  Tables ac_;
  bool sound_codes_ = true;
  BaselineScan scan_;
  ScaledMcuRows rows_;
};

}  // namespace

bool is_for_baseline(const JpegHeader& header) {
  const bool sequential =
      header.process == JpegProcess::Baseline || header.process == JpegProcess::Extended;
  if (!header.regular || !sequential || header.arithmetic) return false;
  if (header.width_px > kSidePxMax || header.height_px > kSidePxMax) return false;
  if (header.scan.size() != header.components.size()) return false;
  if (header.spectral_first != 0 || header.spectral_last != 63 || header.approximation != 0) {
    return false;
  }
  int blocks = 0;
  for (std::size_t i = 0; i < header.scan.size(); ++i) {
    const JpegScanComponent& scan = header.scan[i];
    const JpegComponent& component = header.components[i];
    const auto& steps = header.steps[component.quantisation_table];
    // Without a step the prediction of DC coefficients could grow without being seen.
    if (scan.component != i || !steps || (*steps)[0] == 0) return false;
    if (!header.dc_codes[scan.dc_table] || !header.ac_codes[scan.ac_table]) return false;
    blocks += component.across * component.down;
  }
  return header.scan.size() == 1 || blocks <= kBlocksInMcuMax;
}

base::Result<std::int32_t> decode_baseline(std::span<const std::byte> file,
                                           const JpegHeader& header,
                                           std::span<const JpegLayout> layouts,
                                           const JpegScaleSink& sink, const JpegCheck& check) {
  const JpegLayout& layout = layouts.front();
  BaselineDecoding decoding(file, header, layouts);
  if (!decoding.has_sound_codes()) return layout.first_mcu_row;
  for (std::int32_t row = 0; row < layout.end_mcu_row; ++row) {
    if (check) {
      if (auto wanted = check(); !wanted) return base::fail(std::move(wanted.error()));
    }
    const bool inside = row >= layout.first_mcu_row;
    if (!(inside ? decoding.read_row() : decoding.skip_row())) {
      return std::max(row, layout.first_mcu_row);
    }
    if (!inside) continue;
    if (auto taken = decoding.rows().deliver(row, sink); !taken) {
      return base::fail(std::move(taken.error()));
    }
  }
  if (layout.end_mcu_row == layout.mcus_down && !decoding.is_ended_by_marker()) {
    return base::fail(base::Reason::CorruptMedia, "The jpeg file is damaged: it cannot be decoded.",
                      "no marker ends the last scan");
  }
  return layout.end_mcu_row;
}

}  // namespace millrace::codecs
