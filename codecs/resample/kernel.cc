// SPDX-License-Identifier: Apache-2.0

// Tables of weights. A kernel is looked up in a table of its own, 512 values for each sample's
// width and straight lines between them, which is a hundred times nearer than a weight's last bit:
// sines for every tap of every request would cost as much as the resampling.
#include "codecs/resample/kernel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace millrace::codecs {
namespace {

constexpr int kPointsPerSample = 512;
constexpr double kCopiesWithin = 1.0 / 1024;

double lanczos3(double x) {
  if (x == 0) return 1;
  const double angle = std::numbers::pi * x;
  return 3 * std::sin(angle) * std::sin(angle / 3) / (angle * angle);
}

// Mitchell and Netravali, Reconstruction Filters in Computer Graphics (1988), equation 8.
double mitchell(double x) {
  if (x < 1) return (7 * x * x * x - 12 * x * x + 16.0 / 3) / 6;
  return (-7.0 / 3 * x * x * x + 12 * x * x - 20 * x + 32.0 / 3) / 6;
}

// One side of a kernel, which is the other's mirror image.
template <int Radius>
class Curve {
 public:
  explicit Curve(double (*kernel)(double)) {
    for (int i = 0; i < kPoints; ++i) {
      values_[static_cast<std::size_t>(i)] =
          static_cast<float>(kernel(static_cast<double>(i) / kPointsPerSample));
    }
  }
  // At so many points from the middle.
  [[nodiscard]] float at(float points) const {
    const float away = std::min(std::abs(points), static_cast<float>(kPoints));
    const auto i = static_cast<std::int32_t>(away);
    const float* value = values_.data() + i;
    return value[0] + (value[1] - value[0]) * (away - static_cast<float>(i));
  }

 private:
  static constexpr int kPoints = Radius * kPointsPerSample;
  std::array<float, kPoints + 2> values_{};  // nothing from the radius on
};

// Where the kernel of one output is not nothing: samples from..to, of which some may not exist.
struct Reach {
  double middle = 0;
  std::int32_t from = 0;
  std::int32_t to = 0;
};

Reach reach_of(int radius, const Axis& axis, std::int32_t output) {
  const double middle = axis.begin + (output + 0.5) * axis.step;
  const double reach = radius * std::max(1.0, axis.step);
  return {middle, static_cast<std::int32_t>(std::floor(middle - reach - 0.5)) + 1,
          static_cast<std::int32_t>(std::ceil(middle + reach - 0.5)) - 1};
}

Span samples_of(const Reach& reach, const Axis& axis) {
  const std::int32_t first = std::clamp(reach.from, 0, axis.samples - 1);
  return {first, std::clamp(reach.to, 0, axis.samples - 1) - first + 1};
}

// The weights of one output before they are rounded, edges repeated. Returns their sum.
template <int Radius>
float weigh(const Curve<Radius>& curve, const Axis& axis, const Reach& reach,
            std::vector<float>& weights) {
  const Span span = samples_of(reach, axis);
  weights.assign(static_cast<std::size_t>(span.count), 0);
  const double points_each = kPointsPerSample / std::max(1.0, axis.step);
  const auto first_points = static_cast<float>((reach.from + 0.5 - reach.middle) * points_each);
  const auto step_points = static_cast<float>(points_each);
  const auto weight_at = [&](std::int32_t k) {
    return curve.at(first_points + static_cast<float>(k - reach.from) * step_points);
  };
  float sum = 0;
  const std::int32_t last = span.end() - 1;
  for (std::int32_t k = std::max(reach.from, span.first); k <= std::min(reach.to, last); ++k) {
    const float value = weight_at(k);
    weights[static_cast<std::size_t>(k - span.first)] = value;
    sum += value;
  }
  const auto add_to = [&](std::size_t place, float value) {
    weights[place] += value;
    sum += value;
  };
  for (std::int32_t k = reach.from; k < span.first; ++k) add_to(0, weight_at(k));
  for (std::int32_t k = std::max(reach.from, last + 1); k <= reach.to; ++k) {
    add_to(weights.size() - 1, weight_at(k));
  }
  return sum;
}

// Rounds to whole parts. What is then missing of one goes to the heaviest weight and outwards from
// there, a part each, so that no weight is moved by more than its rounding and one.
void round_weights(const std::vector<float>& weights, float sum, std::int16_t* rounded) {
  const auto count = static_cast<std::ptrdiff_t>(weights.size());
  const float scale = TapTable::kOneInWeights / sum;
  std::int32_t missing = TapTable::kOneInWeights;
  for (std::ptrdiff_t k = 0; k < count; ++k) {
    const auto parts =
        static_cast<std::int16_t>(std::lrint(weights[static_cast<std::size_t>(k)] * scale));
    rounded[k] = parts;
    missing -= parts;
  }
  const std::ptrdiff_t heaviest = std::max_element(rounded, rounded + count) - rounded;
  const std::int16_t part = missing < 0 ? -1 : 1;
  for (std::ptrdiff_t way = 0; missing != 0; ++way) {
    const std::ptrdiff_t away = (way + 1) / 2;
    const std::ptrdiff_t k = heaviest + (way % 2 == 0 ? away : -away);
    if (k >= 0 && k < count) {
      rounded[k] = static_cast<std::int16_t>(rounded[k] + part);
      missing -= part;
    }
    if (away > count) way = -1;
  }
}

}  // namespace

bool copies(const Axis& axis) {
  const double first = std::round(axis.begin);
  const double drift = std::abs(axis.step - 1) * axis.outputs;
  return std::abs(axis.begin - first) + drift < kCopiesWithin && first >= 0 &&
         static_cast<std::int64_t>(first) + axis.outputs <= axis.samples;
}

TapTable::TapTable(Kernel kernel, const Axis& axis, const TapLayout& layout) {
  static const Curve<3> lanczos3_curve(lanczos3);
  static const Curve<2> mitchell_curve(mitchell);
  const int radius = kernel == Kernel::Lanczos3 ? 3 : 2;
  std::vector<Reach> reaches;
  reaches.reserve(static_cast<std::size_t>(axis.outputs));
  std::int32_t first = axis.samples;
  std::int32_t end = 0;
  std::int32_t longest = 0;
  for (std::int32_t i = 0; i < axis.outputs; ++i) {
    reaches.push_back(reach_of(radius, axis, i));
    const Span span = samples_of(reaches.back(), axis);
    const std::int32_t before = span.first % layout.first_multiple;
    firsts_.push_back(span.first - before);
    counts_.push_back(span.count + before);
    longest = std::max(longest, counts_.back());
    first = std::min(first, span.first);
    end = std::max(end, span.end());
  }
  needs_ = {first, end - first};
  taps_ = (longest + layout.taps_multiple - 1) / layout.taps_multiple * layout.taps_multiple;
  weights_.assign(reaches.size() * static_cast<std::size_t>(taps_), 0);
  std::vector<float> weights;
  for (std::size_t i = 0; i < reaches.size(); ++i) {
    const float sum = kernel == Kernel::Lanczos3 ? weigh(lanczos3_curve, axis, reaches[i], weights)
                                                 : weigh(mitchell_curve, axis, reaches[i], weights);
    const auto before = counts_[i] - static_cast<std::int32_t>(weights.size());
    round_weights(weights, sum, weights_.data() + static_cast<std::ptrdiff_t>(i) * taps_ + before);
  }
}

Span TapTable::span(std::int32_t output) const {
  return {first(output), counts_[static_cast<std::size_t>(output)]};
}

}  // namespace millrace::codecs
