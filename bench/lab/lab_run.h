// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench/lab/result.h"
#include "bench/lab/target.h"

namespace millrace::bench {

struct RunOptions {
  std::filesystem::path scenario_folder;
  std::filesystem::path binaries;    // folder of millrace
  std::filesystem::path server_log;  // empty: not kept
  std::optional<Target> target;      // another server's URLs
  std::string url;                   // an external server; empty: the scenario's own
  int watch_root = 0;                // external: the tree of processes looked at; 0: all
  bool quiet = false;                // no progress on stderr
};

// The whole of a measured run: system under test, warm-up, capacity, steps with their attackers and
// events, watched processes. Blocks for as long as the scenario takes.
base::Result<RunResult> run_measured(const Scenario& scenario, const RunOptions& options);

}  // namespace millrace::bench
