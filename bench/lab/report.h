// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "bench/lab/result.h"

namespace millrace::bench {

// docs/formats/bench-result.md describes it; `schema` is raised when a field changes its meaning.
std::string report_json(const RunResult& result);
// For a terminal: one block a step, one line a row.
std::string report_table(const RunResult& result);
// One file with everything in it: no script, no font, no picture from elsewhere.
std::string report_html(const RunResult& result);

}  // namespace millrace::bench
