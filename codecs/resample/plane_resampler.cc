// SPDX-License-Identifier: Apache-2.0

// First down, then across: the first direction has all columns of the source to go through, and
// down the columns a product costs least (rows.cc). In between the samples keep 6 bits behind the
// point and what overshoots black and white, so that only the result is rounded and cut to 8 bits.
//
// Rows of the result are made in batches, strip by strip: the part of the ring that one strip reads
// stays in the first cache while all rows of the batch go over it.
#include "codecs/resample/plane_resampler.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "codecs/resample/linear_light.h"
#include "codecs/resample/rows.h"

namespace millrace::codecs {
namespace {

constexpr std::int32_t kBatchRows = 4;        // of the result
constexpr std::int32_t kStripBytes = 20'480;  // of the ring's rows, of a first cache of 32 KiB
constexpr std::int32_t kStripSamplesMin = 2 * kRowSlack;

constexpr int kToneBits = 6;  // behind the point, between both directions
constexpr int kRowShiftBits = TapTable::kWeightBits - kToneBits;
constexpr int kColumnShiftBits = TapTable::kWeightBits + kToneBits;
// Light has its 15 bits everywhere.
constexpr int kLightShiftBits = TapTable::kWeightBits;

void require(bool right) {
  if (!right) std::abort();
}

// The first sample of an axis that is only copied.
Span copied(const Axis& axis) {
  return {static_cast<std::int32_t>(std::lround(axis.begin)), axis.outputs};
}

void pair_light(const std::uint8_t* upper, const std::uint8_t* lower, std::ptrdiff_t width,
                std::int16_t* pairs) {
  const auto& light_of = LightTables::get().light_of;
  for (std::ptrdiff_t x = 0; x < width; ++x) {
    pairs[2 * x] = light_of[upper[x]];
    pairs[2 * x + 1] = light_of[lower[x]];
  }
}

}  // namespace

PlaneScale::PlaneScale(const Axis& across, const Axis& down, const ResampleOptions& options)
    : across_(across), down_(down), linear_light_(options.linear_light) {
  require(across.samples > 0 && across.outputs > 0 && across.step > 0);
  require(down.samples > 0 && down.outputs > 0 && down.step > 0);
  if (codecs::copies(across) && codecs::copies(down)) {
    needs_ = {copied(down), copied(across)};
    return;
  }
  columns_.emplace(options.kernel, across, TapLayout{.taps_multiple = kColumnTapsMultiple});
  rows_.emplace(options.kernel, down, TapLayout{.first_multiple = 2, .taps_multiple = 2});
  needs_ = {rows_->needs(), columns_->needs()};
}

PlaneResampler::PlaneResampler(std::shared_ptr<const PlaneScale> scale)
    : scale_(std::move(scale)),
      result_(scale_->outputs_across(), scale_->outputs_down()),
      next_row_(scale_->needs().rows.first) {
  if (scale_->copies()) return;
  // A window of columns may reach behind the last one, with weights of nothing.
  stride_ = needs().columns.count + kRowSlack + scale_->columns_->taps();
  const auto window_pairs = static_cast<std::size_t>(scale_->rows_->taps() / 2);
  // Room for as many rows as a batch goes down.
  ring_pairs_ = static_cast<std::int32_t>(window_pairs) +
                static_cast<std::int32_t>(std::ceil(scale_->down_.step * kBatchRows / 2)) + 1;
  const auto stride = static_cast<std::size_t>(stride_);
  const std::size_t ring_samples = 2 * stride * static_cast<std::size_t>(ring_pairs_);
  const bool light = scale_->linear_light_;
  const std::int32_t column_bytes = 2 * ring_pairs_ * (light ? 2 : 1);
  strip_ = std::max(kStripBytes / column_bytes / kRowSlack * kRowSlack, kStripSamplesMin);
  if (light) {
    light_.samples.resize(ring_samples);
    light_.windows.resize(window_pairs);
    light_row_.resize(static_cast<std::size_t>(result_.width()) + kRowSlack);
  } else {
    tones_.samples.resize(ring_samples);
    tones_.windows.resize(window_pairs);
  }
  upper_.resize(static_cast<std::size_t>(needs().columns.count));
  blended_.resize(stride * kBatchRows);
}

void PlaneResampler::push(std::int32_t first_row, std::int32_t first_column,
                          const PlaneView& band) {
  const Region& needs = this->needs();
  const std::int32_t end = std::min(first_row + band.height, needs.rows.end());
  if (end <= next_row_) return;
  require(first_row <= next_row_ && first_column <= needs.columns.first &&
          first_column + band.width >= needs.columns.end());
  const auto samples = [&](std::int32_t row) {
    return band.row(row - first_row) + (needs.columns.first - first_column);
  };
  if (scale_->copies()) {
    for (; next_row_ < end; ++next_row_) {
      std::memcpy(result_.row(rows_done_++), samples(next_row_),
                  static_cast<std::size_t>(result_.width()));
    }
    return;
  }
  while (next_row_ < end) {
    const std::int32_t row = next_row_;
    // Where one of the pair is not needed, its weights are nothing.
    if (row % 2 != 0) {
      put_pair(row, row == needs.rows.first ? samples(row) : upper_.data(), samples(row));
      next_row_ = row + 1;
    } else if (row + 1 < end) {
      put_pair(row, samples(row), samples(row + 1));
      next_row_ = row + 2;
    } else {
      if (end == needs.rows.end()) {
        put_pair(row, samples(row), samples(row));
      } else {
        std::memcpy(upper_.data(), samples(row), upper_.size());
      }
      next_row_ = end;
    }
  }
  if (end == needs.rows.end()) finish_rows();
}

void PlaneResampler::put_pair(std::int32_t row, const std::uint8_t* upper,
                              const std::uint8_t* lower) {
  if (done()) return;
  const std::int32_t pair = row / 2;
  // Its place in the ring is that of the oldest, which may still be counted.
  if (pair - scale_->rows_->first(rows_done_) / 2 >= ring_pairs_) finish_rows();
  if (scale_->linear_light_) {
    pair_light(upper, lower, needs().columns.count, pair_at(light_, pair));
  } else {
    pair_rows(upper, lower, needs().columns.count, pair_at(tones_, pair));
  }
  rows_paired_ = 2 * pair + 2;
}

// All rows of the result that the ring has everything for.
void PlaneResampler::finish_rows() {
  const TapTable& rows = *scale_->rows_;
  while (!done()) {
    const std::int32_t most = std::min(kBatchRows, rows.outputs() - rows_done_);
    std::int32_t count = 0;
    while (count < most && rows.span(rows_done_ + count).end() <= rows_paired_) ++count;
    if (count == 0) return;
    blend_rows(rows_done_, count);
    rows_done_ += count;
  }
}

void PlaneResampler::blend_rows(std::int32_t first, std::int32_t count) {
  const std::int32_t width = needs().columns.count;
  for (std::int32_t x = 0; x < width; x += strip_) {
    for (std::int32_t i = 0; i < count; ++i) {
      blend_strip(first + i, x, std::min(strip_, width - x), blended_row(i));
    }
  }
  for (std::int32_t i = 0; i < count; ++i) write_row(first + i, blended_row(i));
}

void PlaneResampler::blend_strip(std::int32_t output, std::int32_t x, std::int32_t width,
                                 std::int16_t* row) {
  if (scale_->linear_light_) {
    blend_strip_of(light_, output, x, width, kLightShiftBits, row);
  } else {
    blend_strip_of(tones_, output, x, width, kRowShiftBits, row);
  }
}

template <class Sample>
void PlaneResampler::blend_strip_of(PairRing<Sample>& ring, std::int32_t output, std::int32_t x,
                                    std::int32_t width, int shift_bits, std::int16_t* row) const {
  const TapTable& rows = *scale_->rows_;
  const Span span = rows.span(output);
  const std::int32_t pairs = (span.count + 1) / 2;
  for (std::int32_t k = 0; k < pairs; ++k) {
    ring.windows[static_cast<std::size_t>(k)] =
        pair_at(ring, span.first / 2 + k) + 2 * std::ptrdiff_t{x};
  }
  blend_pairs(ring.windows.data(), rows.weights(output), pairs, width, shift_bits, row + x);
}

void PlaneResampler::write_row(std::int32_t output, const std::int16_t* row) {
  const TapTable& columns = *scale_->columns_;
  const std::int32_t origin = needs().columns.first;
  std::uint8_t* out = result_.row(output);
  if (!scale_->linear_light_) {
    blend_columns(row, origin, columns, kColumnShiftBits, out);
    return;
  }
  blend_columns(row, origin, columns, kLightShiftBits, light_row_.data());
  const auto& tone_of = LightTables::get().tone_of;
  for (std::int32_t x = 0; x < columns.outputs(); ++x) {
    out[x] = tone_of[static_cast<std::size_t>(light_row_[static_cast<std::size_t>(x)])];
  }
}

template <class Sample>
Sample* PlaneResampler::pair_at(PairRing<Sample>& ring, std::int32_t pair) const {
  return ring.samples.data() + static_cast<std::ptrdiff_t>(pair % ring_pairs_) * 2 * stride_;
}

std::int16_t* PlaneResampler::blended_row(std::int32_t place) {
  return blended_.data() + static_cast<std::ptrdiff_t>(place) * stride_;
}

}  // namespace millrace::codecs
