// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::bench::sim {

// One row of a result's JSON, as far as curves are compared.
struct CurvePoint {
  double offered_x = 0;  // multiples of the capacity; a second, where no step asks for a capacity
  double goodput_x = 0;
  double good_p50_ms = 0;
  double good_p99_ms = 0;
  double refused_share = 0;
  std::uint64_t good = 0;
};

struct Comparison {
  struct Row {
    std::string step;
    std::string tier;  // "all": of all tiers
    CurvePoint measured;
    CurvePoint simulated;
    bool goodput_agrees = true;
    bool p50_agrees = true;
    bool p99_agrees = true;
    bool refused_agrees = true;
  };
  std::vector<Row> rows;
  std::vector<std::string> notes;  // steps that only one of them has
  [[nodiscard]] bool goodput_agrees() const;
  // A table for a terminal, with a sentence of verdict at its end.
  [[nodiscard]] std::string text() const;
};

// Two results of the same scenario (docs/formats/bench-result.md), step by step and tier by tier.
// A simulated value agrees when it is off by at most 15 % of the measured one; a goodput below
// 0.02x of the capacity, and a refused share off by less than 0.02, count as agreeing with such.
// BadParameter: one of them is no result, or they have no step in common.
base::Result<Comparison> compare(std::string_view measured_json, std::string_view simulated_json);

}  // namespace millrace::bench::sim
