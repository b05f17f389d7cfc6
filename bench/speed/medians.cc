// SPDX-License-Identifier: Apache-2.0
#include "bench/speed/medians.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace millrace::bench::speed {

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  if (values.size() % 2 == 1) return values[middle];
  return (values[middle - 1] + values[middle]) / 2;
}

double mean(const std::vector<double>& values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::vector<double> ratios(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> found;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (b[i] > 0) found.push_back(a[i] / b[i]);
  }
  return found;
}

}  // namespace millrace::bench::speed
