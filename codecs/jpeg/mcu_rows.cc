// SPDX-License-Identifier: Apache-2.0
#include "codecs/jpeg/mcu_rows.h"

#include <algorithm>
#include <new>

namespace millrace::codecs {
namespace {

constexpr std::align_val_t kAlignment{64};

}  // namespace

void McuRows::Free::operator()(std::int16_t* memory) const { operator delete(memory, kAlignment); }

McuRows::McuRows(const JpegLayout& layout) : layout_(layout), shape_(block_shape(layout.eighths)) {
  const std::int32_t mcus = layout.end_mcu_column - layout.first_mcu_column;
  for (const JpegComponentLayout& plane : layout.components) {
    coefficient_count_ += static_cast<std::size_t>(plane.down * shape_.group);
    components_.push_back(
        {nullptr, plane.across, plane.down,
         Plane(mcus * plane.across * layout.eighths, plane.down * layout.eighths)});
  }
  memory_.reset(static_cast<std::int16_t*>(operator new(coefficient_count_ * sizeof(std::int16_t),
                                                        kAlignment)));
  std::fill_n(memory_.get(), coefficient_count_, std::int16_t{0});
  std::int16_t* next = memory_.get();
  for (Component& component : components_) {
    component.coefficients = next;
    next += component.down * shape_.group;
  }
}

void McuRows::clear() {
  // Whole blocks lie together, so that only those of the group need it.
  for (const Component& component : components_) {
    const std::ptrdiff_t blocks = std::ptrdiff_t{kGroupMcus} * component.across;
    const std::ptrdiff_t used = layout_.eighths == 8 ? blocks * shape_.block : shape_.group;
    for (int down = 0; down < component.down; ++down) {
      std::fill_n(component.coefficients + down * shape_.group, used, std::int16_t{0});
    }
  }
}

void McuRows::take_lowest(const McuRows& finer, int count) {
  const int side = layout_.eighths;
  for (std::size_t i = 0; i < components_.size(); ++i) {
    const Component& component = components_[i];
    const int blocks = count * component.across;
    for (int down = 0; down < component.down; ++down) {
      const std::int16_t* from = finer.components_[i].coefficients + down * finer.shape_.group;
      std::int16_t* to = component.coefficients + down * shape_.group;
      for (int b = 0; b < blocks; ++b, from += finer.shape_.block, to += shape_.block) {
        for (int y = 0; y < side; ++y) {
          std::copy_n(from + y * finer.shape_.row, side, to + y * shape_.row);
        }
      }
    }
  }
}

void McuRows::transform(std::int32_t mcu, int count) {
  const int side = layout_.eighths;
  for (Component& component : components_) {
    const std::ptrdiff_t column = std::ptrdiff_t{mcu} * component.across * side;
    for (int down = 0; down < component.down; ++down) {
      inverse_dct(side, component.coefficients + down * shape_.group, count * component.across,
                  component.samples.row(down * side) + column, component.samples.stride_bytes());
    }
  }
}

base::Result<void> McuRows::deliver(std::int32_t mcu_row, const JpegBandSink& sink) const {
  for (std::size_t i = 0; i < components_.size(); ++i) {
    const JpegComponentLayout& plane = layout_.components[i];
    const Component& component = components_[i];
    JpegBand band;
    band.component = static_cast<int>(i);
    band.first_row = mcu_row * component.down * layout_.eighths;
    band.first_column = plane.first_column;
    band.samples = component.samples.view();
    band.samples.width = plane.columns;
    band.samples.height =
        std::min(band.samples.height, plane.first_row + plane.rows - band.first_row);
    if (auto taken = sink(band); !taken) return taken;
  }
  return {};
}

void ScaledMcuRows::transform(std::int32_t mcu, int count) {
  for (McuRows& rows : scales_) {
    if (&rows != &finest()) rows.take_lowest(finest(), count);
    rows.transform(mcu, count);
  }
}

base::Result<void> ScaledMcuRows::deliver(std::int32_t mcu_row, const JpegScaleSink& sink) const {
  for (std::size_t i = 0; i < scales_.size(); ++i) {
    const auto of_scale = [&sink, i](const JpegBand& band) { return sink(i, band); };
    if (auto taken = scales_[i].deliver(mcu_row, of_scale); !taken) return taken;
  }
  return {};
}

}  // namespace millrace::codecs
