// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <random>
#include <vector>

#include "bench/lab/scenario.h"

namespace millrace::bench {

using Nanoseconds = std::chrono::nanoseconds;

// When one step runs, from the first step's start.
struct StepWindow {
  Nanoseconds begin{0};
  Nanoseconds end{0};
};

struct Arrival {
  Nanoseconds at{0};  // from the first step's start
  std::size_t step = 0;
  std::size_t mix = 0;  // index into Scenario::mixes
};

// When requests leave, decided beforehand and by nothing that comes back: an open loop. The same
// scenario, capacity and seed give the same arrivals in the generator and in the simulator.
class Schedule {
 public:
  // `scenario` must outlive it.
  Schedule(const Scenario& scenario, double capacity_per_s);

  // In ascending order; none when the last step is over.
  std::optional<Arrival> next();
  [[nodiscard]] const std::vector<StepWindow>& windows() const { return windows_; }
  [[nodiscard]] Nanoseconds end() const { return windows_.back().end; }
  // Requests a second of a mix at a moment within a step.
  [[nodiscard]] double rate_of(std::size_t step, std::size_t mix, Nanoseconds at) const;

 private:
  void enter(std::size_t step);
  double rates_at(Nanoseconds at);  // fills rates_, answers their sum
  std::optional<Arrival> next_poisson();
  std::optional<Arrival> next_uniform();
  double draw();  // in (0, 1]

  const Scenario& scenario_;
  double capacity_per_s_;
  std::mt19937_64 random_;
  std::vector<StepWindow> windows_;
  std::size_t step_ = 0;
  Nanoseconds now_{0};
  double rate_max_ = 0;
  double weight_sum_ = 0;
  std::vector<double> rates_;   // by mix, at the moment looked at
  std::vector<double> credit_;  // uniform: requests due of each mix
};

}  // namespace millrace::bench
