// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace millrace::codecs {

enum class Kernel {
  Lanczos3,  // sharp; three lobes to either side
  Mitchell,  // softer, hardly rings; B = C = 1/3
};

// One direction of a plane: what is shown of its samples and on how many outputs. Sample k lies at
// k + 0.5 and stands for [k, k + 1); output i has its middle at begin + (i + 0.5) * step. Neither
// `begin` nor the end of the last output need be whole, or lie within the samples: beyond them the
// edge is repeated. A picture of 4001 px at a quarter has 1001 samples for an extent of 1000.25.
struct Axis {
  std::int32_t samples = 1;
  double begin = 0;  // samples from the outer edge of the first
  double step = 1;   // samples for each output; below 1: made larger
  std::int32_t outputs = 1;

  // The area [begin, end) on so many outputs.
  static Axis of(std::int32_t samples, double begin, double end, std::int32_t outputs) {
    return {samples, begin, (end - begin) / outputs, outputs};
  }
  friend bool operator==(const Axis&, const Axis&) = default;
};

// Every output is a sample (the whole, or a crop at sample's edges): nothing has to be computed.
// What differs from that by less than a 1/1024 of a sample counts as well.
bool copies(const Axis& axis);

struct Span {
  std::int32_t first = 0;
  std::int32_t count = 0;

  [[nodiscard]] std::int32_t end() const { return first + count; }
};

// How tables are laid out for those who read them.
struct TapLayout {
  std::int32_t first_multiple = 1;  // a first sample is a multiple of it
  std::int32_t taps_multiple = 1;   // the number of taps as well, completed by weights of nothing
};

// The weights of an axis: output i is the sum of weights(i)[k] * sample[span(i).first + k], which
// are of kOneInWeights parts and sum to exactly that, so that a constant stays constant.
// Making one costs O(outputs * taps), about 3 ns a tap.
class TapTable {
 public:
  static constexpr std::int32_t kWeightBits = 14;
  static constexpr std::int32_t kOneInWeights = 1 << kWeightBits;

  // Samples, outputs and step of the axis are above 0.
  TapTable(Kernel kernel, const Axis& axis, const TapLayout& layout);

  [[nodiscard]] std::int32_t outputs() const { return static_cast<std::int32_t>(firsts_.size()); }
  // Of each output: a multiple of the layout's, and with it maybe more than there are samples.
  [[nodiscard]] std::int32_t taps() const { return taps_; }
  [[nodiscard]] std::int32_t first(std::int32_t output) const {
    return firsts_[static_cast<std::size_t>(output)];
  }
  // Without the taps behind the last sample that counts; both ends within the samples.
  [[nodiscard]] Span span(std::int32_t output) const;
  [[nodiscard]] const std::int16_t* weights(std::int32_t output) const {
    return weights_.data() + static_cast<std::ptrdiff_t>(output) * taps_;
  }
  [[nodiscard]] const std::int32_t* firsts() const { return firsts_.data(); }
  // All samples that any output counts.
  [[nodiscard]] Span needs() const { return needs_; }

 private:
  std::int32_t taps_ = 0;
  std::vector<std::int32_t> firsts_;
  std::vector<std::int32_t> counts_;
  std::vector<std::int16_t> weights_;
  Span needs_;
};

}  // namespace millrace::codecs
