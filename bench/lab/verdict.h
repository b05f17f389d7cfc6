// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/lab/result.h"

// Whether a run held what its scenario asks under `expect:`. Pure: a finished result goes in,
// measured or simulated. Of several rounds the median counts, except of counts (late, lost,
// errors, …): there the worst round does, for a lost answer is no noise.
namespace millrace::bench {

enum class Judgement { Held, Missed, Unmeasured };

struct Verdict {
  std::string name;
  std::string asked;            // "good_p99_ms of tier paid in flood, over alone: at most 1.3"
  std::optional<double> value;  // of the step that was worst; the median of all rounds
  std::vector<double> rounds;   // what that is the median of, from small to large
  std::string step;             // that step
  Judgement judgement = Judgement::Unmeasured;
};

// In the order of the scenario.
std::vector<Verdict> verdicts(const RunResult& result);
std::string_view to_text(Judgement judgement);  // held | missed | unmeasured
// "1.12 in flood"; "nothing to measure".
std::string measured_text(const Verdict& verdict);
// In a measured run a figure that could not be had counts as missed: a bound that nothing checks
// must not look kept. A simulation has no processes to look at, and may leave those out.
bool all_held(const RunResult& result);

}  // namespace millrace::bench
