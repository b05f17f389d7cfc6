// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <random>

namespace millrace::bench::sim {

// Random numbers that are the same with every standard library: the engine is specified to the bit,
// the library's distributions are not. One stream a purpose, so that a change in one leaves the
// others.
class Draws {
 public:
  Draws(std::uint64_t seed, std::uint64_t purpose) : engine_(seed * 1'000'003 + purpose) {}

  // In (0, 1].
  double uniform() { return (static_cast<double>(engine_() >> 11) + 1) / 9007199254740992.0; }
  std::uint64_t below(std::uint64_t count) { return engine_() % count; }
  // Log-normal with this mean; `spread` is standard deviation / mean, 0: always the mean.
  double lognormal(double mean, double spread) {
    if (spread <= 0) return mean;
    constexpr double kTwoPi = 6.283185307179586;
    const double variance = std::log1p(spread * spread);
    const double normal = std::sqrt(-2 * std::log(uniform())) * std::cos(kTwoPi * uniform());
    return mean * std::exp(std::sqrt(variance) * normal - variance / 2);
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace millrace::bench::sim
