// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

namespace millrace::bench::speed {

// The middle one; of an even number the mean of the two in the middle; 0 of none.
double median(std::vector<double> values);
// 0 of none.
double mean(const std::vector<double>& values);
// a[i] / b[i], as far as both have such a round and b is above 0: what one is over the other when
// each round is held against its neighbour in time.
std::vector<double> ratios(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace millrace::bench::speed
