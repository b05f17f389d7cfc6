// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace millrace::bench {

// Counts of times by value, log-linear as HdrHistogram is: 128 buckets for each power of two, so a
// quantile is right to 0.4 %, from 1 microsecond to days. Memory grows with the largest value seen:
// 29 KiB at a minute.
class Histogram {
 public:
  // O(1); negative values count as 0.
  void add(std::int64_t value_us);
  void merge(const Histogram& other);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::int64_t max_us() const { return max_us_; }
  [[nodiscard]] double mean_us() const;
  // The smallest recorded value that at least `fraction` (0 … 1) of all are not above, as its
  // bucket's middle and never above max_us(). 0 when nothing was added.
  [[nodiscard]] double quantile_us(double fraction) const;

 private:
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::int64_t max_us_ = 0;
  double sum_us_ = 0;
};

}  // namespace millrace::bench
