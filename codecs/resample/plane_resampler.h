// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "codecs/planes.h"
#include "codecs/resample/kernel.h"

namespace millrace::codecs {

struct ResampleOptions {
  Kernel kernel = Kernel::Lanczos3;
  // Means light, not sRGB's tones: fine bright detail keeps its brightness. Of use for luma alone,
  // whose tones are then taken for grey; slower.
  bool linear_light = false;
};

// The part of a source plane that a resampler reads, in samples.
struct Region {
  Span rows;
  Span columns;
};

// How a plane is resampled, without any samples: the tables. Never changes; planes of the same
// geometry (Cb and Cr) share one.
class PlaneScale {
 public:
  PlaneScale(const Axis& across, const Axis& down, const ResampleOptions& options = {});

  [[nodiscard]] std::int32_t outputs_across() const { return across_.outputs; }
  [[nodiscard]] std::int32_t outputs_down() const { return down_.outputs; }
  // Nothing is computed: the plane or a part of it as it is.
  [[nodiscard]] bool copies() const { return !rows_; }
  [[nodiscard]] const Region& needs() const { return needs_; }

 private:
  friend class PlaneResampler;

  Axis across_;
  Axis down_;
  bool linear_light_;
  std::optional<TapTable> columns_;
  std::optional<TapTable> rows_;
  Region needs_;
};

// Resamples one plane while its rows arrive. It holds as many rows of the source as the kernel is
// high and two thirds more, of the columns that are needed, and the result.
// Cost: per output row, kernel height x needed columns, then kernel width x outputs across.
class PlaneResampler {
 public:
  explicit PlaneResampler(std::shared_ptr<const PlaneScale> scale);

  // The rows and columns of the source that will be looked at; others may be pushed as well.
  [[nodiscard]] const Region& needs() const { return scale_->needs(); }
  // The next rows of the source, a band of any height: `band` begins at first_row, first_column of
  // the plane, and holds the columns that are needed. Rows come from top to bottom, and none of
  // those needed is left out; anything else aborts. The band is not looked at after the return.
  void push(std::int32_t first_row, std::int32_t first_column, const PlaneView& band);
  // Finished rows of the result, from the top. They are made some at a time.
  [[nodiscard]] std::int32_t rows_done() const { return rows_done_; }
  [[nodiscard]] bool done() const { return rows_done_ == scale_->outputs_down(); }
  // The result, of which rows_done() rows are finished.
  [[nodiscard]] const Plane& result() const { return result_; }
  // When done: the result becomes the caller's.
  [[nodiscard]] Plane take() { return std::move(result_); }

 private:
  // Rows of the source in pairs, an even one and the odd one below it.
  template <class Sample>
  struct PairRing {
    std::vector<Sample> samples;
    std::vector<const Sample*> windows;  // the pairs that one output counts
  };

  void put_pair(std::int32_t row, const std::uint8_t* upper, const std::uint8_t* lower);
  void finish_rows();
  void blend_rows(std::int32_t first, std::int32_t count);
  void blend_strip(std::int32_t output, std::int32_t x, std::int32_t width, std::int16_t* row);
  void write_row(std::int32_t output, const std::int16_t* row);
  template <class Sample>
  [[nodiscard]] Sample* pair_at(PairRing<Sample>& ring, std::int32_t pair) const;
  template <class Sample>
  void blend_strip_of(PairRing<Sample>& ring, std::int32_t output, std::int32_t x,
                      std::int32_t width, int shift_bits, std::int16_t* row) const;
  [[nodiscard]] std::int16_t* blended_row(std::int32_t place);

  std::shared_ptr<const PlaneScale> scale_;
  Plane result_;
  std::int32_t rows_done_ = 0;
  std::int32_t next_row_;         // of the source
  std::int32_t rows_paired_ = 0;  // of the source, the end of what is in the ring
  std::int32_t ring_pairs_ = 0;
  std::int32_t strip_ = 0;   // samples across that are blended at a time
  std::int32_t stride_ = 0;  // of rows in the buffers below, in samples
  PairRing<std::uint8_t> tones_;
  PairRing<std::int16_t> light_;         // instead, if that is asked for
  std::vector<std::uint8_t> upper_;      // an even row that waits for the odd one
  std::vector<std::int16_t> blended_;    // rows that are already as few as the result's
  std::vector<std::int16_t> light_row_;  // one row of the result
};

}  // namespace millrace::codecs
