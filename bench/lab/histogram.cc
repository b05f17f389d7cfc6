// SPDX-License-Identifier: Apache-2.0
//
// Values below 256 have a bucket each. Above, a value of b significant bits is shifted right until
// eight are left: the upper one is always set, so the shift and the other seven name the bucket.
#include "bench/lab/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace millrace::bench {
namespace {

constexpr std::uint64_t kLinear = 256;
constexpr std::uint64_t kPerOctave = 128;

std::size_t bucket_of(std::uint64_t value) {
  if (value < kLinear) return value;
  const auto shift = static_cast<std::uint64_t>(std::bit_width(value)) - 8;
  return kLinear + (shift - 1) * kPerOctave + ((value >> shift) - kPerOctave);
}

double middle_of(std::size_t bucket) {
  if (bucket < kLinear) return static_cast<double>(bucket);
  const std::uint64_t shift = (bucket - kLinear) / kPerOctave + 1;
  const std::uint64_t from = ((bucket - kLinear) % kPerOctave + kPerOctave) << shift;
  return static_cast<double>(from) + static_cast<double>((std::uint64_t{1} << shift) - 1) / 2;
}

}  // namespace

void Histogram::add(std::int64_t value_us) {
  value_us = std::max<std::int64_t>(value_us, 0);
  const std::size_t bucket = bucket_of(static_cast<std::uint64_t>(value_us));
  if (bucket >= buckets_.size()) buckets_.resize(bucket + 1);
  ++buckets_[bucket];
  ++count_;
  sum_us_ += static_cast<double>(value_us);
  max_us_ = std::max(max_us_, value_us);
}

void Histogram::merge(const Histogram& other) {
  if (other.buckets_.size() > buckets_.size()) buckets_.resize(other.buckets_.size());
  for (std::size_t i = 0; i < other.buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_us_ += other.sum_us_;
  max_us_ = std::max(max_us_, other.max_us_);
}

double Histogram::mean_us() const {
  return count_ == 0 ? 0 : sum_us_ / static_cast<double>(count_);
}

double Histogram::quantile_us(double fraction) const {
  if (count_ == 0) return 0;
  const double wanted = std::ceil(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(count_));
  const auto rank = std::max<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1);
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    seen += buckets_[bucket];
    if (seen >= rank) return std::min(middle_of(bucket), static_cast<double>(max_us_));
  }
  return static_cast<double>(max_us_);
}

}  // namespace millrace::bench
