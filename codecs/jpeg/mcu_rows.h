// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "codecs/jpeg/decoder.h"
#include "codecs/jpeg/inverse_dct.h"
#include "codecs/jpeg/layout.h"
#include "codecs/planes.h"

namespace millrace::codecs {

// Neighbouring MCUs are filled with coefficients and then transformed together, while they are in
// the first-level cache.
inline constexpr int kGroupMcus = 8;

// Where both decoders put coefficients, and what makes bands of samples of them: one row of MCUs,
// of the columns of the layout.
class McuRows {
 public:
  explicit McuRows(const JpegLayout& layout);

  // All coefficients of the next group become zero.
  void clear();
  // The first coefficient of the block in row `down` and column `across` of the MCU that stands at
  // `mcu` (0..kGroupMcus-1) of the group. Where its others are, block_shape(eighths) says.
  std::int16_t* block(int component, int mcu, int across, int down) {
    const Component& c = components_[static_cast<std::size_t>(component)];
    return c.coefficients + down * shape_.group + (mcu * c.across + across) * shape_.block;
  }
  // The low frequencies of a group of `count` MCUs, from one that has more of them.
  void take_lowest(const McuRows& finer, int count);
  // `count` MCUs of the group to samples; the first is the `mcu`-th of the layout's columns.
  void transform(std::int32_t mcu, int count);
  // The row `mcu_row` of the picture to the sink, component after component.
  [[nodiscard]] base::Result<void> deliver(std::int32_t mcu_row, const JpegBandSink& sink) const;

 private:
  struct Component {
    std::int16_t* coefficients = nullptr;  // `down` groups of blocks
    int across = 1;
    int down = 1;
    Plane samples;
  };
  struct Free {
    void operator()(std::int16_t* memory) const;
  };

  const JpegLayout& layout_;
  BlockShape shape_;
  std::size_t coefficient_count_ = 0;
  std::unique_ptr<std::int16_t, Free> memory_;
  std::vector<Component> components_;
};

// A row of MCUs at one or several scales; the decoder fills the finest, the others follow.
class ScaledMcuRows {
 public:
  // From the finest to the coarsest, of the same MCUs.
  explicit ScaledMcuRows(std::span<const JpegLayout> layouts)
      : scales_(layouts.begin(), layouts.end()) {}

  McuRows& finest() { return scales_.front(); }
  // As McuRows.
  void transform(std::int32_t mcu, int count);
  [[nodiscard]] base::Result<void> deliver(std::int32_t mcu_row, const JpegScaleSink& sink) const;

 private:
  std::vector<McuRows> scales_;
};

}  // namespace millrace::codecs
