// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "bench/lab/result.h"
#include "bench/lab/scenario.h"
#include "bench/sim/sim_costs.h"

namespace millrace::bench::sim {

struct SimOptions {
  std::size_t cores = 2;  // of the machine that is simulated
  SimCosts costs;
  // Above 0: what `1x` is, and service times are all multiplied by one factor so that the simulated
  // machine has this capacity. 0: the scenario's service times stand, and the capacity is what the
  // simulated machine does with them.
  double capacity_per_s = 0;
};

// What a measured result says of its machine, for a simulation of the same: capacity, cores, costs
// (SimCosts::learn). BadParameter: not a result, or one without a capacity.
base::Result<void> take_from_result(std::string_view result_json, SimOptions& options);

// The scenario in virtual time: warm-up, capacity, steps, attackers and events, as the lab runs
// them, with the same arrivals. The same arguments always give the same result; its kind is
// `simulated`. BadParameter as server_of.
base::Result<RunResult> simulate(const Scenario& scenario, const SimOptions& options);

}  // namespace millrace::bench::sim
