// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/config.h"

namespace millrace::bench {

// A bound on what a run finds, one entry of a scenario's `expect:`. bench/lab/verdict.h judges it.
struct Expectation {
  std::string name;
  std::string of;       // one of expectation_figures()
  std::string step;     // empty: every step, and the worst of them counts
  std::string mix;      // of this mix's requests alone …
  std::string tier;     // … or of this tier's; both empty: of all
  std::string process;  // of this program; empty: of all that are watched, together
  // What the figure is divided by: a step's name (the same figure there), `peak` (its largest in
  // any step), `service_time` (of a time: workers / capacity); empty: nothing.
  std::string against;
  // For cpu_us_per_refusal: what is beyond this step, which serves as much and refuses less.
  std::string beyond;
  double at_least = -1;  // below 0: not asked
  double at_most = -1;
  void bind(base::ConfigBinder& binder);
};

inline constexpr std::string_view kAgainstPeak = "peak";
inline constexpr std::string_view kAgainstServiceTime = "service_time";

// goodput_per_s, good_p99_ms, … in the order in which docs/load-lab.md explains them.
const std::vector<std::string_view>& expectation_figures();

}  // namespace millrace::bench
