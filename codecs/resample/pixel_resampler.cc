// SPDX-License-Identifier: Apache-2.0
#include "codecs/resample/pixel_resampler.h"

#include <array>
#include <memory>

#include "codecs/resample/interleave.h"

namespace millrace::codecs {

PixelResampler::PixelResampler(const PixelLayout& layout, const Axis& across, const Axis& down,
                               const ResampleOptions& options)
    : layout_(layout) {
  const auto scale = std::make_shared<const PlaneScale>(across, down, options);
  for (int band = 0; band < layout.bands; ++band) bands_.emplace_back(scale);
  rows_.resize(static_cast<std::size_t>(layout.bands));
}

void PixelResampler::push(std::int32_t first_row, const PlaneView& band) {
  const Span columns = bands_.front().needs().columns;
  if (rows_.front().height() < band.height) {
    for (Plane& rows : rows_) rows = Plane(columns.count, band.height);
  }
  for (std::int32_t y = 0; y < band.height; ++y) {
    std::array<std::uint8_t*, 4> rows{};
    for (std::size_t i = 0; i < rows_.size(); ++i) rows[i] = rows_[i].row(y);
    split_row(band.row(y) + static_cast<std::ptrdiff_t>(columns.first) * layout_.bands,
              layout_.bands, columns.count, rows.data());
    if (!layout_.alpha) continue;
    for (std::size_t i = 0; i + 1 < rows_.size(); ++i) {
      weigh_row(rows[i], rows_.back().row(y), columns.count);
    }
  }
  for (std::size_t i = 0; i < bands_.size(); ++i) {
    PlaneView view = rows_[i].view();
    view.height = band.height;
    bands_[i].push(first_row, columns.first, view);
  }
}

void PixelResampler::write(std::uint8_t* pixels, std::ptrdiff_t stride_bytes) {
  std::vector<Plane> planes;
  planes.reserve(bands_.size());
  for (PlaneResampler& band : bands_) planes.push_back(band.take());
  const Plane& first = planes.front();
  for (std::int32_t y = 0; y < first.height(); ++y) {
    if (layout_.alpha) {
      for (std::size_t i = 0; i + 1 < planes.size(); ++i) {
        unweigh_row(planes[i].row(y), planes.back().row(y), first.width());
      }
    }
    std::array<const std::uint8_t*, 4> rows{};
    for (std::size_t i = 0; i < planes.size(); ++i) rows[i] = planes[i].row(y);
    join_row(rows.data(), layout_.bands, first.width(), pixels + y * stride_bytes);
  }
}

}  // namespace millrace::codecs
